"""How sure a ranking is: ranks with intervals, which runs may be the best, what picking it adds.

All follow from the replicates of the runs' AUCs, in which the same patients are drawn for all.

References
----------
Hsu JC. Constrained simultaneous confidence intervals for multiple comparisons with the best. Annals
    of Statistics 1984;12:1136-1144.
Goldstein H, Spiegelhalter DJ. League tables and their limitations. J R Stat Soc A
    1996;159:385-443. (Intervals of ranks.)
Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman and Hall 1993. (Bias: chapter 10.)
"""

from typing import NamedTuple

import numpy as np


class Standing(NamedTuple):
    """How sure a run's place is.

    Attributes
    ----------
    low, high
        Interval of its rank, 1 = highest.
    may_be_best
        Whether it is in the confidence set of the best.
    """

    low: int
    high: int
    may_be_best: bool


def standings(areas: np.ndarray, confidence: float) -> list[Standing]:
    """Return how sure the rank of every run is.

    The interval of a rank holds the ranks of all but (1 - confidence) / 2 of the replicates on
    either side; where runs are about equally good it is wide, and it is no interval of the order of
    networks that are trained again. The confidence set holds the best of the runs, by the true AUC
    of these trained networks, in at least the share `confidence` of samples: a run is out if
    another is better by more standard errors than chance explains, all others compared at once.

    Parameters
    ----------
    areas
        [runs, 1 + replicates] float64, column 0 the sample's.
    confidence
        Level in (0, 1).
    """
    runs = len(areas)
    drawn = areas[:, 1:][:, ~np.isnan(areas[:, 1:]).any(axis=0)]
    if drawn.shape[1] == 0:
        return [Standing(1, runs, True)] * runs
    # Runs that are equal in a replicate share its best rank, as in a table.
    ranks = np.sort([1 + (drawn > own).sum(axis=0) for own in drawn], axis=1)
    ends = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(ranks, ends, axis=1, method="inverted_cdf")
    return [
        Standing(int(low[run]), int(high[run]), _may_be_best(areas[:, 0], drawn, run, confidence))
        for run in range(runs)
    ]


def optimism_of_the_best(areas: np.ndarray) -> float:
    """Return by how much the highest AUC overstates that run's, because it was picked.

    The bootstrap's estimate of the bias: in every replicate the run that is highest there, its AUC
    there less that in the sample, averaged. Near 0 where one run is clearly the best.

    Parameters
    ----------
    areas
        [runs, 1 + replicates] float64, column 0 the sample's.
    """
    drawn = areas[:, 1:][:, ~np.isnan(areas[:, 1:]).any(axis=0)]
    if drawn.shape[1] == 0:
        return float("nan")
    picked = drawn.argmax(axis=0)
    chosen = drawn[picked, np.arange(drawn.shape[1])]
    return float(np.mean(chosen - areas[picked, 0]))


def _may_be_best(area: np.ndarray, drawn: np.ndarray, run: int, confidence: float) -> bool:
    """Tell whether no other run is better by more than the level allows, all compared at once."""
    ahead, moved = area - area[run], drawn - drawn[run]
    others = moved.std(axis=1) > 0
    if not others.any():
        return True
    error = moved[others].std(axis=1)
    seen = (ahead[others] / error).max()
    # What the replicates would show if all were equally good.
    centred = (moved[others] - ahead[others][:, np.newaxis]) / error[:, np.newaxis]
    return bool(np.mean(centred.max(axis=0) >= seen) > 1 - confidence)
