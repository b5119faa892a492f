"""How sure ranks are, which runs may be the best, and what picking the best adds."""

import logging

import numpy as np
import pytest

from pneumobench.statistics.ranks import Standing, optimism_of_the_best, standings

logger = logging.getLogger(__name__)
ERROR = 0.01


def drawn(true, generator, replicates=1000, correlation=0.5):
    """The AUC of runs in a sample of patients, and in replicates of it."""
    true = np.asarray(true, float)

    def noise(columns):
        common = generator.normal(size=(1, columns))
        own = generator.normal(size=(len(true), columns))
        return ERROR * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)

    sample = true[:, np.newaxis] + noise(1)
    return np.concatenate([sample, sample + noise(replicates)], axis=1)


def test_runs_far_apart_have_ranks_without_doubt():
    areas = drawn([0.9, 0.99, 0.8], np.random.default_rng(0))
    assert standings(areas, 0.95) == [
        Standing(2, 2, False), Standing(1, 1, True), Standing(3, 3, False),
    ]  # fmt: skip
    assert optimism_of_the_best(areas) == pytest.approx(0, abs=0.001)


def test_runs_equally_good_may_each_have_any_rank():
    areas = np.repeat(drawn([0.9] * 5, np.random.default_rng(0))[:, 1:].mean(axis=1), 1001)
    areas = drawn([0.9] * 5, np.random.default_rng(1), correlation=0.0)
    areas[:, 1:] -= areas[:, :1] - 0.9
    areas[:, 0] = 0.9
    assert standings(areas, 0.95) == [Standing(1, 5, True)] * 5
    # The highest of five standard normal numbers lies 1.163 above their mean.
    assert optimism_of_the_best(areas) == pytest.approx(1.163 * ERROR, rel=0.05)


def test_ranks_lie_behind_the_better_and_before_the_worse():
    areas = drawn([0.9, 0.905, 0.95, 0.96], np.random.default_rng(2), replicates=4000)
    for run, found in enumerate(standings(areas, 0.9)):
        others = [other for other in range(4) if other != run]
        apart = areas[others] - areas[run]
        error = apart[:, 1:].std(axis=1)
        moved = np.abs((apart[:, 1:] - apart[:, :1]) / error[:, np.newaxis]).max(axis=0)
        shown = apart[:, 0] / error / np.quantile(moved, 0.9)
        assert (found.low, found.high) == (1 + sum(shown > 1), 4 - sum(shown < -1))


@pytest.mark.parametrize("step", [0.0001, 0.001, 0.005])
def test_intervals_hold_the_rank_where_runs_are_nearly_equal(step):
    """The ranks in the replicates hold that of the best of 13 in half of the samples."""
    true, generator, held, trials = 0.9 - step * np.arange(13), np.random.default_rng(3), 0, 300
    for _ in range(trials):
        found = standings(drawn(true, generator, replicates=400), 0.95)
        held += np.array([one.low <= rank <= one.high for rank, one in enumerate(found, 1)])
    logger.info("step %.4f: held %s %%", step, (100 * held / trials).round(1))
    assert (held / trials >= 0.93).all()


def test_equal_runs_share_their_rank_and_may_both_be_the_best():
    areas = drawn([0.9, 0.8], np.random.default_rng(0))
    twice = np.stack([areas[0], areas[0], areas[1]])
    assert standings(twice, 0.95)[:2] == [Standing(1, 2, True)] * 2
    assert standings(areas[:1], 0.95) == [Standing(1, 1, True)]


def test_replicates_without_a_class_are_left_out():
    areas = drawn([0.9, 0.8], np.random.default_rng(0))
    areas[0, 5] = np.nan
    assert standings(areas, 0.95)[0].low == 1
    areas[:, 1:] = np.nan
    assert standings(areas, 0.95) == [Standing(1, 2, True)] * 2
    assert np.isnan(optimism_of_the_best(areas))


@pytest.mark.parametrize("true", [[0.9] * 8, [0.9, 0.895, 0.89, 0.85], [0.9, 0.9, 0.88]])
def test_the_confidence_set_holds_the_best_as_often_as_it_says(true):
    generator, held, sizes, trials = np.random.default_rng(0), 0, [], 1000
    for _ in range(trials):
        found = standings(drawn(true, generator, replicates=600), 0.95)
        held += found[0].may_be_best
        sizes.append(sum(one.may_be_best for one in found))
    logger.info("%d of %d runs, held %.1f %%", np.mean(sizes), len(true), 100 * held / trials)
    assert held / trials >= 0.93
    assert np.mean(sizes) < len(true) or min(true) == max(true)
