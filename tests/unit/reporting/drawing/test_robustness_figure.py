"""The figure of robustness: the right numbers in the right places."""

import numpy as np
import pytest
from figure_inputs import assert_equal_twice, drawn, inputs_of, plot
from reporting_fixture import Experiment, Made, with_hostile_titles
from robustness_fixture import Robustness

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_table
from pneumobench.reporting.drawing.style import luminance
from pneumobench.reporting.inputs import read_comparison

TITLES = [kind.title for kind in CORRUPTIONS.values()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("robustness_reporting"))


@pytest.fixture(scope="module")
def robustness(made):
    return Robustness(made)


def cells(axes):
    """Return numbers, frames and luminances of a panel, [runs, columns] each."""
    shape = len(axes.get_yticklabels()), len(axes.get_xticklabels())
    numbers = np.array([float(text.get_text()) for text in axes.texts]).reshape(shape)
    framed = np.array([patch.get_edgecolor()[3] > 0 for patch in axes.patches]).reshape(shape)
    light = np.array([luminance(patch.get_facecolor()[:3]) for patch in axes.patches])
    return numbers, framed, light.reshape(shape)


def test_every_cell_has_its_number_and_the_worst_its_frame(made, robustness):
    figure = drawn("robustness", inputs_of(made, robustness=robustness.tables[::-1]))
    ranked = read_comparison(made.comparison_csv)
    ranked = ranked[ranked["status"] == "complete"]
    assert len(figure.axes) == 2
    for axes, metric in zip(figure.axes, ("specificity", "sensitivity"), strict=True):
        columns = [label.get_text() for label in axes.get_xticklabels()]
        assert columns == ["clean", *TITLES]
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == [f"{n}  {label}" for n, label in enumerate(ranked["label"], start=1)]
        numbers, framed, light = cells(axes)
        for row, (_, run) in enumerate(ranked.iterrows()):
            table = read_table(made.folder / "runs" / run["run"].folder / "robustness.csv")
            np.testing.assert_allclose(numbers[row], table[metric], atol=0.005001)
            assert np.flatnonzero(framed[row]).tolist() == [1 + table[metric][1:].argmin()]
        # In grey the order of the numbers is still seen.
        order = np.argsort(numbers, axis=None)
        assert (np.diff(light.ravel()[order]) >= -1e-9).all()
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Specificity, strength 2" in texts and "Missing: DenseNet_121 100%" in texts


def test_thirteen_runs_and_three_strengths_stay_legible(tmp_path):
    runs = tuple(
        Made(f"model{n}", f"A rather long name of an architecture {n}", 3.0, 1e6) for n in range(13)
    )
    made = Experiment(tmp_path, runs)
    figure = drawn("robustness", inputs_of(made, robustness=Robustness(made, (1, 2, 3)).tables))
    assert len(figure.axes) == 6
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width = figure.get_size_inches()[0] * figure.dpi
    for axes in figure.axes:
        for text, patch in zip(axes.texts, axes.patches, strict=True):
            assert text.get_window_extent(renderer).width < patch.get_window_extent().width
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            box = label.get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= width


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, robustness, tmp_path):
    comparison = with_hostile_titles(made.comparison_csv, tmp_path)
    inputs = inputs_of(made, robustness=robustness.tables, comparison=comparison)
    plot("robustness", inputs, tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, robustness, tmp_path):
    assert_equal_twice("robustness", inputs_of(made, robustness=robustness.tables), tmp_path)
