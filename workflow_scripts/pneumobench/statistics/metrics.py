"""Metrics of a binary classifier, exact, with ties and weights, over many weightings at once.

Pneumonia is the positive class. Every function takes weights of shape [weightings, images], so that
all bootstrap replicates are computed in a few array operations. What is undefined (no image of a
class, nothing called positive) is NaN, never 0 or 1: the caller counts and reports it.

References
----------
Fawcett T. An introduction to ROC analysis. Pattern Recognition Letters 2006;27:861-874.
Chicco D, Jurman G. The advantages of the Matthews correlation coefficient. BMC Genomics 2020;21:6.
"""

from dataclasses import dataclass

import numpy as np

RANKING_METRICS = ("roc_auc", "average_precision")
SCORE_METRICS = (*RANKING_METRICS, "brier")
RATES = ("sensitivity", "specificity")
"""Decisions by class: they do not depend on how frequent the classes are."""
JUDGED = ("roc_auc", *RATES)
"""What can be compared between sets with other shares of pneumonia."""


@dataclass(frozen=True)
class Ranking:
    """Images in descending order of their scores; sorted once, weighted often.

    Attributes
    ----------
    order
        [images] int, positions of the images, highest score first.
    positive
        [images] bool, whether the image is positive, in that order.
    group_start
        [groups] int, where each group of equal scores begins in that order.
    """

    order: np.ndarray
    positive: np.ndarray
    group_start: np.ndarray


def rank_images(positive: np.ndarray, scores: np.ndarray) -> Ranking:
    """Sort images by their scores.

    Parameters
    ----------
    positive
        [images] bool, at least one image.
    scores
        [images] float, finite; higher speaks for the positive class.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    group_start = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return Ranking(order, positive[order].astype(bool), group_start)


def ranking_metrics(ranking: Ranking, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the area under the ROC curve and the average precision for every weighting.

    The area counts pairs of equal scores half (Mann-Whitney). The average precision is the sum of
    precisions weighted by the steps in recall, without interpolation.

    Parameters
    ----------
    ranking
        From `rank_images`.
    weights
        [weightings, images] float, not negative, in the order of `ranking.order`.

    Returns
    -------
    dict
        `roc_auc` (NaN without both classes) and `average_precision` (NaN without positives), each
        [weightings] float64 in [0, 1].
    """
    positive = weights * ranking.positive
    negative = weights - positive  # exact: a weight is either kept or cancelled
    if len(ranking.group_start) < weights.shape[1]:
        positive = np.add.reduceat(positive, ranking.group_start, axis=1)
        negative = np.add.reduceat(negative, ranking.group_start, axis=1)
    true_positive = np.cumsum(positive, axis=1)
    called_positive = np.cumsum(negative, axis=1)
    positives, negatives = true_positive[:, -1].copy(), called_positive[:, -1].copy()
    called_positive += true_positive
    # Groups at the top may weigh nothing in a replicate; they then contribute nothing.
    precision = np.divide(
        true_positive, called_positive, out=np.zeros_like(positive), where=called_positive > 0
    )
    average_precision = np.einsum("ij,ij->i", positive, precision)
    true_positive -= positive / 2
    pairs = np.einsum("ij,ij->i", negative, true_positive)
    return {
        "roc_auc": _ratio(pairs, positives * negatives),
        "average_precision": _ratio(average_precision, positives),
    }


