"""Areas under ROC curves of several models on the same images, and their covariance.

The images are taken as independent. Several images of one patient are not: their standard errors
come out too small. The test of `permutation.py`, which keeps patients together, is the primary
one; this one stands beside it, because readers know it.

References
----------
DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver
operating characteristic curves: a nonparametric approach. Biometrics 1988;44:837-845.
Sun X, Xu W. Fast implementation of DeLong's algorithm for comparing the areas under correlated
receiver operating characteristic curves. IEEE Signal Processing Letters 2014;21:1389-1393.
doi:10.1109/LSP.2014.2337313.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from pneumobench.statistics.ranks import count_below


def delong(positive: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas under the ROC curves and their covariance over independent images.

    Equations 1 and 4 to 6 of DeLong 1988. As in Sun and Xu 2014, images are ranked instead of
    compared in pairs: O(n log n) for n images.

    Parameters
    ----------
    positive
        [images] bool.
    logits
        [models, images] float, finite; higher speaks for the positive class. The scales of the
        models do not matter.

    Returns
    -------
    tuple
        Areas [models] float64 in [0, 1], NaN without both classes, and their covariance
        [models, models] float64, NaN with fewer than two images of a class.
    """
    below, above = _count_pairs(positive, logits)
    return _areas(below, above), _covariance(below, above)


def delong_test(
    positive: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    fold: np.ndarray | None = None,
    confidence: float,
) -> dict[str, float]:
    """Return the two-sided test of two areas under the ROC curve on the same, independent images.

    Several images of one patient are not independent; see the head of this file.

    Parameters
    ----------
    positive
        [images] bool.
    first, second
        [images] float, finite: the logits of two models.
    fold
        [images] int, the fold whose model scored the image; None if one model scored all of them.
        With folds the mean of their differences is tested; folds share no image, so the variance
        of the mean is the sum of theirs divided by the square of their number.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    dict
        `difference` = first - second in [-1, 1], its `standard_error`, `z`, two-sided `p`, and
        `low` and `high` of the normal interval. The difference is NaN without both classes, all
        others are so with fewer than two images of a class. With a standard error of 0 (identical
        or perfect models) `z`, `p`, `low` and `high` are NaN: nothing can be tested then.
    """
    fold = np.zeros(len(positive), int) if fold is None else fold
    parts = [fold == number for number in np.unique(fold)]
    found = [_difference(positive[own], first[own], second[own]) for own in parts]
    differences, variances = np.array(found).T
    difference = float(differences.mean())
    standard_error = float(np.sqrt(variances.sum()) / len(parts))
    unit = standard_error if standard_error > 0 else np.nan
    z = difference / unit
    width = float(ndtri((1 + confidence) / 2)) * unit
    return {
        "difference": difference,
        "standard_error": standard_error,
        "z": z,
        "p": float(2 * ndtr(-abs(z))),
        "low": difference - width,
        "high": difference + width,
    }


def _difference(positive: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the difference of two areas, first - second, and its variance."""
    counts = _count_pairs(positive, np.stack([second, first]))
    # The counts are subtracted, not the variances: identical models differ by exactly 0.
    below, above = (np.diff(count, axis=0) for count in counts)
    return _areas(below, above)[0], _covariance(below, above)[0, 0]


def _count_pairs(positive: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the negatives below each positive and the positives above each negative.

    [models, positives] and [models, negatives] float64, equal scores counted half.
    """
    positives = int(np.sum(positive))
    below = [count_below(scores[positive], scores[~positive]) for scores in logits]
    above = [positives - count_below(scores[~positive], scores[positive]) for scores in logits]
    return np.stack(below), np.stack(above)


def _areas(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    pairs = below.shape[1] * above.shape[1]
    return below.sum(axis=1) / pairs if pairs else np.full(len(below), np.nan)


def _covariance(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    positives, negatives = below.shape[1], above.shape[1]
    if positives < 2 or negatives < 2:
        return np.full((len(below), len(below)), np.nan)
    # Half numbers until here: what is constant has a deviation of exactly 0.
    return _scatter(below) / (negatives**2 * positives) + _scatter(above) / (
        positives**2 * negatives
    )


def _scatter(counts: np.ndarray) -> np.ndarray:
    centred = counts - counts.mean(axis=1, keepdims=True)
    return centred @ centred.T / (counts.shape[1] - 1)
