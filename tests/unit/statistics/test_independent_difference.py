"""Differences between two sets of patients, where a share is 0 or 1 in one of them."""

import numpy as np
import pytest

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.estimates import independent_difference, paired_difference, summarise
from pneumobench.statistics.intervals import Area, Share, wilson


def drawn(right, patients, seed):
    """Return the share of `right` of so many patients in the sample and in every replicate."""
    resamples = resample_patients(np.arange(patients).astype(str), Resampling(0.95, 500, seed))
    return resamples.means(np.arange(patients) < right, np.arange(patients))[:, 0]


def test_a_share_of_none_or_all_is_not_taken_as_known():
    """Newcombe's method 10 by hand: 5 of 5 against 15 of 20."""
    new, own = drawn(5, 5, 1), drawn(15, 20, 2)
    scales = Share(5), Share(20)
    assert paired_difference(new, own, 0.95)["excludes_zero"]
    found = independent_difference(new, own, 0.95, scales)
    low, high = wilson(5, 5, 0.95)
    about = summarise(own, 0.95, scales[1])
    assert found["difference"] == pytest.approx(0.25) and not found["excludes_zero"]
    assert found["low"] == pytest.approx(0.25 - np.hypot(1 - low, about["high"] - 0.75))
    assert found["high"] == pytest.approx(0.25 + np.hypot(high - 1, 0.75 - about["low"]))


def test_no_mistake_in_either_set_leaves_room_for_a_difference():
    found = independent_difference(drawn(5, 5, 1), drawn(24, 24, 2), 0.95, (Share(5), Share(24)))
    assert found["difference"] == 0 and found["low"] < -0.4 and 0.1 < found["high"] < 0.2
    assert not found["excludes_zero"]


def test_all_wrong_after_all_right_is_a_difference():
    found = independent_difference(drawn(0, 5, 1), drawn(24, 24, 2), 0.95, (Share(5), Share(24)))
    assert found["difference"] == -1 and found["low"] >= -1 and found["high"] < -0.5
    assert found["excludes_zero"]


def test_shares_between_the_bounds_keep_their_percentiles():
    new, own = drawn(30, 40, 1), drawn(50, 60, 2)
    scales = Share(40), Share(60)
    assert independent_difference(new, own, 0.95, scales) == paired_difference(new, own, 0.95)
    promised = np.full_like(own, 0.95)
    assert independent_difference(new, promised, 0.95, (scales[0], None)) == paired_difference(
        new, promised, 0.95
    )


def test_what_most_draws_leave_undefined_has_no_interval():
    values = np.concatenate([[0.5], np.full(60, np.nan), np.linspace(0.4, 0.6, 40)])
    assert summarise(values, 0.95)["low"] is None
    resamples = resample_patients(np.array(["a", "b"]), Resampling(0.95, 100, 1))
    assert summarise(values, 0.95, Area(resamples, lambda _level: 0.5))["low"] is None
    values[1:30] = 0.5
    assert summarise(values, 0.95)["low"] == pytest.approx(0.42, abs=0.05)
