"""From one model's scores to records: value, interval, number of images and where it comes from."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import Resamples, percentile_interval
from pneumobench.statistics.metrics import (
    confusion_indicators,
    decision_metrics,
    rank_images,
    ranking_metrics,
    sigmoid,
    squared_error,
)
from pneumobench.statistics.predictions import Labels

CONFUSION_CELLS = ("true_negative", "false_positive", "false_negative", "true_positive")


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
    """Metrics and confusion tables of one model in the sample (row 0) and in every replicate.

    Attributes
    ----------
    metrics
        [1 + replicates] float64 for each (threshold, metric); the threshold is `none` for what
        needs none.
    confusion
        [1 + replicates, 4] float64 for each threshold, columns as in `CONFUSION_CELLS`.
    """

    metrics: dict[tuple[str, str], np.ndarray]
    confusion: dict[str, np.ndarray]


def replicate_scores(scores: Scores, labels: Labels, resamples: Resamples) -> Replicated:
    """Compute every metric of one model in the sample and in every replicate."""
    positive = labels.positive[scores.images]
    metrics = {
        ("none", name): values
        for name, values in replicate_ranking(scores, labels, resamples).items()
    }
    error = squared_error(positive, sigmoid(scores.logit))
    weighted = resamples.sums(np.stack([error, np.ones_like(error)], axis=1), scores.images)
    # A replicate may hold no image of a small fold; no mean is defined then.
    with np.errstate(invalid="ignore"):
        metrics["none", "brier"] = weighted[:, 0] / weighted[:, 1]
    confusion = {}
    for threshold, decision in scores.decisions.items():
        cells = confusion_indicators(positive, decision)
        confusion[threshold] = resamples.sums(cells, scores.images)
        for name, values in decision_metrics(confusion[threshold]).items():
            metrics[threshold, name] = values
    return Replicated(metrics, confusion)


def replicate_ranking(
    scores: Scores, labels: Labels, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Compute `roc_auc` and `average_precision` alone, each [1 + replicates] float64."""
    ranking = rank_images(labels.positive[scores.images], scores.logit)
    parts = [
        ranking_metrics(ranking, weights)
        for _, weights in resamples.weights(scores.images[ranking.order])
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summarise(values: np.ndarray, confidence: float) -> dict[str, Any]:
    """Return value, interval and number of undefined replicates of one statistic.

    Parameters
    ----------
    values
        [1 + replicates] float, row 0 the sample's; NaN = undefined (null in the result).
    confidence
        Level of the interval.
    """
    low, high, undefined = percentile_interval(values[1:], confidence)
    return {
        "value": number(values[0]),
        "low": number(low),
        "high": number(high),
        "undefined_replicates": undefined,
    }


def paired_difference(
    model: np.ndarray, reference: np.ndarray, confidence: float
) -> dict[str, float | bool | None]:
    """Return `difference` = model - reference with `low`, `high` and `excludes_zero`.

    Parameters
    ----------
    model, reference
        [1 + replicates] float64 from the same replicates, row 0 the sample.
    confidence
        Level of the percentile interval.
    """
    low, high, _ = percentile_interval(model[1:] - reference[1:], confidence)
    return {
        "difference": number(model[0] - reference[0]),
        "low": number(low),
        "high": number(high),
        # Comparisons with NaN are false: an undefined interval separates nothing.
        "excludes_zero": bool(low > 0 or high < 0),
    }


def number(value: float) -> float | None:
    """Return a float for JSON, None if it is NaN."""
    return None if math.isnan(value) else float(value)


def estimate_mean(
    models: list[Replicated], origin: dict[str, Any], confidence: float
) -> list[dict[str, Any]]:
    """Return the records of every metric's mean over the folds' models, with their spread.

    The interval is that of the mean when patients are drawn anew; the spread, the standard
    deviation over the models (ddof 1), says how much the models differ.
    """
    records = []
    for threshold, metric in models[0].metrics:
        by_fold = np.stack([model.metrics[threshold, metric] for model in models])
        values = by_fold[:, 0]
        spread = np.std(values, ddof=1) if len(models) > 1 else np.nan
        record = _record(by_fold.mean(axis=0), origin, "fold_mean", threshold, metric, confidence)
        records.append(record | {"spread": number(spread), "folds": list(map(number, values))})
    return records


def estimate_whole(
    whole: Replicated, aggregate: str, origin: dict[str, Any], confidence: float
) -> list[dict[str, Any]]:
    """Return the records of every metric of all images together."""
    return [
        _record(values, origin, aggregate, threshold, metric, confidence)
        for (threshold, metric), values in whole.metrics.items()
    ]


def describe_confusion(
    models: list[Replicated], whole: Replicated, aggregate: str, dataset: str
) -> list[dict[str, Any]]:
    """Return the counts of all images together and their mean over the folds' models."""
    records = []
    for threshold, table in whole.confusion.items():
        mean = np.mean([model.confusion[threshold][0] for model in models], axis=0)
        origin = {"dataset": dataset, "threshold": threshold}
        counts = dict(zip(CONFUSION_CELLS, map(round, table[0]), strict=True))
        means = dict(zip(CONFUSION_CELLS, map(float, mean), strict=True))
        records.append({**origin, "aggregate": aggregate, **counts})
        records.append({**origin, "aggregate": "fold_mean", **means})
    return records


def describe_classes(
    whole: Replicated, aggregate: str, dataset: str, confidence: float
) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of either class, with their intervals and its image count."""
    records = []
    for threshold, table in whole.confusion.items():
        # With the classes exchanged, the table reads from its other end.
        for name, confusion in (("normal", table[:, ::-1]), ("pneumonia", table)):
            metrics = decision_metrics(confusion)
            record = {
                "dataset": dataset,
                "aggregate": aggregate,
                "threshold": threshold,
                "class": name,
                "support": round(confusion[0, 2] + confusion[0, 3]),
            }
            for metric in ("precision", "recall", "f1"):
                summary = summarise(metrics[metric], confidence)
                record[metric] = summary["value"]
                record[f"{metric}_low"], record[f"{metric}_high"] = summary["low"], summary["high"]
            records.append(record)
    return records


def describe_subtypes(
    scores: Scores,
    aggregate: str,
    dataset: str,
    labels: Labels,
    resamples: Resamples,
    confidence: float,
) -> list[dict[str, Any]]:
    """Return the sensitivity among the pneumonias of each subtype."""
    positive = labels.positive[scores.images]
    subtype = labels.subtype[scores.images]
    records = []
    for threshold, decision in scores.decisions.items():
        for name in np.unique(subtype[positive]):
            chosen = positive & (subtype == name)
            hits = resamples.sums(np.stack([chosen & decision, chosen], axis=1), scores.images)
            with np.errstate(invalid="ignore"):
                summary = summarise(hits[:, 0] / hits[:, 1], confidence)
            records.append(
                {
                    "dataset": dataset,
                    "aggregate": aggregate,
                    "threshold": threshold,
                    "subtype": str(name),
                    "sensitivity": summary.pop("value"),
                    **summary,
                    "n": int(chosen.sum()),
                    "patients": len(np.unique(labels.patient[scores.images][chosen])),
                }
            )
    return records


def _record(
    values: np.ndarray,
    origin: dict[str, Any],
    aggregate: str,
    threshold: str,
    metric: str,
    confidence: float,
) -> dict[str, Any]:
    return {
        "dataset": origin["dataset"],
        "aggregate": aggregate,
        "threshold": threshold,
        "metric": metric,
        **summarise(values, confidence),
        "spread": None,
        # Thresholds fitted on the very images that they are judged on flatter the model.
        "optimistic": origin["dataset"] == "out_of_fold" and threshold == "out_of_fold",
        **origin["counts"],
    }
