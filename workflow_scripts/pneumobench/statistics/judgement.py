"""From one run's predictions to records: every metric out of fold and on the test set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.estimates import (
    Replicated,
    Scores,
    describe_classes,
    describe_confusion,
    describe_subtypes,
    estimate_mean,
    estimate_whole,
    replicate_scores,
)
from pneumobench.statistics.metrics import sigmoid
from pneumobench.statistics.predictions import Labels

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


def judge(
    predicted: Predicted,
    thresholds: list[float],
    standards: dict[str, Labels],
    resamples: dict[str, Resamples],
    confidence: float,
) -> Judged:
    """Compute every metric of a run with its interval.

    Parameters
    ----------
    predicted
        The run's predictions.
    thresholds
        One logit a fold.
    standards, resamples
        Labels and replicates of `out_of_fold` and `test`.
    confidence
        Level of the intervals in (0, 1).
    """
    cuts = np.array(thresholds)
    scored = {
        "out_of_fold": score_out_of_fold(predicted.logit, predicted.fold, cuts),
        "test": score_test(predicted.logits, cuts),
    }
    replicated = {
        dataset: [
            replicate_scores(scores, standards[dataset], resamples[dataset])
            for scores in (*models, whole)
        ]
        for dataset, (models, whole) in scored.items()
    }
    parts = [
        _describe(
            dataset, aggregate, scored[dataset][1], replicated[dataset], standards[dataset],
            resamples[dataset], confidence,
        )
        for dataset, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction"))
    ]  # fmt: skip
    models, mean = scored["test"]
    tables = [
        _tabulate("out_of_fold", [scored["out_of_fold"][1]], standards["out_of_fold"]),
        _tabulate("test", [*models, mean], standards["test"]),
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
        [folds] float64 logits.
    """
    decisions = {"0.5": logit > 0, "out_of_fold": logit > thresholds[fold]}
    models = []
    for number in range(len(thresholds)):
        images = np.flatnonzero(fold == number)
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
            logits[number],
            {"0.5": logits[number] > 0, "out_of_fold": distance[number] > 0},
            np.full(len(images), number),
        )
        for number in range(len(thresholds))
    ]
    mean = logits.mean(axis=0, dtype=float).astype(np.float32)
    decisions = {"0.5": mean > 0, "out_of_fold": distance.mean(axis=0) > 0}
    return models, Scores(images, mean, decisions, None)


def _describe(
    dataset: str,
    aggregate: str,
    whole: Scores,
    replicated: list[Replicated],
    labels: Labels,
    resamples: Resamples,
    confidence: float,
) -> dict[str, list[dict[str, Any]]]:
    """Return the records of one data set; `replicated` holds the models', then the whole's."""
    *of_models, of_whole = replicated
    origin = {"dataset": dataset, "counts": labels.counts()}
    return {
        "estimates": estimate_mean(of_models, origin, confidence)
        + estimate_whole(of_whole, aggregate, origin, confidence),
        "confusion": describe_confusion(of_models, of_whole, aggregate, dataset),
        "per_class": describe_classes(of_whole, aggregate, dataset, confidence),
        "subgroups": describe_subtypes(whole, aggregate, dataset, labels, resamples, confidence),
    }


def _tabulate(dataset: str, parts: list[Scores], labels: Labels) -> pd.DataFrame:
    label = np.where(labels.positive, "pneumonia", "normal")
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "fold": pd.array(
                        [pd.NA] * len(part.images) if part.fold is None else part.fold, "Int64"
                    ),
                    "image_id": labels.image_id[part.images],
                    "patient": labels.patient[part.images],
                    "label": label[part.images],
                    "subtype": labels.subtype[part.images],
                    "logit": part.logit.astype(np.float32),
                    "probability": sigmoid(part.logit).astype(np.float32),
                    "decision_default": part.decisions["0.5"].astype(int),
                    "decision_selected": part.decisions["out_of_fold"].astype(int),
                }
            )
            for part in parts
        ],
        ignore_index=True,
    )
