"""One run's metrics: predictions, labels and frozen thresholds become numbers with intervals."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import (
    Scores,
    describe_classes,
    describe_confusion,
    describe_subtypes,
    estimate_mean,
    estimate_whole,
    replicate_scores,
)
from pneumobench.statistics.metrics import sigmoid
from pneumobench.statistics.predictions import (
    FoldPredictions,
    Labels,
    align_out_of_fold,
    align_test,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.selection import find_selected

logger = logging.getLogger(__name__)


def evaluate_run(
    out_of_fold: list[Path],
    test: list[Path],
    development_labels: Path,
    test_labels: Path,
    selection: Path,
    metrics: Path,
    scores: Path,
    *,
    model: str,
    recipe: str,
    seed: int,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write every metric of one run with its interval, and the scores they come from.

    Out of fold, `fold_mean` is the mean of the metric inside each fold and `pooled` takes all
    images together, which mixes the scales of the folds' models. On the test set, `fold_mean` is
    the mean over the folds' models and `mean_prediction` the metric of their mean logit. At the
    `out_of_fold` threshold each model is cut at its own threshold, the mean prediction at the mean
    distance of its logits from their thresholds. Intervals are percentile intervals of a bootstrap
    over patients (out of fold within the folds) with the models held fixed.

    Parameters
    ----------
    out_of_fold, test
        The run's predictions, one file a fold.
    development_labels, test_labels
        The reference standard of either.
    selection
        selection.json with the run's thresholds.
    metrics, scores
        metrics.json and scores.csv to write.
    model, recipe, seed
        The run.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images than the labels.
    """
    run = Run(model, recipe, seed)
    rule, thresholds = find_selected(selection, run)
    development, official = read_labels(development_labels), read_labels(test_labels)
    fold, logit = align_out_of_fold(
        _of_run(out_of_fold, run), development, run, folds=len(thresholds)
    )
    logits = align_test(_of_run(test, run), official, run, folds=len(thresholds))
    draw = {"replicates": replicates, "seed": bootstrap_seed}

    models, whole = score_out_of_fold(logit, fold, np.array(thresholds))
    resamples = resample_patients(development.patient, strata=fold, **draw)
    parts = [_describe("out_of_fold", "pooled", models, whole, development, resamples, confidence)]
    tables = [_tabulate("out_of_fold", [whole], development)]

    models, whole = score_test(logits, np.array(thresholds))
    resamples = resample_patients(official.patient, **draw)
    parts.append(
        _describe("test", "mean_prediction", models, whole, official, resamples, confidence)
    )
    tables.append(_tabulate("test", [*models, whole], official))

    merged = {key: [record for part in parts for record in part[key]] for key in parts[0]}
    learned = has_learned(merged["estimates"])
    if not learned:
        logger.warning("%s did not learn: its out-of-fold AUC may be 0.5", run.title)
    write_json(
        metrics,
        {
            "model": model,
            "recipe": recipe,
            "seed": seed,
            "learned": learned,
            "threshold_rule": rule,
            "thresholds": thresholds,
            "interval": {
                "method": "percentile bootstrap over patients, out of fold within folds",
                "confidence": confidence,
                "replicates": replicates,
                "seed": bootstrap_seed,
            },
            "datasets": {"out_of_fold": development.counts(), "test": official.counts()},
            **merged,
        },
    )
    write_table(scores, pd.concat(tables, ignore_index=True))


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


def has_learned(estimates: list[dict[str, Any]]) -> bool:
    """Return whether the interval of the out-of-fold AUC (mean of the folds) lies above 0.5."""
    key = ("out_of_fold", "fold_mean", "roc_auc")
    (record,) = [
        entry
        for entry in estimates
        if (entry["dataset"], entry["aggregate"], entry["metric"]) == key
    ]
    return record["low"] is not None and record["low"] > 0.5


def _of_run(paths: list[Path], run: Run) -> dict[int, FoldPredictions]:
    found = read_predictions(paths)
    for other in found:
        if other != run:
            raise UserError(
                f"the predictions are of {other.title}",
                where=str(next(iter(found[other].values())).path),
                expected=f"predictions of {run.title}",
                remedy="remove the file and run snakemake again",
            )
    return found.get(run, {})


def _describe(
    dataset: str,
    aggregate: str,
    models: list[Scores],
    whole: Scores,
    labels: Labels,
    resamples: Resamples,
    confidence: float,
) -> dict[str, list[dict[str, Any]]]:
    of_models = [replicate_scores(scores, labels, resamples) for scores in models]
    of_whole = replicate_scores(whole, labels, resamples)
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
