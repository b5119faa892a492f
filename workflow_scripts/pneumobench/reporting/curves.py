"""ROC and precision-recall curves of a run: of one set of images, or averaged over folds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pneumobench.statistics.metrics import precision_recall_points, roc_curve_points


@dataclass(frozen=True)
class Curve:
    """A curve and the operating point on it.

    Attributes
    ----------
    x, y
        [points] float in [0, 1]. ROC: false-positive and true-positive rate. Precision-recall:
        recall and precision.
    point
        (x, y) of the decisions at the out-of-fold threshold, all images together.
    """

    x: np.ndarray
    y: np.ndarray
    point: tuple[float, float]


def mean_roc(folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Average ROC curves vertically; the area under the mean is the mean of the areas.

    Parameters
    ----------
    folds
        Points of each fold, from `roc_curve_points`.
    """
    grid = np.unique(np.concatenate([x for x, _ in folds]))
    left = np.mean([_limits(x, y, grid)[0] for x, y in folds], axis=0)
    right = np.mean([_limits(x, y, grid)[1] for x, y in folds], axis=0)
    return np.repeat(grid, 2), np.stack([left, right], axis=1).ravel()


def mean_precision_recall(
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision-recall steps at equal recall; the area is the mean average precision.

    Parameters
    ----------
    folds
        Steps of each fold, from `precision_recall_points`: the precision of a point holds from the
        recall before it to its own.
    """
    grid = np.unique(np.concatenate([recall for recall, _ in folds]))
    middle = (grid[1:] + grid[:-1]) / 2
    heights = [precision[np.searchsorted(recall, middle)] for recall, precision in folds]
    precision = np.mean(heights, axis=0)
    return grid, np.concatenate([precision[:1], precision])


def roc_curve(scores: pd.DataFrame, dataset: str) -> Curve:
    """Return the ROC curve of a run: mean of the folds, or that of the mean prediction (test).

    Parameters
    ----------
    scores
        scores.csv of one run.
    dataset
        `out_of_fold` or `test`.
    """
    return _curve(scores, dataset, roc_curve_points, mean_roc, _roc_point)


def precision_recall_curve(scores: pd.DataFrame, dataset: str) -> Curve:
    """Return the precision-recall curve of a run, as `roc_curve` does; draw it with steps "pre"."""
    return _curve(
        scores, dataset, precision_recall_points, mean_precision_recall, _precision_recall_point
    )


def image_counts(scores: pd.DataFrame, dataset: str) -> dict[str, int]:
    """Return the numbers of images, pneumonias and patients of a data set in scores.csv."""
    images = scores[scores["dataset"] == dataset].drop_duplicates("image_id")
    return {
        "n": len(images),
        "events": int((images["label"] == "pneumonia").sum()),
        "patients": images["patient"].nunique(),
    }


def _curve(
    scores: pd.DataFrame, dataset: str, points: Callable, mean: Callable, operating: Callable
) -> Curve:
    rows = scores[scores["dataset"] == dataset]
    if dataset == "test":
        parts = [rows[rows["fold"].isna()]]
    else:
        parts = [part for _, part in rows.groupby("fold")]
    curves = [points(_positive(part), part["logit"].to_numpy(dtype=float)) for part in parts]
    x, y = curves[0] if len(curves) == 1 else mean(curves)
    return Curve(x, y, operating(pd.concat(parts)))


def _positive(rows: pd.DataFrame) -> np.ndarray:
    return (rows["label"] == "pneumonia").to_numpy()


def _roc_point(rows: pd.DataFrame) -> tuple[float, float]:
    positive, said = _positive(rows), rows["decision_selected"].to_numpy() == 1
    return float(said[~positive].mean()), float(said[positive].mean())


def _precision_recall_point(rows: pd.DataFrame) -> tuple[float, float]:
    positive, said = _positive(rows), rows["decision_selected"].to_numpy() == 1
    # With nothing called positive there is no precision, and no point is drawn.
    return float(said[positive].mean()), float(positive[said].mean()) if said.any() else np.nan


def _limits(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of a rising line with vertical parts from the left and right of `grid`."""
    knots, first = np.unique(x, return_index=True)
    last = np.append(first[1:], len(x)) - 1
    bottom, top = y[first], y[last]
    segment = np.clip(np.searchsorted(knots, grid, side="right") - 1, 0, len(knots) - 2)
    share = (grid - knots[segment]) / (knots[segment + 1] - knots[segment])
    between = top[segment] + share * (bottom[segment + 1] - top[segment])
    at = np.searchsorted(knots, grid)
    at = np.minimum(at, len(knots) - 1)
    on_knot = knots[at] == grid
    return np.where(on_knot, bottom[at], between), np.where(on_knot, top[at], between)
