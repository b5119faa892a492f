"""How sure a ranking is: ranks with intervals, which runs may be the best, what picking it adds.

All follow from the replicates of the runs' AUCs, in which the same patients are drawn for all.

References
----------
Hsu JC. Constrained simultaneous confidence intervals for multiple comparisons with the best. Annals
    of Statistics 1984;12:1136-1144.
Hall P, Miller H. Using the bootstrap to quantify the authority of an empirical ranking. Annals of
    Statistics 2009;37:3929-3959. (Why the ranks of the replicates are no interval.)
Mogstad M, Romano JP, Shaikh AM, Wilhelm D. Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries. Rev Econ Stud 2024;91:476-518.
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

    A run ranks behind those that are shown to be better and before those that are shown to be
    worse, its differences from all others judged at once (Mogstad 2024): the interval holds its
    rank by the true AUC of these trained networks in at least the share `confidence` of samples.
    The ranks in the replicates would hold it too seldom where runs are about equally good. The
    confidence set holds the best of the runs, by the true AUC of these trained networks, in at
    least the share `confidence` of samples: a run is out if another is better by more standard
    errors than chance explains, all others compared at once.

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
    return [_standing(areas[:, 0], drawn, run, confidence) for run in range(runs)]


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


def _standing(area: np.ndarray, drawn: np.ndarray, run: int, confidence: float) -> Standing:
    """Judge one run by all its differences at once."""
    ahead, moved = area - area[run], drawn - drawn[run]
    # Equal predictions differ in no replicate: neither is better.
    others = moved.std(axis=1) > 0
    if not others.any():
        return Standing(1, len(area), True)
    error = moved[others].std(axis=1)
    seen = ahead[others] / error
    # What the replicates would show if all were equally good.
    centred = (moved[others] - ahead[others][:, np.newaxis]) / error[:, np.newaxis]
    apart = np.quantile(np.abs(centred).max(axis=0), confidence)
    return Standing(
        low=1 + int(np.sum(seen > apart)),
        high=len(area) - int(np.sum(seen < -apart)),
        may_be_best=bool(np.mean(centred.max(axis=0) >= seen.max()) > 1 - confidence),
    )
