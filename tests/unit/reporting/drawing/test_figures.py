"""Figures that every experiment has: their files, and odd experiments."""

import hashlib
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from figure_inputs import drawn, inputs_of, plot
from matplotlib.text import Text
from reporting_fixture import Experiment, Made

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.words import Words

SCRIPTS = Path(__file__).resolve().parents[4] / "workflow_scripts"
PNG_START = b"\x89PNG\r\n\x1a\n"
NAMES = (
    "roc", "precision_recall", "confusion", "training_curves", "cost", "ranking", "data_flow"
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def figures(made):
    folder = made.folder / "figures"
    for name in NAMES:
        plot(name, inputs_of(made), folder / name)
    return {name: folder / f"{name}.png" for name in NAMES}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", ["ranking", "confusion", "data_flow", "cost"])
def test_figures_are_byte_identical_on_repetition(made, figures, tmp_path, name):
    plot(name, inputs_of(made), tmp_path / name)
    for suffix in (".png", ".pdf"):
        first = figures[name].with_suffix(suffix).read_bytes()
        assert first == (tmp_path / f"{name}{suffix}").read_bytes()


def test_figures_are_byte_identical_whatever_matplotlib_is_told(made, figures, tmp_path):
    code = (
        "import sys; from pneumobench.reporting.drawing.inputs import FigureInputs; "
        "from pneumobench.reporting.drawing.plot import plot_figure; "
        "from pneumobench.reporting.words import Words; audit, splits, stem = sys.argv[1:]; "
        "inputs = FigureInputs({'audit': audit, 'splits': splits}, Words()); "
        "plot_figure('pneumobench.reporting.drawing.data_flow', inputs, stem)"
    )
    arguments = [str(path) for path in (made.audit, made.splits, tmp_path / "data_flow")]
    (tmp_path / "matplotlibrc").write_text("text.color: white\nsavefig.bbox: tight\n")
    told = os.environ | {"MPLBACKEND": "nonsense", "PYTHONPATH": str(SCRIPTS)}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=tmp_path, env=told)
    for suffix in (".png", ".pdf"):
        digests = [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (figures["data_flow"].with_suffix(suffix), tmp_path / f"data_flow{suffix}")
        ]
        assert digests[0] == digests[1]


def test_vector_figures_embed_truetype_fonts_and_no_date(figures):
    for png in figures.values():
        assert png.read_bytes().startswith(PNG_START)
        pdf = png.with_suffix(".pdf").read_bytes()
        assert b"/Subtype /Type3" not in pdf and b"CreationDate" not in pdf
        assert b"FontFile2" in pdf or any(
            b"FontFile2" in unpacked for unpacked in decompressed(pdf)
        )


def decompressed(pdf):
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.S):
        try:
            yield zlib.decompress(match[1])
        except zlib.error:
            continue


@pytest.mark.filterwarnings("error::UserWarning")
def test_single_run_without_held_out_part_is_drawn(tmp_path):
    made = Experiment(tmp_path, [Made("alexnet", "AlexNet", 2.0, 57e6)])
    for path in made.histories:
        table = read_table(path)
        table[["inner_loss", "inner_auc", "inner_accuracy"]] = np.nan
        write_table(path, table)
    for name in ("training_curves", "cost", "ranking"):
        plot(name, inputs_of(made), tmp_path / name)
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000


def test_a_history_of_another_fold_is_not_drawn(made, tmp_path):
    run = made.runs[0]
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    copied = []
    for path in made.histories:
        inside = tmp_path / path.relative_to(made.folder)
        fold = int(path.parent.name.removeprefix("fold"))
        own = identity | {"model": path.parts[-5], "fold": fold}
        write_table(inside, read_table(path).assign(**own))
        copied.append(inside)
    drawn("training_curves", inputs_of(made, histories=copied))
    copied[0].write_bytes(copied[1].read_bytes())
    with pytest.raises(UserError, match=r"history.csv is of \S+/fold1\n[\s\S]*/fold0,"):
        drawn("training_curves", inputs_of(made, histories=copied))


@pytest.mark.parametrize("name", [*NAMES, "critical_difference", "differences"])
def test_figures_of_another_finding_do_not_speak_of_pneumonia(made, name):
    words = Words("effusion", "no finding", adults=True)
    figure = drawn(name, inputs_of(made, words))
    figure.draw_without_rendering()
    said = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "pneumonia" not in said.lower() and not re.search(r"\bnormal\b", said)
    if name in ("roc", "precision_recall", "confusion", "ranking"):
        assert "effusion" in said
