"""From one run's predictions to records: every metric out of fold and on the test set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.statistics.estimates import flat_columns, number, summarise
from pneumobench.statistics.frozen import Cuts
from pneumobench.statistics.intervals import Cases
from pneumobench.statistics.metrics import decision_metrics, sigmoid
from pneumobench.statistics.replicates import Replicated, Scores, replicate_scores
from pneumobench.statistics.samples import Sample, Samples

CONFUSION_CELLS = ("true_negative", "false_positive", "false_negative", "true_positive")
# What all images together are called: out of fold each by its own model, else by their mean.
WHOLE = {"out_of_fold": "pooled", "test": "mean_prediction"}
_AREA = ("none", "roc_auc")


@dataclass(frozen=True)
class Predicted:
    """A run's predictions in the order of the labels.

    Attributes
    ----------
    fold, logit
        [development images] int and float32: which fold's model, and what it says.
    logits
        [folds, test images] float32.
    """

    fold: np.ndarray
    logit: np.ndarray
    logits: np.ndarray

    def cut(self, cuts: Cuts) -> dict[str, tuple[list[Scores], Scores]]:
        """Return the scores of either data set with decisions at a threshold for each fold."""
        return {
            "out_of_fold": score_out_of_fold(self.logit, self.fold, cuts.out_of_fold),
            "test": score_test(self.logits, cuts.test),
        }


@dataclass(frozen=True)
class Judged:
    """What predictions and labels amount to.

    Attributes
    ----------
    records
        `estimates`, `confusion`, `per_class` and `subgroups`, as metrics.json holds them.
    scores
        scores.csv: the scores that the records come from.
    areas
        For each data set [1 + replicates] float64, the AUC that tables show: out of fold the mean
        of the folds, on the test set that of the mean prediction.
    """

    records: dict[str, list[dict[str, Any]]]
    scores: pd.DataFrame
    areas: dict[str, np.ndarray]


def judge(predicted: Predicted, cuts: Cuts, samples: Samples, confidence: float) -> Judged:
    """Compute every metric of a run with its interval.

    Parameters
    ----------
    predicted
        The run's predictions.
    cuts
        Where the logits of each fold's model are cut.
    samples
        `out_of_fold` and `test`.
    confidence
        Level of the intervals in (0, 1).
    """
    scored = predicted.cut(cuts)
    replicated = {
        dataset: [replicate_scores(scores, samples[dataset]) for scores in (*models, whole)]
        for dataset, (models, whole) in scored.items()
    }
    parts = [
        _describe(dataset, whole, replicated[dataset], samples[dataset], confidence)
        for dataset, (_, whole) in scored.items()
    ]
    models, mean = scored["test"]
    tables = [
        _tabulate("out_of_fold", scored["out_of_fold"][1], samples["out_of_fold"]),
        *(_tabulate("test", part, samples["test"]) for part in (*models, mean)),
    ]
    areas = {name: [part.metrics[_AREA] for part in found] for name, found in replicated.items()}
    return Judged(
        records={key: [record for part in parts for record in part[key]] for key in parts[0]},
        scores=pd.concat(tables, ignore_index=True),
        areas={
            "out_of_fold": np.mean(areas["out_of_fold"][:-1], axis=0),
            "test": areas["test"][-1],
        },
    )


def score_out_of_fold(
    logit: np.ndarray, fold: np.ndarray, thresholds: np.ndarray
) -> tuple[list[Scores], Scores]:
    """Return the scores of each fold's model on its own images, and of all images together.

    Parameters
    ----------
    logit, fold
        [images] float32 and int, as `predictions.align_out_of_fold` returns them.
    thresholds
        [images] float64 logits.
    """
    decisions = {"0.5": logit > 0, "out_of_fold": logit > thresholds}
    models = []
    for position in np.unique(fold):
        images = np.flatnonzero(fold == position)
        own = {name: decision[images] for name, decision in decisions.items()}
        models.append(Scores(images, logit[images], own, fold[images]))
    return models, Scores(np.arange(len(logit)), logit, decisions, fold)


def score_test(logits: np.ndarray, thresholds: np.ndarray) -> tuple[list[Scores], Scores]:
    """Return the scores of each fold's model and of the mean prediction.

    The mean is taken over logits and kept as float32, so that every figure can be computed again
    from scores.csv.

    Parameters
    ----------
    logits
        [folds, images] float32.
    thresholds
        [folds] float64 logits.
    """
    images = np.arange(logits.shape[1])
    distance = logits - thresholds[:, np.newaxis]
    models = [
        Scores(
            images,
            logits[position],
            {"0.5": logits[position] > 0, "out_of_fold": distance[position] > 0},
            np.full(len(images), position),
        )
        for position in range(len(thresholds))
    ]
    mean = logits.mean(axis=0, dtype=float).astype(np.float32)
    decisions = {"0.5": mean > 0, "out_of_fold": distance.mean(axis=0) > 0}
    return models, Scores(images, mean, decisions, None)


def cases_of(scores: Scores, sample: Sample) -> dict[str, Cases]:
    """Return whose images metrics are of, for each threshold and for `none`."""
    decided = {
        name: sample.cases(scores.images, decision) for name, decision in scores.decisions.items()
    }
    return {"none": sample.cases(scores.images), **decided}


def estimate_mean(
    models: list[Replicated], origin: dict[str, Any], confidence: float
) -> list[dict[str, Any]]:
    """Return the records of every metric's mean over the folds' models, with their spread.

    The interval is that of the mean when patients are drawn anew; the spread, the standard
    deviation over the models (ddof 1), says how much the models differ. `origin` has the `dataset`,
    its `counts`, and its `cases` from `cases_of`.
    """
    records = []
    for key in models[0].metrics:
        by_fold = np.stack([model.metrics[key] for model in models])
        values = by_fold[:, 0]
        spread = np.std(values, ddof=1) if len(models) > 1 else np.nan
        record = _record(by_fold.mean(axis=0), origin, "fold_mean", key, confidence)
        records.append(record | {"spread": number(spread), "folds": list(map(number, values))})
    return records


def estimate_whole(
    whole: Replicated, aggregate: str, origin: dict[str, Any], confidence: float
) -> list[dict[str, Any]]:
    """Return the records of every metric of all images together; `origin` as in `estimate_mean`."""
    return [
        _record(values, origin, aggregate, key, confidence) for key, values in whole.metrics.items()
    ]


def describe_subtypes(
    scores: Scores, dataset: str, sample: Sample, confidence: float
) -> list[dict[str, Any]]:
    """Return the sensitivity among the pneumonias of each subtype, of all images together."""
    positive = sample.positive[scores.images]
    subtype = sample.labels.subtype[scores.images]
    records = []
    for threshold, decision in scores.decisions.items():
        for name in np.unique(subtype[positive]):
            chosen = positive & (subtype == name)
            images = scores.images[chosen]
            values = sample.resamples.means(decision[chosen], images)[:, 0]
            scale = sample.cases(images).scale("sensitivity")
            found = summarise(values, confidence, scale)
            records.append(
                {
                    "dataset": dataset,
                    "aggregate": WHOLE.get(dataset, "mean_prediction"),
                    "threshold": threshold,
                    "subtype": str(name),
                    "sensitivity": found.pop("value"),
                    **found,
                    "n": len(images),
                    "patients": len(np.unique(sample.labels.patient[images])),
                }
            )
    return records


def _describe(
    dataset: str, whole: Scores, replicated: list[Replicated], sample: Sample, confidence: float
) -> dict[str, list[dict[str, Any]]]:
    """Return the records of one data set; `replicated` holds the models', then the whole's."""
    *of_models, of_whole = replicated
    cases = cases_of(whole, sample)
    origin = {"dataset": dataset, "counts": sample.labels.counts(), "cases": cases}
    aggregate = {"dataset": dataset, "aggregate": WHOLE[dataset]}
    return {
        "estimates": estimate_mean(of_models, origin, confidence)
        + estimate_whole(of_whole, WHOLE[dataset], origin, confidence),
        "confusion": _confusion(of_models, of_whole, aggregate),
        "per_class": _classes(of_whole, aggregate, cases, confidence),
        "subgroups": describe_subtypes(whole, dataset, sample, confidence),
    }


def _confusion(
    models: list[Replicated], whole: Replicated, aggregate: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the counts of all images together and their mean over the folds' models."""
    records = []
    for threshold, table in whole.confusion.items():
        mean = np.mean([model.confusion[threshold][0] for model in models], axis=0)
        origin = {"dataset": aggregate["dataset"], "threshold": threshold}
        counts = dict(zip(CONFUSION_CELLS, map(round, table[0]), strict=True))
        means = dict(zip(CONFUSION_CELLS, map(float, mean), strict=True))
        records.append({**origin, "aggregate": aggregate["aggregate"], **counts})
        records.append({**origin, "aggregate": "fold_mean", **means})
    return records


