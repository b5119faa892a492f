"""One run's metrics: predictions, labels and frozen thresholds become numbers with intervals."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.files import content_sha256, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.judgement import Judged, Predicted, judge
from pneumobench.statistics.patients import gather_patients
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    align_test,
    check_same_folds,
    pick_run,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.selection import check_frozen_on, find_selected

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
    out_of_fold_views: list[Path],
    test_views: list[Path],
    views: str,
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
    over patients (out of fold within the folds) with the models held fixed. Under `patients` the
    same estimates stand with a patient, by the mean logit of the images, in place of each image.

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
    out_of_fold_views, test_views, views
        The run's predictions averaged over a set of views, and its name; no files and `none`
        without test-time augmentation. metrics.json then has the same records for them under
        `test_time_augmentation`, and the paired differences to the plain predictions.
    model, recipe, seed
        The run.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If predictions are missing, damaged, of other images than the labels or not those that the
        selection was frozen on.
    """
    run = Run(model, recipe, seed)
    rule, thresholds = find_selected(selection, run)
    standards = {"out_of_fold": read_labels(development_labels), "test": read_labels(test_labels)}
    predicted = _align(out_of_fold, test, run, standards, folds=len(thresholds))
    check_frozen_on(selection, run, out_of_fold)
    constant = _constant_folds(predicted)
    if constant:
        logger.warning("%s: %s", run.title, _constant_message(constant))
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    resamples = {
        "out_of_fold": resample_patients(
            standards["out_of_fold"].patient, strata=predicted.fold, **draw
        ),
        "test": resample_patients(standards["test"].patient, **draw),
    }
    plain = judge(predicted, thresholds, standards, resamples, confidence)
    learned = has_learned(plain.records["estimates"])
    if not learned:
        logger.warning("%s did not learn: its out-of-fold AUC may be 0.5", run.title)
    content = {
        "model": model,
        "recipe": recipe,
        "seed": seed,
        "learned": learned,
        "warnings": [_constant_message(constant)] if constant else [],
        "selection_sha256": content_sha256(selection),
        "threshold_rule": rule,
        "thresholds": thresholds,
        "interval": {
            "method": "percentile bootstrap over patients, out of fold within folds",
            "confidence": confidence,
            "replicates": replicates,
            "seed": bootstrap_seed,
        },
        "datasets": {dataset: labels.counts() for dataset, labels in standards.items()},
        **plain.records,
        "patients": _judge_patients(predicted, thresholds, standards, resamples, confidence),
    }
    if views != "none":
        _, cuts = find_selected(selection, run, views)
        averaged = _align(out_of_fold_views, test_views, run, standards, len(thresholds), views)
        check_same_folds(
            averaged.fold, predicted.fold, out_of_fold_views, run,
            "with and without test-time augmentation",
        )  # fmt: skip
        judged = judge(averaged, cuts, standards, resamples, confidence)
        content["test_time_augmentation"] = {
            "views": views,
            "thresholds": cuts,
            "differences": _differences(judged, plain, confidence),
            **judged.records,
        }
    write_json(metrics, content)
    write_table(scores, plain.scores)


def _judge_patients(
    predicted: Predicted,
    thresholds: list[float],
    standards: dict[str, Labels],
    resamples: dict[str, Resamples],
    confidence: float,
) -> list[dict[str, Any]]:
    """Return the estimates with a patient in the place of every image."""
    gathered, labels, draws = gather_patients(predicted, standards, resamples)
    return judge(gathered, thresholds, labels, draws, confidence).records["estimates"]


def _constant_folds(predicted: Predicted) -> list[int]:
    """Return the folds whose model says the same of every out-of-fold or every test image."""
    return [
        int(number)
        for number, test in zip(np.unique(predicted.fold), predicted.logits, strict=True)
        if np.ptp(predicted.logit[predicted.fold == number]) == 0 or np.ptp(test) == 0
    ]


def _constant_message(folds: list[int]) -> str:
    return (
        f"the model of fold {', '.join(map(str, folds))} gives all images the same score: its "
        "training collapsed. Change its recipe (a lower learning rate, for example) and run "
        "snakemake again: rule train_fold of this run is repeated"
    )


def has_learned(estimates: list[dict[str, Any]]) -> bool:
    """Return whether the interval of the out-of-fold AUC (mean of the folds) lies above 0.5."""
    key = ("out_of_fold", "fold_mean", "roc_auc")
    (record,) = [
        entry
        for entry in estimates
        if (entry["dataset"], entry["aggregate"], entry["metric"]) == key
    ]
    return record["low"] is not None and record["low"] > 0.5


def _align(
    out_of_fold: list[Path],
    test: list[Path],
    run: Run,
    standards: dict[str, Labels],
    folds: int,
    tta: str = "identity",
) -> Predicted:
    fold, logit = align_out_of_fold(
        pick_run(read_predictions(out_of_fold, tta), run), standards["out_of_fold"], run, folds
    )
    of_test = pick_run(read_predictions(test, tta), run)
    return Predicted(fold, logit, align_test(of_test, standards["test"], run, folds))


def _differences(averaged: Judged, plain: Judged, confidence: float) -> list[dict[str, Any]]:
    """Return what averaging changes in the AUC, paired by patient, for each data set."""
    return [
        {
            "dataset": dataset,
            "metric": "roc_auc",
            **paired_difference(averaged.areas[dataset], plain.areas[dataset], confidence),
        }
        for dataset in plain.areas
    ]
