"""Exact points of the ROC and the precision-recall curve, without those that change nothing."""

import numpy as np

from pneumobench.statistics.metrics import rank_images


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


def _cumulative_counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return true and false positives as the threshold falls, [groups + 1] int, from 0."""
    ranking = rank_images(positive, scores)
    group_end = np.append(ranking.group_start[1:], len(ranking.order))
    true_positive = np.append(0, np.cumsum(ranking.positive))
    called = np.append(0, group_end)
    return true_positive[called], called - true_positive[called]
