"""Is the difference of two models chance? A paired permutation test over patients.

If two models are equally good, it does not matter which of the two said what about a patient: their
scores of the patient are exchangeable. They are exchanged for whole patients, so that images of one
patient stay together as they came together, and the difference is computed anew. The null is that
the trained models are interchangeable, which is more than equal areas: models whose ROC curves
cross may differ at equal areas.

Scores of different models have no common scale: exchanged as they are, the scores of the model with
the greater spread would lie at both ends of every list. So each model's scores are replaced by
their ranks among its own, which changes no measure of ranking, and the ranks are exchanged. Where
the images of each fold were scored by a model of their own, ranks are taken inside the fold, and
the measure is the mean over the folds.

References
----------
Bandos AI, Rockette HE, Gur D. A permutation test sensitive to differences in areas for comparing
ROC curves from a paired design. Statistics in Medicine 2005;24:2873-2893. doi:10.1002/sim.2149.
Phipson B, Smyth GK. Permutation p-values should never be zero. Statistical Applications in Genetics
and Molecular Biology 2010;9:39. doi:10.2202/1544-6115.1585.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import BLOCK_ELEMENTS
from pneumobench.statistics.metrics import count_below

# Differences closer than this are equal but for rounding; they count as extreme (conservative).
# Unequal areas of one fold lie 1 / (2 x positives x negatives) apart, which is far more.
ROUNDING = 1e-10


@dataclass(frozen=True)
class _Fold:
    """Images that one model scored: truth, patient's number, and both models' ranks [2, images]."""

    positive: np.ndarray
    patient: np.ndarray
    ranks: np.ndarray


def area_shares(
    positive: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patient: np.ndarray,
    *,
    fold: np.ndarray | None = None,
) -> np.ndarray:
    """Return what each patient adds to the difference of the areas, first - second.

    Exchanging a patient's scores turns the sign of its share and changes no other. Shares of
    several pairs of models may be averaged: the mean of the differences is then what is tested.

    Parameters
    ----------
    positive
        [images] bool.
    first, second
        [images] float, finite: the logits of two models.
    patient
        [images] text or int, whose image it is.
    fold
        [images] int, the fold whose model scored the image; None if one model scored all of them.

    Returns
    -------
    numpy.ndarray
        [patients] float64 in the order of `numpy.unique`; NaN if a fold lacks a class.
    """
    names, number = np.unique(patient, return_inverse=True)
    return _area_shares(_split(positive, first, second, number, fold), len(names))


def permute_shares(shares: np.ndarray, *, permutations: int, seed: int) -> dict[str, Any]:
    """Return the two-sided permutation tests of many differences at once, with the same exchanges.

    p = (1 + extreme) / (1 + permutations), where those exchanges are extreme that lead to a
    difference at least as far from 0 as the observed one. Where all 2^patients exchanges are no
    more than `permutations`, each of them is made once and p is exact.

    Parameters
    ----------
    shares
        [tests, patients] float64 from `area_shares`.
    permutations
        Number of random exchanges.
    seed
        Seed of `numpy.random.default_rng`. Tests of the same patients with the same seed make the
        same exchanges, whatever the order of their images.

    Returns
    -------
    dict
        `difference` = first - second in [-1, 1] and `p` in (0, 1], [tests] float64;
        `permutations`, the exchanges beside the observed one, and `exact`, whether these are all
        2^patients - 1. Difference and p are NaN if a fold lacks a class; identical models get 1.
    """
    tests, patients = shares.shape
    exact, made = _plan(patients, permutations)
    observed = shares.sum(axis=1)
    extreme = np.zeros(tests, int)
    for swapped in _swaps(patients, permutations, max(1, BLOCK_ELEMENTS // patients), seed):
        differences = observed - 2 * (swapped.astype(float) @ shares.T)
        extreme += np.sum(np.abs(differences) >= np.abs(observed) - ROUNDING, axis=0)
    p = np.where(np.isnan(observed), np.nan, (1 + extreme) / (1 + made))
    return {"difference": observed, "p": p, "permutations": made, "exact": exact}


def _plan(patients: int, permutations: int) -> tuple[bool, int]:
    """Return whether every exchange is made, and how many are beside the observed one."""
    exact = 2**patients <= permutations
    return exact, 2**patients - 1 if exact else permutations


def _lacks_class(folds: list[_Fold]) -> bool:
    return any(part.positive.all() or not part.positive.any() for part in folds)


def _split(
    positive: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patient: np.ndarray,
    fold: np.ndarray | None,
) -> list[_Fold]:
    fold = np.zeros(len(positive), int) if fold is None else fold
    parts = []
    for name in np.unique(fold):
        own = fold == name
        ranks = np.stack([count_below(scores[own], scores[own]) for scores in (first, second)])
        parts.append(_Fold(positive[own], patient[own], ranks))
    return parts


def _area_shares(folds: list[_Fold], patients: int) -> np.ndarray:
    """Return each patient's share in the difference of areas, which is their sum.

    Let s be 1 for a patient as observed and -1 for an exchanged one, and w12 say whether the rank
    of a positive image by the first model exceeds that of a negative one by the second (1, 1/2 or
    0). A pair of images of patients i and j then adds w11 - w22 to the difference if both are as
    observed, w12 - w21 if only j is exchanged, and the negatives of these in the mirrored cases:

        s_i (w11 + w12 - w21 - w22) / 2 + s_j (w11 + w21 - w12 - w22) / 2.

    So each image has a share that no other patient's exchange changes: half of what its first rank
    wins against both models' ranks of all images of the other class, less what its second one wins.
    """
    if _lacks_class(folds):
        return np.full(patients, np.nan)
    shares = np.zeros(patients)
    for part in folds:
        positives = part.positive.sum()
        pairs = positives * (len(part.positive) - positives)
        for own, sign in ((part.positive, 1), (~part.positive, -1)):
            others = part.ranks[:, ~own].ravel()
            first, second = (count_below(ranks[own], others) for ranks in part.ranks)
            shares += np.bincount(part.patient[own], sign * (first - second) / pairs, patients)
    return shares / (2 * len(folds))


def _swaps(patients: int, permutations: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Yield all exchanges but that of nobody, or random ones, in blocks [rows, patients] 0 or 1."""
    exact, made = _plan(patients, permutations)
    return _all_swaps(patients, rows) if exact else _draw_swaps(patients, made, rows, seed)


def _all_swaps(patients: int, rows: int) -> Iterator[np.ndarray]:
    """Yield every exchange but that of nobody, in blocks [rows, patients] 0 or 1."""
    for first in range(1, 2**patients, rows):
        code = np.arange(first, min(first + rows, 2**patients))
        yield code[:, np.newaxis] >> np.arange(patients) & 1


def _draw_swaps(patients: int, permutations: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Yield random exchanges in blocks [rows, patients] 0 or 1."""
    generator = np.random.default_rng(seed)
    words = -(-patients // 64)
    for first in range(0, permutations, rows):
        shape = (min(rows, permutations - first), words)
        # Whole words: no bits are left over at the end of a block, its size changes nothing.
        drawn = generator.integers(0, 2**64, size=shape, dtype=np.uint64)
        yield np.unpackbits(drawn.view(np.uint8), axis=1, count=patients)
