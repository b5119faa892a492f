import hashlib
import itertools
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from pneumobench.reporting.confusion import plot_confusion
from pneumobench.reporting.cost import plot_cost
from pneumobench.reporting.precision_recall import plot_precision_recall
from pneumobench.reporting.ranking import plot_ranking
from pneumobench.reporting.roc import plot_roc
from pneumobench.reporting.training_curves import plot_training_curves
from reporting_fixture import Experiment, Made
from statistics_cases import make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.reporting import style, summary
from pneumobench.reporting.curves import precision_recall_curve, roc_curve
from pneumobench.reporting.flow import plot_data_flow
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.report import render_report
from pneumobench.reporting.tables import make_tables

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
# Below the runs of `Experiment`.
BASELINES = 2
PNG_START = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("reporting"))


@pytest.fixture(scope="module")
def comparison(made):
    return read_comparison(made.comparison_csv)


@pytest.fixture(scope="module")
def facts(made):
    return read_json(made.comparison_json)


def plots(made):
    both = (made.comparison_csv, made.comparison_json)
    return {
        "roc": lambda stem: plot_roc(made.scores, *both, stem),
        "precision_recall": lambda stem: plot_precision_recall(made.scores, *both, stem),
        "confusion": lambda stem: plot_confusion(made.metrics, both[0], stem),
        "training_curves": lambda stem: plot_training_curves(made.histories, both[0], stem),
        "cost": lambda stem: plot_cost(*both, stem),
        "ranking": lambda stem: plot_ranking(*both, stem),
        "data_flow": lambda stem: plot_data_flow(made.audit, made.splits, stem),
    }


@pytest.fixture(scope="module")
def figures(made):
    folder = made.folder / "figures"
    for name, plot in plots(made).items():
        plot(folder / name)
    return {name: folder / f"{name}.png" for name in plots(made)}


def render(made, figures, path, source="phantom", **parts):
    render_report(
        made.comparison_csv,
        made.comparison_json,
        made.audit,
        made.splits,
        made.metrics,
        made.run_jsons,
        figures,
        made.selection,
        path,
        title="Title <with> & signs",
        experiment="demo",
        settings={"data": {"source": source}, "split": {"folds": 5}},
        **parts,
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(made, figures):
    return render(made, figures, made.folder / "report.html", differences=made.differences)


# Figures


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", ["ranking", "confusion", "data_flow", "cost"])
def test_figures_are_byte_identical_on_repetition(made, figures, tmp_path, name):
    plots(made)[name](tmp_path / name)
    for suffix in (".png", ".pdf"):
        first = figures[name].with_suffix(suffix).read_bytes()
        assert first == (tmp_path / f"{name}{suffix}").read_bytes()


def test_figures_are_byte_identical_whatever_matplotlib_is_told(made, figures, tmp_path):
    code = (
        "import sys; from pneumobench.reporting.flow import plot_data_flow; "
        "plot_data_flow(*sys.argv[1:])"
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


def test_thirteen_runs_highlight_six_and_grey_the_rest():
    styles = style.run_styles([f"run {index}" for index in range(13)])
    own = [entry for entry in styles.values() if entry.highlighted]
    assert len(own) == 6
    assert {entry.colour for entry in styles.values() if not entry.highlighted} == {style.GREY}
    assert len({(entry.colour, str(entry.line), entry.marker) for entry in own}) == 6
    # A second cue beside the colour: no two line styles and no two markers are alike.
    assert len({str(entry.line) for entry in own}) == len({entry.marker for entry in own}) == 6


def test_neighbours_in_rank_differ_in_grey_or_in_line_style():
    entries = list(style.run_styles([f"run {index}" for index in range(7)]).values())
    for first, second in itertools.pairwise(entries):
        assert first.line != second.line and first.marker != second.marker
        assert np.abs(np.subtract(to_rgb(first.colour), to_rgb(second.colour))).max() > 0.2


@pytest.mark.filterwarnings("error::UserWarning")
def test_single_run_without_held_out_part_is_drawn(tmp_path):
    made = Experiment(tmp_path, [Made("alexnet", "AlexNet", 2.0, 57e6)])
    for path in made.histories:
        table = read_table(path)
        table[["inner_loss", "inner_auc", "inner_accuracy"]] = np.nan
        write_table(path, table)
    for name in ("training_curves", "cost", "ranking"):
        plots(made)[name](tmp_path / name)
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
    plot_training_curves(copied, made.comparison_csv, tmp_path / "curves")
    copied[0].write_bytes(copied[1].read_bytes())
    with pytest.raises(UserError, match=r"history.csv is of \S+/fold1\n[\s\S]*/fold0,"):
        plot_training_curves(copied, made.comparison_csv, tmp_path / "curves")


# Curves, on the files that the statistics really write


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("real"))
    runs = [Run("alexnet", "light", 1), Run("timm:vgg", "light", 1)]
    for seed, (run, signal) in enumerate(zip(runs, (2.0, 1.0), strict=True)):
        experiment.add_run(run, signal, seed)
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    missing = [{"model": "vgg16", "recipe": "light", "seed": 1, "note": "fold 2 failed"}]
    table, content = experiment.compare(runs, missing)
    return experiment, runs, table, content


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
def test_areas_under_the_curves_are_those_of_the_table(real, dataset):
    experiment, runs, table, _ = real
    rows = read_comparison(table).set_index("model")
    for run in runs:
        path = experiment.folder(run) / "scores.csv"
        scores = read_table(path, text=("image_id", "patient", "label", "subtype"))
        roc = roc_curve(scores, dataset)
        assert np.trapezoid(roc.y, roc.x) == pytest.approx(
            rows.loc[run.model, f"{dataset}_roc_auc"], abs=1e-9
        )
        steps = precision_recall_curve(scores, dataset)
        assert np.sum(np.diff(steps.x) * steps.y[1:]) == pytest.approx(
            rows.loc[run.model, f"{dataset}_average_precision"], abs=1e-9
        )
        assert roc.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_sensitivity"])
        assert 1 - roc.point[0] == pytest.approx(rows.loc[run.model, f"{dataset}_specificity"])
        assert steps.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_precision"])


def test_figures_and_tables_read_what_the_statistics_write(real, tmp_path):
    experiment, runs, table, content = real
    scores = [experiment.folder(run) / "scores.csv" for run in runs]
    metrics = [experiment.folder(run) / "metrics.json" for run in runs]
    plot_roc(scores, table, content, tmp_path / "roc")
    plot_confusion(metrics, table, tmp_path / "confusion")
    plot_ranking(table, content, tmp_path / "ranking")
    plot_cost(table, content, tmp_path / "cost")
    make_tables(table, content, tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex")
    assert "fold 2 failed" in (tmp_path / "t.md").read_text(encoding="utf-8")
    sentences = " ".join(summary.summarise(read_comparison(table), read_json(content)))
    assert "ALEXNET" in sentences and "vgg16" in sentences
