"""The figure of dataset shift: development against test."""

import pytest
from figure_inputs import assert_equal_twice, assert_inside, drawn, inputs_of, plot
from reporting_fixture import Experiment, Made, with_hostile_titles
from shift_fixture import write_shift

from pneumobench.core.baselines import BASELINES
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("shift_reporting"))


@pytest.fixture(scope="module")
def shift(made):
    return write_shift(made)


def test_figure_shows_both_sets_in_units_of_the_development_scores(made, shift):
    figure = drawn("shift", inputs_of(made, shift=shift))
    assert len(figure.axes) == 2
    normal, pneumonia = figure.axes
    names = [label.get_text() for label in normal.get_yticklabels()]
    assert names[0] == "1  ResNet-18 (from scratch)" and names[-1] == "Baseline: border"
    assert len(names) == 3 + 1 + len(BASELINES) and names[3] == "Ensemble: mean logit"
    medians = [
        line.get_xdata()[0]
        for line in normal.lines
        if line.get_marker() in "os" and len(line.get_xdata()) == 1
    ]
    # The record says -2 and -1, its standard deviation is 2.
    assert medians[:2] == pytest.approx([-1.0, -0.5])
    arrow = "\N{RIGHTWARDS ARROW}"
    assert f"0.93 {arrow} 0.53" in [text.get_text() for text in normal.texts]
    assert f"0.95 {arrow} 0.96" in [text.get_text() for text in pneumonia.texts]
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Missing: DenseNet_121 100%" in texts


@pytest.mark.parametrize("count", [3, 13])
def test_figure_stays_inside_the_page(tmp_path, count):
    names = [f"A rather long name of an architecture {n}" for n in range(count)]
    runs = tuple(Made(f"m{n}", title, 3.0, 1e6) for n, title in enumerate(names))
    made = Experiment(tmp_path, runs)
    figure = drawn("shift", inputs_of(made, shift=write_shift(made)))
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    texts = [*figure.texts, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        texts += [*axes.get_yticklabels(), *axes.get_xticklabels(), *axes.texts]
    assert_inside(figure, texts)
    left, right = (
        [text.get_window_extent(renderer) for text in axes.texts] for axes in figure.axes
    )
    assert max(box.x1 for box in left) < figure.axes[1].get_window_extent(renderer).x0
    assert len(right) == count + 1 + len(BASELINES) + 1


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, shift, tmp_path):
    comparison = with_hostile_titles(made.comparison_csv, tmp_path)
    plot("shift", inputs_of(made, shift=shift, comparison=comparison), tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, shift, tmp_path):
    assert_equal_twice("shift", inputs_of(made, shift=shift), tmp_path)


def test_panels_are_called_as_the_classes_are(made, shift):
    words = Words("effusion", "no finding", adults=True)
    figure = drawn("shift", inputs_of(made, words, shift=shift))
    assert [axes.get_title("left") for axes in figure.axes] == ["No finding", "Effusion"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "frozen threshold: effusion to the right" in legend
