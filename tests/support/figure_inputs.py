"""Figures drawn from made-up results: looked at, or saved."""

import itertools
from unittest import mock

from matplotlib.text import Text

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.plot import drawn_figure, plot_figure
from pneumobench.reporting.figures import FIGURES
from pneumobench.reporting.words import Words

MODULES = {figure.name: figure.module for figure in FIGURES}


def inputs_of(made, words=None, **files):
    """Return what figures of a made-up `Experiment` are drawn of; `files` add to it or replace.

    `runs` among them are folders of those to show.
    """
    runs = files.pop("runs", None)
    paths = {
        "audit": made.audit, "splits": made.splits, "comparison": made.comparison_csv,
        "comparison_details": made.comparison_json, "differences": made.differences.table,
        "differences_details": made.differences.details, "scores": made.scores,
        "metrics": made.metrics, "histories": made.histories,
    }  # fmt: skip
    return FigureInputs(paths | files, words or Words(), colour_map="viridis", runs=runs)


def drawn(name, inputs, look=None):
    """Return a figure that is not saved."""
    return drawn_figure(MODULES[name], inputs, look)


def plot(name, inputs, stem, **options):
    """Draw and save a figure."""
    plot_figure(MODULES[name], inputs, stem, **options)


def assert_equal_twice(name, inputs, folder):
    """Assert that a figure that is drawn twice is the same, byte for byte."""
    for copy in ("first", "second"):
        plot(name, inputs, folder / copy / name)
    for suffix in ("png", "pdf"):
        first, second = (folder / copy / f"{name}.{suffix}" for copy in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 2000


def assert_inside(figure, texts):
    """Assert that texts lie on the page."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    for text in texts:
        if text.get_text():
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text


def assert_readable(figure):
    """Assert that all texts that are drawn lie on the page and apart from each other."""
    texts, renderer = [], figure.canvas.get_renderer()
    figure.draw(renderer)
    with mock.patch.object(Text, "draw", lambda text, _: texts.append(text)):
        figure.draw(renderer)
    texts = [text for text in texts if text.get_visible() and text.get_text().strip()]
    assert_inside(figure, texts)
    boxes = [(text, text.get_window_extent(renderer).padded(-2)) for text in texts]
    for (one, box), (other, beside) in itertools.combinations(boxes, 2):
        assert not box.overlaps(beside), (one.get_text(), other.get_text())
