"""Every pair of runs, tested on one data set, and which runs no test distinguishes.

Source of the groups: Demsar J. Statistical comparisons of classifiers over multiple data sets.
Journal of Machine Learning Research 2006;7:1-30, whose critical-difference diagram is drawn here
for one data set and tests of all pairs.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.run import PAIR_COLUMNS, Run, name_pair
from pneumobench.statistics.contrasts import Settings, same_model
from pneumobench.statistics.equivalence import detectable_difference, verdicts, within_margin
from pneumobench.statistics.estimates import difference_columns, paired_difference
from pneumobench.statistics.metrics import roc_auc
from pneumobench.statistics.permutation import area_shares, permute_shares
from pneumobench.statistics.scores import Compared
from pneumobench.statistics.significance import (
    crossing_share,
    delong_test,
    holm,
    mcnemar_exact,
    nadeau_bengio,
    size_of_exchanges,
)

# The first is the primary one.
TESTS = ("permutation", "delong_clustered", "delong", "mcnemar", "nadeau_bengio")
# Curves cross that are above each other by such a share of the area between them, or more. Those of
# equal models often do by chance: marked are those where exchanges would err so many times as often
# as the level says.
CROSSING, TOO_OFTEN = 0.1, 1.2
EQUAL_PREDICTIONS = "equal predictions"
COLUMNS = (
    *PAIR_COLUMNS, "dataset", "noise_floor", "first_roc_auc", "second_roc_auc",
    "difference", "difference_low", "difference_high",
    *(f"{test}_p{suffix}" for test in TESTS for suffix in ("", "_holm")),
    "distinguishable", "verdict", "detectable", "curves_cross",
    "only_first_right", "only_second_right", "n", "events", "patients",
)  # fmt: skip
# The smallest p that can come out must stay so many times below what separates, after adjustment.
_RESOLUTION = 10

Areas = dict[Run, np.ndarray]
"""The AUC of each run in the sample (row 0) and in every replicate, [1 + replicates] float64."""


@dataclass(frozen=True)
class Level:
    """Level of intervals (that of tests is 1 - `confidence`), exchanges and seed of the tests.

    `margin` is the difference of areas, in (0, 0.5], below which two runs count as equivalent.
    """

    confidence: float
    permutations: int
    seed: int
    margin: float


def test_pairs(
    dataset: str,
    part: Compared,
    areas: Areas,
    order: list[Run],
    settings: Settings,
    level: Level,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Test all pairs of runs.

    Parameters
    ----------
    dataset, part, areas
        The data set, what the runs say about it, and their areas.
    order
        The runs in order of rank.
    settings
        For each run what run.json says of its recipe.
    level
        Level and exchanges.

    Returns
    -------
    tuple
        The rows of differences.csv (`COLUMNS`), and the family as `describe_family` returns it.
    """
    pairs = list(combinations(order, 2))
    exchanged = exchange([shares_of(part, *pair) for pair in pairs], level)
    p = {test: np.full(len(pairs), np.nan) for test in TESTS}
    rows = []
    for position, pair in enumerate(pairs):
        if not equal_predictions(part, *pair):
            p["permutation"][position] = exchanged["p"][position]
            for test, value in _well_known(dataset, part, *pair, level.confidence).items():
                p[test][position] = value
        rows.append(_row(dataset, part, areas, pair, settings, level))
    adjusted = {test: holm(values) for test, values in p.items()}
    table = pd.DataFrame(rows).assign(
        **{f"{test}_p": values for test, values in p.items()},
        **{f"{test}_p_holm": values for test, values in adjusted.items()},
        # A comparison with NaN is false: what is not tested is not distinguishable.
        distinguishable=adjusted["permutation"] < 1 - level.confidence,
    )
    if pairs:
        table["verdict"] = verdicts(table["equivalent"], table["distinguishable"])
    family = describe_family("all pairs", dataset, adjusted["permutation"], exchanged, level)
    return table.reindex(columns=COLUMNS), family


def exchange(shares: list[np.ndarray], level: Level) -> dict[str, Any]:
    """Test differences of one family at once, with exchanges enough for their number.

    Parameters
    ----------
    shares
        For each difference [patients] float64 of `permutation.area_shares`.
    level
        Level and exchanges.

    Returns
    -------
    dict
        As `permutation.permute_shares`.
    """
    if not shares:
        return {"p": np.empty(0), "permutations": 0, "exact": False}
    needed = math.ceil(_RESOLUTION * len(shares) / (1 - level.confidence))
    made = max(level.permutations, needed)
    return permute_shares(np.stack(shares), permutations=made, seed=level.seed)


def describe_family(
    name: str, dataset: str, adjusted: np.ndarray, exchanged: dict[str, Any], level: Level
) -> dict[str, Any]:
    """Return a family's number of tests, how many of them separate, and how they were made."""
    return {
        "family": name,
        "dataset": dataset,
        "tests": int(np.sum(~np.isnan(adjusted))),
        "distinguishable": int(np.sum(adjusted < 1 - level.confidence)),
        "permutations": exchanged["permutations"],
        "exact": exchanged["exact"],
    }