def _classes(
    whole: Replicated, aggregate: dict[str, str], cases: dict[str, Cases], confidence: float
) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of either class, with their intervals and its image count."""
    records = []
    for threshold, table in whole.confusion.items():
        # With the classes exchanged, the table reads from its other end.
        for name, confusion, own in (
            ("normal", table[:, ::-1], cases[threshold].exchanged()),
            ("pneumonia", table, cases[threshold]),
        ):
            metrics = decision_metrics(confusion)
            support = round(confusion[0, 2] + confusion[0, 3])
            record = {**aggregate, "threshold": threshold, "class": name, "support": support}
            for metric in ("precision", "recall", "f1"):
                found = summarise(metrics[metric], confidence, own.scale(metric))
                record |= flat_columns(metric, found)
            records.append(record)
    return records


def _record(
    values: np.ndarray,
    origin: dict[str, Any],
    aggregate: str,
    key: tuple[str, str],
    confidence: float,
) -> dict[str, Any]:
    threshold, metric = key
    return {
        "dataset": origin["dataset"],
        "aggregate": aggregate,
        "threshold": threshold,
        "metric": metric,
        **summarise(values, confidence, origin["cases"][threshold].scale(metric)),
        "spread": None,
        **origin["counts"],
    }


def _tabulate(dataset: str, part: Scores, sample: Sample) -> pd.DataFrame:
    fold = pd.array([pd.NA] * len(part.images) if part.fold is None else part.fold, "Int64")
    labels = sample.labels
    return pd.DataFrame(
        {
            "dataset": dataset,
            "fold": fold,
            "image_id": labels.image_id[part.images],
            "patient": labels.patient[part.images],
            "label": labels.names[part.images],
            "subtype": labels.subtype[part.images],
            "logit": part.logit.astype(np.float32),
            "probability": sigmoid(part.logit).astype(np.float32),
            "decision_default": part.decisions["0.5"].astype(int),
            "decision_selected": part.decisions["out_of_fold"].astype(int),
        }
    )
