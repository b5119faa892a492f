"""Reliability curves: the right numbers in the right places."""

import re

import numpy as np
import pandas as pd
import pytest
from calibration_fixture import Calibrations
from figure_inputs import assert_equal_twice, drawn, inputs_of, plot
from reporting_fixture import FOUR_RUNS, Experiment, Made

from pneumobench.reporting.calibration import measured
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("calibration_figure"))


@pytest.fixture(scope="module")
def files(made):
    return Calibrations(made)


def test_each_panel_has_its_points_and_its_error(made, files):
    figure = drawn("calibration", inputs_of(made, calibrations=files.details[::-1]))
    assert len(figure.axes) == 2 * 3
    pairs = iter(figure.axes)
    for content in files.by_rank():
        for dataset in ("out_of_fold", "test"):
            axes = next(pairs)
            points = pd.DataFrame(content["reliability"])
            points = points[points["dataset"] == dataset]
            curves = [line for line in axes.lines if line.get_marker() == "o"]
            for line, stage in zip(curves, ("before", "after"), strict=True):
                part = points[points["stage"] == stage]
                np.testing.assert_allclose(line.get_xdata(), part["mean_probability"])
                np.testing.assert_allclose(line.get_ydata(), part["observed_share"])
            error = measured(content, dataset, "calibration_error")
            numbers = [f"{error[stage]['value']:.3f}" for stage in ("before", "after")]
            assert re.findall(r"\d\.\d{3}", axes.get_title(loc="left")) == numbers
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert names[0] == "1  ResNet-18 (from scratch)" and len(names) == 3
    assert "Missing: DenseNet_121 100%" in " ".join(text.get_text() for text in figure.texts)


def test_thirteen_runs_stay_inside_the_page(tmp_path):
    runs = tuple(
        Made(f"model{n}", f"A rather long name of an architecture {n}", 3.0, 1e6) for n in range(13)
    )
    made = Experiment(tmp_path, runs, n=(150, 60))
    files = Calibrations(made)
    figure = drawn("calibration", inputs_of(made, calibrations=files.details))
    assert len(figure.axes) == 26
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width = figure.get_size_inches()[0] * figure.dpi
    texts = [text for axes in figure.axes for text in (*axes.texts, axes.yaxis.label)]
    boxes = [text.get_window_extent(renderer) for text in (*texts, *figure.texts)]
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    names = [axes.texts[0].get_window_extent(renderer) for axes in figure.axes[::2]]
    others = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert not any(name.overlaps(other) for name in names for other in others)


def test_figure_is_byte_identical_on_repetition(made, files, tmp_path):
    assert_equal_twice("calibration", inputs_of(made, calibrations=files.details), tmp_path)


def test_nothing_calibrated_shows_one_stage(tmp_path):
    made = Experiment(tmp_path, FOUR_RUNS[:1], n=(150, 60))
    inputs = inputs_of(made, calibrations=Calibrations(made, "none", "cost").details)
    figure = drawn("calibration", inputs)
    assert all(
        len([line for line in axes.lines if line.get_marker() == "o"]) == 1 for axes in figure.axes
    )
    plot("decision_curves", inputs, tmp_path / "curves")
    assert (tmp_path / "curves.pdf").stat().st_size > 2000


def test_axes_name_the_class(made, files):
    words = Words("lung opacity", "no such opacity")
    axes = drawn("calibration", inputs_of(made, words, calibrations=files.details)).axes[0]
    assert axes.get_ylabel() == "Share with lung opacity"
