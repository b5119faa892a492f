"""Tests of two models on the same images, as readers know them, and adjusted p values.

The primary test is that of `permutation.py`, which keeps the images of a patient together. Those of
DeLong and McNemar stand beside it: they take images as independent, which several images of one
patient are not, so that standard errors come out too small. Obuchowski's form of DeLong's test
allows for that.

References
----------
DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver
operating characteristic curves: a nonparametric approach. Biometrics 1988;44:837-845.
Sun X, Xu W. Fast implementation of DeLong's algorithm for comparing the areas under correlated
receiver operating characteristic curves. IEEE Signal Processing Letters 2014;21:1389-1393.
doi:10.1109/LSP.2014.2337313.
Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567-578.
McNemar Q. Note on the sampling error of the difference between correlated proportions or
percentages. Psychometrika 1947;12:153-157.
Nadeau C, Bengio Y. Inference for the generalization error. Machine Learning 2003;52:239-281.
doi:10.1023/A:1024068626366.
Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics
1979;6:65-70.
"""

import numpy as np
from scipy.special import bdtr, ndtr, ndtri, stdtr, stdtrit

from pneumobench.statistics.metrics import count_below


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
    patient: np.ndarray | None = None,
    confidence: float,
) -> dict[str, float]:
    """Return the two-sided test of two areas under the ROC curve on the same images.

    Images are independent, or those of a patient are correlated (Obuchowski 1997).

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
    patient
        [images] whose image it is; None if all images are independent.
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
    whose = np.arange(len(positive)) if patient is None else patient
    found = [_difference(positive[own], first[own], second[own], whose[own]) for own in parts]
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


def mcnemar_exact(first_right: np.ndarray, second_right: np.ndarray) -> dict[str, float | int]:
    """Return McNemar's exact test of two models' decisions on the same images.

    The images on which exactly one model is right are, under the null, split between the models
    like throws of a coin; p is the two-sided binomial probability. Images are taken as independent,
    which several radiographs of one patient are not.

    Parameters
    ----------
    first_right, second_right
        [images] bool, whether the model's decision is right. All images compare accuracies, those
        of one class sensitivities or specificities.

    Returns
    -------
    dict
        `only_first` and `only_second`, the images that only one of them gets right, and `p` in
        (0, 1]; 1 if there are none.
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    # A fair coin is symmetric: both tails weigh the same, and those of an even split overlap.
    tail = bdtr(min(only_first, only_second), only_first + only_second, 0.5)
    return {"only_first": only_first, "only_second": only_second, "p": min(1.0, float(2 * tail))}


