"""What bad practice adds, in a figure: marked, and complete."""

import numpy as np
import pytest
from figure_inputs import assert_equal_twice, assert_inside, drawn
from inflation_fixture import REASON, write_inflation

from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import VERMILLION
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    table, details = write_inflation(tmp_path_factory.mktemp("inflation_figure"))
    return FigureInputs({"inflation": table, "inflation_details": details}, Words())


def test_figure_shows_every_practice_and_marks_what_is_optimistic(inputs):
    figure = drawn("inflation", inputs)
    figures, added = figure.axes
    names = [label.get_text().split("\n")[0] for label in figures.get_yticklabels()]
    assert names == [practice.title for practice in PRACTICES.values()]
    points = [line for line in figures.lines if line.get_marker() == "o"]
    reported = [line for line in points if line.get_markerfacecolor() == VERMILLION]
    expected = [0.9 + 0.02 * row for row in (0, 1, 2, 3, 5)]
    np.testing.assert_allclose([line.get_xdata()[0] for line in reported], expected)
    hollow = [line for line in points if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in hollow] == [0.9] * 5
    assert [text.get_text() for text in figures.texts] == [f"not measured: {REASON}"]
    assert "4.0 (3.0\N{EN DASH}5.0)" in [text.get_text() for text in added.texts]
    words = figures.get_title("left") + " ".join(text.get_text() for text in figure.texts)
    assert words.count("OPTIMISTIC") == 2
    texts = (*added.texts, *figures.texts, *figures.get_yticklabels(), figures._left_title)
    assert_inside(figure, texts)


def test_figure_is_byte_identical_on_repetition(inputs, tmp_path):
    assert_equal_twice("inflation", inputs, tmp_path)