def shares_of(part: Compared, first: Run, second: Run) -> np.ndarray:
    """Return what each patient adds to the difference of two runs' areas, first - second."""
    labels = part.labels
    logits = part.logit[first], part.logit[second]
    return area_shares(labels.positive, *logits, labels.patient, fold=part.fold)


def equal_predictions(part: Compared, first: Run, second: Run) -> bool:
    """Tell whether two runs give every image the same score."""
    return np.array_equal(part.logit[first], part.logit[second])


def delong_p(
    part: Compared, first: Run, second: Run, confidence: float, *, clustered: bool = False
) -> float:
    """Return p of DeLong's test of two runs, out of fold the mean over the folds.

    With images as independent, or `clustered` by patient.
    """
    return delong_test(
        part.labels.positive, part.logit[first], part.logit[second],
        fold=part.fold, patient=part.labels.patient if clustered else None, confidence=confidence,
    )["p"]  # fmt: skip


def distinguishable_matrix(table: pd.DataFrame, order: list[Run]) -> np.ndarray:
    """Return which runs are distinguishable, [runs, runs] bool in order of rank.

    Parameters
    ----------
    table
        The rows of one data set from `test_pairs`, in their order.
    order
        The runs in order of rank.
    """
    matrix = np.zeros((len(order), len(order)), bool)
    matrix[np.triu_indices(len(order), k=1)] = table["distinguishable"]
    return matrix | matrix.T


def indistinguishable_groups(distinguishable: np.ndarray) -> list[list[int]]:
    """Return the longest stretches of the ranking in which no two runs are distinguishable.

    Being indistinguishable is not passed on: of three runs the outer two may differ although
    neither differs from the middle one. Such a ranking has two overlapping groups. Two runs with a
    third between them that differs from one of both are in no common group.

    Parameters
    ----------
    distinguishable
        [runs, runs] bool in order of rank, symmetric, False on the diagonal.

    Returns
    -------
    list of list of int
        Positions in the ranking, each group in order; none within another. A run that differs from
        its neighbours is a group of its own.
    """
    runs = len(distinguishable)
    groups: list[list[int]] = []
    for first in range(runs):
        last = first
        while last + 1 < runs and not distinguishable[first : last + 1, last + 1].any():
            last += 1
        if not groups or last > groups[-1][-1]:
            groups.append(list(range(first, last + 1)))
    return groups


def _well_known(
    dataset: str, part: Compared, first: Run, second: Run, confidence: float
) -> dict[str, float]:
    """Return p of the tests that stand beside the primary one."""
    found = {
        "delong": delong_p(part, first, second, confidence),
        "delong_clustered": delong_p(part, first, second, confidence, clustered=True),
        "mcnemar": _mcnemar(part, first, second)["p"],
    }
    if dataset == "out_of_fold":
        found["nadeau_bengio"] = _folds(part, first, second, confidence)
    return found


def _row(
    dataset: str,
    part: Compared,
    areas: Areas,
    pair: tuple[Run, Run],
    settings: Settings,
    level: Level,
) -> dict[str, Any]:
    first, second = (areas[run] for run in pair)
    right, equal = _mcnemar(part, *pair), equal_predictions(part, *pair)
    apart = paired_difference(first, second, level.confidence)
    return {
        **name_pair(*pair),
        "dataset": dataset,
        "noise_floor": EQUAL_PREDICTIONS if equal else same_model(*pair, settings),
        "first_roc_auc": first[0],
        "second_roc_auc": second[0],
        **difference_columns(apart),
        "equivalent": equal or within_margin(first - second, level.margin, level.confidence),
        "detectable": 0.0 if equal else detectable_difference(first - second, level.confidence),
        "curves_cross": _cross(part, *pair, level.confidence),
        "only_first_right": right["only_first"],
        "only_second_right": right["only_second"],
        **part.labels.counts(),
    }


def _cross(part: Compared, first: Run, second: Run, confidence: float) -> bool:
    """Tell whether two ROC curves cross and the permutation test misleads for it."""
    positive, logits = part.labels.positive, (part.logit[first], part.logit[second])
    by_patient = {"fold": part.fold, "patient": part.labels.patient, "confidence": confidence}
    error = delong_test(positive, *logits, **by_patient)["standard_error"]
    size = size_of_exchanges(shares_of(part, first, second), error, 1 - confidence)
    crossing = crossing_share(positive, *logits, fold=part.fold) >= CROSSING
    return crossing and size > TOO_OFTEN * (1 - confidence)


def _mcnemar(part: Compared, first: Run, second: Run) -> dict[str, float | int]:
    return mcnemar_exact(*(part.decision[run] == part.labels.positive for run in (first, second)))


def _folds(part: Compared, first: Run, second: Run, confidence: float) -> float:
    """Return p of the folds' differences; the training side includes what stops training early."""
    differences = []
    for fold in np.unique(part.fold):
        own = part.fold == fold
        areas = [
            roc_auc(part.labels.positive[own], part.logit[run][own]) for run in (first, second)
        ]
        differences.append(areas[0] - areas[1])
    images = len(part.fold)
    test = images / len(differences)
    found = nadeau_bengio(np.array(differences), images - test, test, confidence=confidence)
    return found["p"]
