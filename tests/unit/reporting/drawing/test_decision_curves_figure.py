"""Decision curves: the right numbers, and the range in which acting helps."""

import numpy as np
import pandas as pd
import pytest
from calibration_fixture import Calibrations
from figure_inputs import drawn, inputs_of
from reporting_fixture import Experiment

from pneumobench.reporting.decision_curves import NOWHERE, useful_range


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("decision_curves_figure"))


@pytest.fixture(scope="module")
def files(made):
    return Calibrations(made)


def test_curves_of_all_runs_are_drawn_beside_treating_all(made, files):
    figure = drawn("decision_curves", inputs_of(made, calibrations=files.details[::-1]))
    first = files.by_rank()[0]["decision_curves"][0]
    above, below = figure.axes[0], figure.axes[2]
    curves = [np.asarray(line.get_ydata(), float) for line in above.lines]
    for column in ("treat_all", "net_benefit"):
        assert any(np.array_equal(values, first[column]) for values in curves)
    curves = [np.asarray(line.get_ydata(), float) for line in below.lines]
    assert any(np.array_equal(values, first["added"]) for values in curves)
    # Treat all, treat none and three runs.
    assert len(above.lines) == 5


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        ([-1, 0, 0, -1], NOWHERE),
        ([1, 1, 1, 1], "0.10\N{EN DASH}0.40"),
        ([-1, 1, 1, 0], "0.20\N{EN DASH}0.30"),
        ([1, -1, 1, 1], "0.30\N{EN DASH}0.40 (of 2 parts)"),
    ],
)
def test_the_longest_useful_range_is_named(lower, expected):
    curve = pd.DataFrame({"threshold": [0.1, 0.2, 0.3, 0.4], "added_low": lower})
    assert useful_range(curve) == expected
