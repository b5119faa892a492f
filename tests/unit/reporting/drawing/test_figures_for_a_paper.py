"""Figures for a paper: some runs in a chosen order, larger letters, other widths and formats."""

import re
import zlib
from xml.etree import ElementTree

import pytest
from calibration_fixture import Calibrations
from explanation_fixture import Explanations
from external_fixture import write_external
from figure_inputs import assert_inside, assert_readable, drawn, plot
from inflation_fixture import write_inflation
from map_figures import MAP_FIGURES, map_inputs
from matplotlib.text import Text
from PIL import Image
from reporting_fixture import Experiment, Made
from robustness_fixture import Robustness
from shift_fixture import write_shift

from pneumobench.core.config.drawn import NARROWEST, USUAL_SIZE
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.drawing.style import MM, Look
from pneumobench.reporting.figures import FIGURES

LONG = "ResNet18 + CBAM from scratch"
RUNS = (
    Made("alexnet", f"{LONG} 1", 3.2, 1e6),
    Made("vgg16", "VGG 16", 2.0, 2e7),
    Made("resnet50", f"{LONG} 2", 1.0, 3e6, missing=True),
    Made("densenet121", "DenseNet", 1.5, 7e6),
    Made("custom_cnn_lstm", f"{LONG} 3", 0.6, 4e5),
)
CHOSEN = ("densenet121/light/seed42", "resnet50/light/seed42", "alexnet/light/seed42")
NAMES = (
    "data_flow", "ranking", "critical_difference", "differences", "roc", "precision_recall",
    "confusion", "calibration", "decision_curves", "training_curves", "cost", "shift", "external",
    "robustness", "inflation", *MAP_FIGURES,
)  # fmt: skip
# Letters that are slanted, or discs at the places of numbers.
NOT_APART = ("robustness", "cost")
NARROW = Look(font_size=12, width=12 * NARROWEST / USUAL_SIZE)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Return a function that gives what figures are drawn of."""
    made = Experiment(tmp_path_factory.mktemp("paper"), RUNS, n=(150, 60))
    table, details = write_inflation(made.folder)
    files = {
        "shift": write_shift(made), "calibrations": Calibrations(made).details,
        "external": write_external(made), "robustness": Robustness(made).tables,
        "inflation": table, "inflation_details": details,
    }  # fmt: skip
    explained = Explanations(made, sides=(7, 12))
    return lambda runs=None, **others: map_inputs(explained, None, **files | others, runs=runs)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_the_largest_letters_keep_to_their_places(inputs, name):
    figure = drawn(name, inputs(), NARROW)
    if name in NOT_APART:
        assert_inside(figure, figure.texts)
    else:
        assert_readable(figure)


@pytest.mark.parametrize("name", [figure.name for figure in FIGURES if figure.name in NAMES])
def test_figures_show_the_runs_that_are_named(inputs, name):
    (figure,) = [figure for figure in FIGURES if figure.name == name]
    said = "\n".join(texts(drawn(name, inputs(CHOSEN))))
    if figure.of_runs:
        first, second = "DenseNet", f"{LONG.split()[0]}"
        assert first in said and second in said and "VGG 16" not in said
    else:
        assert said == "\n".join(texts(drawn(name, inputs())))


def test_runs_stand_in_the_order_of_their_names_with_their_ranks(inputs):
    labels = [
        text.get_text() for text in drawn("ranking", inputs(CHOSEN)).axes[0].get_yticklabels()
    ]
    assert [re.sub(r" \(.*", "", label.replace("\n", " ")) for label in labels] == [
        "DenseNet   3", f"{LONG} 1   1", f"{LONG} 2"
    ]  # fmt: skip
    # The table below the curves says no longer that it is in order.
    assert "Run" in texts(drawn("roc", inputs(CHOSEN)))
    assert "Run, in order of out-of-fold AUC" in texts(drawn("roc", inputs(CHOSEN[::-1])))
    # Bars join neighbours in rank, whatever the order.
    first, second = [text for text in texts(drawn("critical_difference", inputs(CHOSEN)))
                     if re.match(r"\d  ", text)]  # fmt: skip
    assert first.startswith("1") and second == "3  DenseNet"


def test_pairs_are_those_of_the_named_runs(inputs):
    (axes,) = drawn("differences", inputs(CHOSEN)).axes
    numbers = [text for text in axes.texts if re.fullmatch(r"\W?\d+\.\d", text.get_text())]
    assert len(numbers) == 2
    assert [t.get_text() for t in axes.texts if t.get_text().isdigit()] == ["3", "1"]


def test_a_bar_joins_runs_that_were_apart_only_by_a_third(inputs, tmp_path):
    given = inputs()
    table = read_table(given.one("differences"))
    # The first and the third run are alike, the second differs from both.
    ours = {"alexnet", "densenet121"}
    alike = table["first_model"].isin(ours) & table["second_model"].isin(ours)
    table["distinguishable"] = ~alike
    write_table(tmp_path / "differences.csv", table)
    changed = {"differences": tmp_path / "differences.csv"}

    def bars(runs):
        (axes,) = drawn("critical_difference", inputs(runs, **changed)).axes
        return [
            line for line in axes.lines if line.get_linewidth() > 2 and len(line.get_ydata()) == 2
        ]

    assert bars(None) == [] and len(bars(CHOSEN)) == 1


def test_no_run_that_is_named_is_complete(inputs):
    with pytest.raises(UserError, match="none of the runs that figures are to show is complete"):
        drawn("ranking", inputs(["resnet50/light/seed42"]))


@pytest.mark.parametrize(("size", "width"), [(8, 183), (12, 183), (6, 89)])
def test_files_are_as_large_as_is_asked_for(inputs, tmp_path, size, width):
    look = Look(size, width)
    for folder in (tmp_path / "a", tmp_path / "b"):
        plot("roc", inputs(), folder / "roc", formats=("png", "pdf", "svg"), look=look)
    for kind in ("png", "pdf", "svg"):
        first, second = (tmp_path / copy / f"roc.{kind}" for copy in "ab")
        assert first.read_bytes() == second.read_bytes()
    points, zoom = width * MM * 72, size / 8
    with Image.open(tmp_path / "a/roc.png") as image:
        assert abs(image.width - points / 72 * 220) <= 1
        ratio = image.height / image.width
    pdf = (tmp_path / "a/roc.pdf").read_bytes()
    box = [float(side) for side in re.search(rb"/MediaBox \[ 0 0 (\S+) (\S+) \]", pdf).groups()]
    assert box == pytest.approx([points, points * ratio], rel=0.002)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    (page,) = [text for text in map(unpacked, streams) if b" Tf" in text and b" cm" in text]
    assert page.split(b" cm")[0].split()[-6:] == (b"%g 0 0 %g 0 0" % (zoom, zoom)).split()
    svg = ElementTree.parse(tmp_path / "a/roc.svg").getroot()
    assert float(svg.get("width").removesuffix("pt")) == pytest.approx(points, rel=1e-4)
    assert float(svg.get("viewBox").split()[2]) * zoom == pytest.approx(points, rel=1e-4)


def test_no_figure_drawn_earlier_stays_beside_the_new_one(inputs, tmp_path):
    for formats in (("png", "pdf"), ("png", "svg")):
        plot("data_flow", inputs(), tmp_path / "data_flow", formats=formats)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data_flow.png", "data_flow.svg"]


def unpacked(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_captions_name_the_runs_unless_all_are_shown():
    ranking, flow, doubted = (
        next(figure for figure in FIGURES if figure.name == name)
        for name in ("ranking", "data_flow", "doubted_labels")
    )
    assert ranking.caption_of(["a (light, seed 1)", "b (light, seed 1)"]).endswith(
        " Shown: a (light, seed 1) and b (light, seed 1)."
    )
    assert ranking.caption_of(None) == ranking.caption
    assert flow.caption_of(["a"]) == flow.caption and doubted.caption_of(["a"]) == doubted.caption