def roc_auc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of one set of images; NaN without both classes."""
    ranking = rank_images(positive, scores)
    return float(ranking_metrics(ranking, np.ones((1, len(scores))))["roc_auc"][0])


def confusion_indicators(positive: np.ndarray, decision: np.ndarray) -> np.ndarray:
    """Return which cell of the confusion table each image falls into.

    Parameters
    ----------
    positive, decision
        [images] bool: the reference standard and what the model says.

    Returns
    -------
    numpy.ndarray
        [images, 4] bool, columns true negative, false positive, false negative, true positive.
    """
    return np.stack(
        [~positive & ~decision, ~positive & decision, positive & ~decision, positive & decision],
        axis=1,
    )


def decision_metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of decisions for every confusion table.

    Parameters
    ----------
    confusion
        [tables, 4] float, counts of true negatives, false positives, false negatives and true
        positives.

    Returns
    -------
    dict
        By name [tables] float64, NaN where the denominator is 0. The F1 score and the Matthews
        correlation coefficient, too, are NaN where their denominator is.
    """
    true_negative, false_positive, false_negative, true_positive = np.asarray(confusion, float).T
    positives = true_positive + false_negative
    negatives = true_negative + false_positive
    called_positive = true_positive + false_positive
    called_negative = true_negative + false_negative
    sensitivity = _ratio(true_positive, positives)
    specificity = _ratio(true_negative, negatives)
    ppv = _ratio(true_positive, called_positive)
    covariance = true_positive * true_negative - false_positive * false_negative
    # Two roots: the product of four margins would leave the integers that a double holds exactly.
    margins = np.sqrt(positives * negatives) * np.sqrt(called_positive * called_negative)
    return {
        "accuracy": _ratio(true_positive + true_negative, positives + negatives),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "precision": ppv,
        "recall": sensitivity,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": ppv,
        "npv": _ratio(true_negative, called_negative),
        "f1": _ratio(2 * true_positive, positives + called_positive),
        "mcc": _ratio(covariance, margins),
    }


def squared_error(positive: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each image's contribution to the Brier score, [images] float64 in [0, 1]."""
    return (np.asarray(probability, float) - positive) ** 2


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """Return the probability of a logit in float64, without overflow at either end."""
    logit = np.asarray(logit, float)
    smaller = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1, smaller) / (1 + smaller)


def count_below(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return how many reference scores lie below each score; equal ones count half.

    Counted among themselves, scores get their midranks less one half.

    Parameters
    ----------
    scores
        [scores] float, finite.
    reference
        [references] float, finite.

    Returns
    -------
    numpy.ndarray
        [scores] float64, whole and half numbers in [0, references].
    """
    ordered = np.sort(reference)
    below = np.searchsorted(ordered, scores, side="left")
    return (below + np.searchsorted(ordered, scores, side="right")) / 2


def roc_curve_points(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the ROC curve.

    Parameters
    ----------
    positive
        [images] bool, both classes present.
    scores
        [images] float; equal scores give one slanting line.

    Returns
    -------
    tuple
        False-positive rate and sensitivity, [points] float64 from (0, 0) to (1, 1). Joined by
        straight lines they are the whole curve: points on a line between others are left out.
    """
    true_positive, false_positive = _cumulative_counts(positive, scores)
    across, up = np.diff(false_positive), np.diff(true_positive)
    # Whole numbers: the cross product of consecutive steps is 0 exactly where they are in line.
    corner = np.concatenate([[True], across[:-1] * up[1:] != across[1:] * up[:-1], [True]])
    return (
        false_positive[corner] / false_positive[-1],
        true_positive[corner] / true_positive[-1],
    )


def precision_recall_points(
    positive: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps of the precision-recall curve.

    Parameters
    ----------
    positive
        [images] bool, at least one True.
    scores
        [images] float.

    Returns
    -------
    tuple
        Recall and precision, [points] float64, recall rising from 0 to 1. Draw them as steps with
        the height of the point at each step's right end (matplotlib: `where="pre"`): the area is
        the average precision.
    """
    true_positive, false_positive = _cumulative_counts(positive, scores)
    steps = np.flatnonzero(np.diff(true_positive)) + 1
    recall = true_positive[steps] / true_positive[-1]
    precision = true_positive[steps] / (true_positive[steps] + false_positive[steps])
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def _cumulative_counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return true and false positives as the threshold falls, [groups + 1] int, from 0."""
    ranking = rank_images(positive, scores)
    group_end = np.append(ranking.group_start[1:], len(ranking.order))
    true_positive = np.append(0, np.cumsum(ranking.positive))
    called = np.append(0, group_end)
    return true_positive[called], called - true_positive[called]


DECISION_METRICS = tuple(decision_metrics(np.zeros((1, 4))))
METRICS = (*DECISION_METRICS, *SCORE_METRICS)
