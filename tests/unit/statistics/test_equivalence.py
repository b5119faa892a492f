"""Shown to be small, shown to be there, or undecided."""

import numpy as np
import pytest

from pneumobench.statistics.equivalence import (
    DIFFERENT,
    EQUIVALENT,
    SMALL,
    UNDECIDED,
    detectable_difference,
    verdicts,
    within_margin,
)


def differences(value, error, replicates=4000):
    generator = np.random.default_rng(0)
    return np.concatenate([[value], value + error * generator.normal(size=replicates)])


@pytest.mark.parametrize(
    ("value", "error", "equivalent"),
    [(0.0, 0.004, True), (0.0, 0.007, False), (0.008, 0.001, True), (0.0095, 0.001, False)],
)
def test_two_one_sided_tests(value, error, equivalent):
    """Of a margin of 0.01, with 1.645 standard errors on either side."""
    assert within_margin(differences(value, error), 0.01, 0.95) == equivalent
    assert (abs(value) + 1.645 * error < 0.01) == equivalent


def test_draws_that_do_not_differ_and_a_coin_show_nothing():
    assert not within_margin(np.zeros(101), 0.01, 0.95)
    assert np.isnan(detectable_difference(np.zeros(101), 0.95))
    assert not within_margin(differences(0.0, 0.001), 0.01, 0.5)
    assert not within_margin(np.array([0.0, np.nan, np.nan]), 0.01, 0.95)


def test_the_detectable_difference_is_detected_in_four_of_five_samples():
    effect = detectable_difference(differences(0.0, 0.005), 0.95)
    assert effect == pytest.approx(2.8 * 0.005, rel=0.03)
    shown = np.abs(np.random.default_rng(1).normal(effect, 0.005, 20_000)) > 1.96 * 0.005
    assert shown.mean() == pytest.approx(0.8, abs=0.02)


def test_a_difference_may_be_there_and_be_too_small_to_matter():
    found = verdicts(np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool))
    assert found.tolist() == [EQUIVALENT, SMALL, DIFFERENT, UNDECIDED]