def nadeau_bengio(
    differences: np.ndarray, train: float, test: float, *, confidence: float
) -> dict[str, float | int]:
    """Return the t-test of the folds' mean difference, corrected for shared training images.

    Any two folds are trained on mostly the same images, so their results are correlated and the
    variance of their mean is more than variance / folds: it is taken as variance x (1 / folds +
    test / train). With few folds this is a coarse test: it speaks of other training sets, where
    the permutation of patients speaks of the trained models.

    Parameters
    ----------
    differences
        [folds] float, first - second in every fold.
    train, test
        Number of images (the mean over the folds) that a fold is trained on and judged on.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    dict
        `difference` (the mean), its `standard_error`, `t`, `degrees_of_freedom`, two-sided `p`,
        `low` and `high`. With fewer than two folds all but the mean are NaN; so are `t`, `p`,
        `low` and `high` if all folds differ by the same: nothing can be tested then.
    """
    differences = np.asarray(differences, float)
    folds = len(differences)
    # Less the first: equal differences get a deviation of exactly 0.
    deviation = np.std(differences - differences[0], ddof=1) if folds > 1 else np.nan
    standard_error = float(deviation * np.sqrt(1 / folds + test / train))
    difference = float(differences.mean())
    unit = standard_error if standard_error > 0 else np.nan
    t = difference / unit
    width = float(stdtrit(folds - 1, (1 + confidence) / 2)) * unit
    return {
        "difference": difference,
        "standard_error": standard_error,
        "t": t,
        "degrees_of_freedom": folds - 1,
        "p": float(2 * stdtr(folds - 1, -abs(t))),
        "low": difference - width,
        "high": difference + width,
    }


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values adjusted so that a family of tests errs as seldom as a single one.

    Parameters
    ----------
    p
        [tests] float in [0, 1]; NaN = not tested, left out of the count.

    Returns
    -------
    numpy.ndarray
        [tests] float64 in [0, 1], never below `p`; NaN where `p` is.
    """
    p = np.asarray(p, float)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    adjusted = np.full(len(p), np.nan)
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted


def _difference(
    positive: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray
) -> tuple[float, float]:
    """Return the difference of two areas, first - second, and its variance."""
    counts = _count_pairs(positive, np.stack([second, first]))
    # The counts are subtracted, not the variances: identical models differ by exactly 0.
    below, above = (np.diff(count, axis=0) for count in counts)
    difference = _areas(below, above)[0]
    if len(np.unique(patient)) == len(patient):
        return difference, _covariance(below, above)[0, 0]
    return difference, _clustered_variance(below[0], above[0], positive, patient)


def _clustered_variance(
    below: np.ndarray, above: np.ndarray, positive: np.ndarray, patient: np.ndarray
) -> float:
    """Return the variance of an area, or of a difference of two (Obuchowski 1997, equation 3).

    NaN with fewer than two patients of a class.

    Parameters
    ----------
    below, above
        [positives] and [negatives] float64, from `_count_pairs`.
    positive, patient
        [images].
    """
    _, cluster = np.unique(patient, return_inverse=True)
    clusters, positives, negatives = cluster.max() + 1, len(below), len(above)
    of_positive = np.bincount(cluster[positive], below - below.mean(), clusters) / negatives
    of_negative = np.bincount(cluster[~positive], above - above.mean(), clusters) / positives
    with_positive, with_negative = (
        len(np.unique(cluster[chosen])) for chosen in (positive, ~positive)
    )
    if min(with_positive, with_negative) < 2:
        return float("nan")
    return float(
        with_positive / (with_positive - 1) * (of_positive**2).sum() / positives**2
        + with_negative / (with_negative - 1) * (of_negative**2).sum() / negatives**2
        + 2 * clusters / (clusters - 1) * (of_positive * of_negative).sum() / positives / negatives
    )


def crossing_share(
    positive: np.ndarray, first: np.ndarray, second: np.ndarray, *, fold: np.ndarray
) -> float:
    """Return how far two ROC curves cross: the smaller of the areas between them, over both.

    0 = one curve is nowhere below the other; 0.5 = each is above the other by the same area, which
    is what equal areas with curves of other shapes give, but also what chance gives equal models.
    NaN where the curves are equal or a class is missing. With folds, the means over them.

    Parameters
    ----------
    positive, first, second, fold
        As for `delong_test`.
    """
    above, under = 0.0, 0.0
    for number in np.unique(fold):
        own = fold == number
        _, counts = _count_pairs(positive[own], np.stack([first[own], second[own]]))
        # At the same share of false positives: the sensitivity that either reaches.
        apart = np.sort(counts[0]) - np.sort(counts[1])
        scale = max(len(apart) * int(positive[own].sum()), 1)
        above += np.maximum(apart, 0).sum() / scale
        under += np.maximum(-apart, 0).sum() / scale
    both = above + under
    return float(min(above, under) / both) if both > 0 else float("nan")


def size_of_exchanges(shares: np.ndarray, standard_error: float, level: float) -> float:
    """Return how often exchanges of whole patients find a difference between equal areas.

    Exchanged scores vary by the squares of the patients' shares. Where models are not
    interchangeable, as where their curves cross, that is less than the variance of the difference
    over samples of patients, and what separates is passed too often.

    Parameters
    ----------
    shares
        [patients] float64 of `permutation.area_shares`.
    standard_error
        Of the difference, over patients.
    level
        Nominal significance level in (0, 1).

    Returns
    -------
    float
        In [0, 1], by the normal distribution; NaN without a standard error above 0.
    """
    if not standard_error > 0:
        return float("nan")
    # Less what a true difference adds to the shares.
    exchanged = np.sqrt(np.sum((shares - shares.mean()) ** 2))
    return float(2 * ndtr(-ndtri(1 - level / 2) * exchanged / standard_error))


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
