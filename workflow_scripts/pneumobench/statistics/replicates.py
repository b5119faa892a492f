"""Statistics of scores in the sample (row 0) and in every replicate: [1 + replicates] float64."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.metrics import (
    confusion_indicators,
    decision_metrics,
    rank_images,
    ranking_metrics,
    sigmoid,
    squared_error,
)
from pneumobench.statistics.samples import Sample


@dataclass(frozen=True)
class Scores:
    """What one model (or the mean of the folds' models) says about some images of a data set.

    Attributes
    ----------
    images
        [images] int, their positions in the labels.
    logit
        [images] float32.
    decisions
        For each threshold (`0.5`, `out_of_fold`) [images] bool, True = called pneumonia.
    fold
        The model's fold for every image, [images] int; None for a mean over the folds' models.
    """

    images: np.ndarray
    logit: np.ndarray
    decisions: dict[str, np.ndarray]
    fold: np.ndarray | None


@dataclass(frozen=True)
class Replicated:
    """Metrics and confusion tables of one model in the sample and in every replicate.

    Attributes
    ----------
    metrics
        For each (threshold, metric); the threshold is `none` for what needs none.
    confusion
        [1 + replicates, 4] for each threshold, columns as in `metrics.confusion_indicators`.
    """

    metrics: dict[tuple[str, str], np.ndarray]
    confusion: dict[str, np.ndarray]


def replicate_scores(scores: Scores, sample: Sample) -> Replicated:
    """Compute every metric of one model."""
    positive = sample.positive[scores.images]
    ranked = replicate_ranking(positive, scores.logit, scores.images, sample.resamples)
    metrics = {("none", name): values for name, values in ranked.items()}
    error = squared_error(positive, sigmoid(scores.logit))
    metrics["none", "brier"] = sample.resamples.means(error, scores.images)[:, 0]
    confusion = {}
    for threshold, decision in scores.decisions.items():
        cells = confusion_indicators(positive, decision)
        confusion[threshold] = sample.resamples.sums(cells, scores.images)
        decided = decision_metrics(confusion[threshold])
        metrics |= {(threshold, name): values for name, values in decided.items()}
    return Replicated(metrics, confusion)


def replicate_ranking(
    positive: np.ndarray, score: np.ndarray, images: np.ndarray, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Compute `roc_auc` and `average_precision` alone.

    Parameters
    ----------
    positive, score
        [images] bool and float, finite.
    images
        [images] int, their positions among those that the replicates are of.
    resamples
        Draws of patients.
    """
    ranking = rank_images(positive, score)
    parts = [
        ranking_metrics(ranking, weights) for _, weights in resamples.weights(images[ranking.order])
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def rank_inside_folds(logit: np.ndarray, sample: Sample) -> dict[str, np.ndarray]:
    """Compute the mean over the folds of what `replicate_ranking` finds inside each.

    The folds' models have no common scale. On the test set, which is one fold, it is the metric of
    the mean prediction.
    """
    parts = [
        replicate_ranking(sample.positive[images], logit[images], images, sample.resamples)
        for images in sample.of_folds()
    ]
    return {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}


def replicate_decisions(
    decision: np.ndarray, sample: Sample, images: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Compute every metric of decisions, [images] bool, on some images or on all."""
    images = sample.images if images is None else images
    cells = confusion_indicators(sample.positive[images], decision)
    return decision_metrics(sample.resamples.sums(cells, images))


def replicate_area(
    positive: np.ndarray, scores: np.ndarray, images: np.ndarray, resamples: Resamples
) -> np.ndarray:
    """Compute the area under the ROC curve from pairs of patients.

    A replicate draws whole patients, so that the number of its pairs of images follows from a table
    of pairs of patients, counted once. Where one of the classes has some hundred patients this
    takes a tenth of the time of `replicate_ranking`, and gives the same numbers. Ties count half;
    replicates without one of the classes are NaN.

    Parameters
    ----------
    positive, scores, images, resamples
        As for `replicate_ranking`.
    """
    cluster = resamples.cluster[images]
    high, low = scores[positive][:, np.newaxis], scores[~positive][np.newaxis, :]
    won = (high > low) + 0.5 * (high == low)
    by_positive, positives = _by_patient(cluster[positive])
    by_negative, negatives = _by_patient(cluster[~positive])
    pairs = by_negative @ (by_positive @ won).T  # [negative patients, positive patients]
    times_positive = resamples.multiplicity[:, positives].astype(float)
    times_negative = resamples.multiplicity[:, negatives].astype(float)
    total = (times_positive @ by_positive.sum(axis=1)) * (times_negative @ by_negative.sum(axis=1))
    found = np.einsum("ij,ij->i", times_negative @ pairs, times_positive)
    return np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0)


def replicate_quantiles(
    scores: np.ndarray, images: np.ndarray, resamples: Resamples, shares: tuple[float, ...]
) -> np.ndarray:
    """Compute quantiles for each share, [1 + replicates, shares].

    A quantile is the lowest score that at least this share of the images does not exceed (inverse
    of the empirical distribution function; Hyndman RJ, Fan Y. Am Stat 1996;50:361-365, type 1).

    Parameters
    ----------
    scores, images, resamples
        As for `replicate_ranking`; a replicate without any of the images gives NaN.
    shares
        In (0, 1).
    """
    order = np.argsort(scores, kind="stable")
    ordered = np.append(np.asarray(scores, float)[order], np.nan)
    found = np.empty((len(resamples.multiplicity), len(shares)))
    for rows, weights in resamples.weights(images[order]):
        below = np.cumsum(weights, axis=1)
        total = below[:, -1]
        for column, share in enumerate(shares):
            # Rounding must not push a whole number of images over the next one.
            wanted = share * total * (1 - 1e-12)
            position = (below < wanted[:, np.newaxis]).sum(axis=1)
            found[rows, column] = ordered[np.where(total > 0, position, len(scores))]
    return found


def _by_patient(cluster: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return which images are whose, [patients, images], sparse, and the patients' columns."""
    # Here: the report reads names from this room and starts sooner without SciPy.
    from scipy.sparse import csr_array

    columns, patient = np.unique(cluster, return_inverse=True)
    ones = np.ones(len(cluster))
    shape = (len(columns), len(cluster))
    return csr_array((ones, (patient, np.arange(len(cluster)))), shape=shape), columns
