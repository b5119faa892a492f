"""The lowest of several metrics, where it is clear which that is and where it is not."""

import logging

import numpy as np
import pytest

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.intervals import Percentile, Share
from pneumobench.statistics.worst import lowest_difference, lowest_name, summarise_lowest

logger = logging.getLogger(__name__)

KINDS = 12
EQUALLY_BAD = np.full(KINDS, 0.85)
ONE_WORST = np.array([0.6] + [0.9] * (KINDS - 1))


def decide(generator, shares, images):
    """Decisions under each corruption, [images, corruptions], right with these probabilities."""
    common = generator.normal(size=(images, 1))
    own = generator.normal(size=(images, len(shares)))
    score = np.sqrt(0.5) * common + np.sqrt(0.5) * own
    # Ranks of normal scores are uniform: below the share, a decision is right.
    from scipy.stats import norm

    return norm.cdf(score) < shares


def replicates(right, seed):
    images = np.arange(len(right))
    resamples = resample_patients(images.astype(str), Resampling(0.95, 600, seed))
    values = resamples.means(right, images)
    return {f"kind {column}": values[:, column] for column in range(right.shape[1])}


def test_a_single_metric_keeps_its_own_interval():
    generator = np.random.default_rng(0)
    values = replicates(decide(generator, np.array([0.9]), 200), 1)
    (only,) = values.values()
    scale = Share(200)
    found = summarise_lowest(values, 0.95, scale)
    assert (found["low"], found["high"]) == pytest.approx(scale.interval(only, 0.95))
    other = replicates(decide(generator, np.array([0.8]), 200), 1)
    apart = paired_difference(only, *other.values(), 0.95)
    assert lowest_difference(values, other, 0.95) == apart


def test_which_is_lowest_is_read_from_the_sample_and_undefined_ones_are_passed_over():
    values = {"b": np.array([0.4, 0.1]), "a": np.array([0.3, 0.9]), "c": np.array([np.nan, 0.0])}
    assert lowest_name(values) == "a"
    assert summarise_lowest(values, 0.95, Percentile())["value"] == 0.3
    nothing = summarise_lowest({"c": values["c"]}, 0.95, Percentile())
    assert nothing == {"value": None, "low": None, "high": None}


def test_equal_sets_do_not_differ():
    values = replicates(decide(np.random.default_rng(0), EQUALLY_BAD, 100), 1)
    found = lowest_difference(values, values, 0.95)
    assert found["difference"] == 0 and found["low"] < 0 < found["high"]
    assert not found["excludes_zero"]


@pytest.mark.slow
@pytest.mark.parametrize("images", [200, 1400])
@pytest.mark.parametrize("shares", [EQUALLY_BAD, ONE_WORST])
def test_the_lowest_is_held_at_least_as_often_as_its_level_says(shares, images):
    generator, trials, held, apart = np.random.default_rng(0), 500, 0, 0
    for trial in range(trials):
        values = replicates(decide(generator, shares, images), trial)
        other = replicates(decide(generator, shares, images), trial)
        found = summarise_lowest(values, 0.95, Share(images))
        held += found["low"] <= shares.min() <= found["high"]
        apart += not lowest_difference(values, other, 0.95)["excludes_zero"]
    logger.info("held %.1f %%, difference %.1f %%", 100 * held / trials, 100 * apart / trials)
    assert held / trials >= 0.94 and apart / trials >= 0.94
