"""The figure of external validation."""

import numpy as np
import pytest
from external_fixture import write_external
from figure_inputs import assert_equal_twice, assert_inside, drawn, inputs_of, plot
from reporting_fixture import Experiment, with_hostile_titles

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.measures import METRICS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("external_reporting"))


@pytest.fixture(scope="module")
def details(made):
    return write_external(made)


def test_figure_has_three_marks_a_row_and_nothing_is_cut_off(made, details):
    figure = drawn("external", inputs_of(made, external=details))
    complete = [row for row in made.ranked if row["status"] == "complete"]
    rows = len(complete) + len(BASELINES)
    assert [axes.get_title("left") for axes in figure.axes] == list(METRICS.values())
    for axes in figure.axes:
        marks = [line for line in axes.lines if line.get_marker() in "osD"]
        assert len(marks) == 3 * rows
        external = [line.get_xdata()[0] for line in marks if line.get_marker() == "D"]
        np.testing.assert_allclose(external[:2], [0.7, 0.75])
        assert sum(text.get_text() == "0.60" for text in axes.texts) == len(BASELINES)
    assert any("Missing" in text.get_text() for text in figure.texts)
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    texts += [*figure.axes[0].get_yticklabels(), *figure.legends[0].get_texts()]
    assert_inside(figure, texts)


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, details, tmp_path):
    comparison = with_hostile_titles(made.comparison_csv, tmp_path)
    plot("external", inputs_of(made, external=details, comparison=comparison), tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, details, tmp_path):
    assert_equal_twice("external", inputs_of(made, external=details), tmp_path)


def test_undefined_figures_are_said_to_be_so(made):
    path = write_external(made, name="undefined.json")
    content = read_json(path)
    nothing = {"value": None, "low": None, "high": None}
    for record in content["judged"][0]["estimates"]:
        record["external"] = nothing
    write_json(path, content)
    figure = drawn("external", inputs_of(made, external=path))
    assert all("undefined" in [text.get_text() for text in axes.texts] for axes in figure.axes)
