"""The figure of dataset shift: development against test."""

import pytest
from reporting_fixture import Experiment, Made, with_hostile_titles
from shift_fixture import write_shift

from pneumobench.core.baselines import BASELINES
from pneumobench.reporting import shift as room
from pneumobench.reporting.shift import plot_shift


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("shift_reporting"))


@pytest.fixture(scope="module")
def shift(made):
    return write_shift(made)


def draw(made, path, monkeypatch):
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_shift(path, made.comparison_csv, "stem")
    return caught[0]


def test_figure_shows_both_sets_in_units_of_the_development_scores(made, shift, monkeypatch):
    figure = draw(made, shift, monkeypatch)
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
def test_figure_stays_inside_the_page(tmp_path, monkeypatch, count):
    names = [f"A rather long name of an architecture {n}" for n in range(count)]
    runs = tuple(Made(f"m{n}", title, 3.0, 1e6) for n, title in enumerate(names))
    made = Experiment(tmp_path, runs)
    figure = draw(made, write_shift(made), monkeypatch)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.get_size_inches() * figure.dpi
    texts = [*figure.texts, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        texts += [*axes.get_yticklabels(), *axes.get_xticklabels(), *axes.texts]
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    assert all(box.y0 >= 0 and box.y1 <= height for box in boxes)
    left, right = (
        [text.get_window_extent(renderer) for text in axes.texts] for axes in figure.axes
    )
    assert max(box.x1 for box in left) < figure.axes[1].get_window_extent(renderer).x0
    assert len(right) == count + 1 + len(BASELINES) + 1


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, shift, tmp_path):
    plot_shift(shift, with_hostile_titles(made.comparison_csv, tmp_path), tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, shift, tmp_path):
    for name in ("first", "second"):
        plot_shift(shift, made.comparison_csv, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / name / f"figure.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000
