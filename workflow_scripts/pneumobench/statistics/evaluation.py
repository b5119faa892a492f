"""One run's metrics: predictions, labels and frozen thresholds become numbers with intervals.

Out of fold, `fold_mean` is the mean of the metric inside each fold and `pooled` takes all images
together, which mixes the scales of the folds' models. On the test set, `fold_mean` is the mean over
the folds' models and `mean_prediction` the metric of their mean logit. At the `out_of_fold`
threshold each model is cut at its own threshold, the mean prediction at the mean distance of its
logits from their thresholds. Out of fold, thresholds are cross-fitted: those fitted to the very
images would flatter the model. Intervals come from a bootstrap over patients (out of fold within
the folds; `intervals`) with the models held fixed. Under `patients` the same estimates stand with a
patient, by the mean logit of the images, in place of each image.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.estimates import Resampling, record_with
from pneumobench.core.files import content_sha256, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.judgement import Judged, Predicted, judge
from pneumobench.statistics.patients import gather_patients
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    align_test,
    check_same_folds,
    only_run,
    read_predictions,
)
from pneumobench.statistics.samples import draw_sample, read_standards

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFiles:
    """What one run is judged by.

    Attributes
    ----------
    out_of_fold, test
        The run's predictions, one file a fold.
    development_labels, test_labels
        The reference standard of either.
    selection
        selection.json with the run's thresholds.
    out_of_fold_views, test_views
        The run's predictions averaged over a set of views; none without test-time augmentation.
    """

    out_of_fold: list[Path]
    test: list[Path]
    development_labels: Path
    test_labels: Path
    selection: Path
    out_of_fold_views: list[Path] = field(default_factory=list)
    test_views: list[Path] = field(default_factory=list)


def evaluate_run(
    files: RunFiles, metrics: Path, scores: Path, *, run: Run, views: str, resampling: Resampling
) -> None:
    """Write every metric of one run with its interval, and the scores they come from.

    Parameters
    ----------
    files
        What it is judged by.
    metrics, scores
        metrics.json and scores.csv to write.
    run
        The run.
    views
        The set of views that predictions are averaged over, or `none`. Their records stand under
        `test_time_augmentation`, with the paired differences to the plain predictions.
    resampling
        How intervals are drawn.

    Raises
    ------
    UserError
        If predictions are missing, damaged, of other images or not those that were selected.
    """
    frozen = Frozen.read(files.selection)
    entry = frozen.of_run(run)
    standards = read_standards(files.development_labels, files.test_labels)
    predicted = _align(files.out_of_fold, files.test, run, standards, len(entry["thresholds"]))
    frozen.check_frozen_on(run, files.out_of_fold)
    samples = {
        "out_of_fold": draw_sample(standards["out_of_fold"], resampling, predicted.fold),
        "test": draw_sample(standards["test"], resampling),
    }
    own = standards["out_of_fold"]
    cuts = frozen.cuts(entry, own, predicted.logit, predicted.fold)
    plain = judge(predicted, cuts, samples, resampling.confidence)
    patients = judge(*gather_patients(predicted, cuts, samples), resampling.confidence)
    content = {
        **vars(run),
        **_warn(run, plain, predicted),
        "selection_sha256": content_sha256(files.selection),
        "threshold_rule": frozen.rule,
        "thresholds": cuts.test.tolist(),
        "interval": resampling.interval(", out of fold within folds"),
        "datasets": {dataset: labels.counts() for dataset, labels in standards.items()},
        **plain.records,
        "patients": patients.records["estimates"],
    }  # fmt: skip
    if views != "none":
        averaged = _align_views(files, run, standards, predicted, views)
        cuts = frozen.cuts(frozen.of_views(run, views), own, averaged.logit, averaged.fold)
        judged = judge(averaged, cuts, samples, resampling.confidence)
        content["test_time_augmentation"] = {
            "views": views,
            "thresholds": cuts.test.tolist(),
            "differences": _differences(judged, plain, resampling.confidence),
            **judged.records,
        }
    write_json(metrics, content)
    write_table(scores, plain.scores)


def has_learned(estimates: list[dict[str, Any]]) -> bool:
    """Return whether the interval of the out-of-fold AUC (mean of the folds) lies above 0.5."""
    record = record_with(
        estimates, "metrics.json", dataset="out_of_fold", aggregate="fold_mean", metric="roc_auc"
    )
    return record["low"] is not None and record["low"] > 0.5


def _warn(run: Run, judged: Judged, predicted: Predicted) -> dict[str, Any]:
    """Return `learned` and `warnings` of metrics.json, and log what is wrong."""
    learned, constant = has_learned(judged.records["estimates"]), _constant_folds(predicted)
    warnings = []
    if constant:
        warnings.append(
            f"the model of fold {', '.join(map(str, constant))} gives all images the same score: "
            "its training collapsed. Change its recipe (a lower learning rate, for example) and "
            "run snakemake again: rule train_fold of this run is repeated"
        )
        logger.warning("%s: %s", run.title, warnings[0])
    if not learned:
        logger.warning("%s is not shown to have learned: its out-of-fold AUC may be 0.5", run.title)
    return {"learned": learned, "warnings": warnings}


def _constant_folds(predicted: Predicted) -> list[int]:
    """Return the folds whose model says the same of every out-of-fold or every test image."""
    return [
        int(number)
        for number, test in zip(np.unique(predicted.fold), predicted.logits, strict=True)
        if np.ptp(predicted.logit[predicted.fold == number]) == 0 or np.ptp(test) == 0
    ]


def _align(
    out_of_fold: list[Path],
    test: list[Path],
    run: Run,
    standards: dict[str, Labels],
    folds: int,
    tta: str = "identity",
) -> Predicted:
    own, new = (only_run(read_predictions(paths, tta), run) for paths in (out_of_fold, test))
    fold, logit = align_out_of_fold(own, standards["out_of_fold"], run, folds)
    return Predicted(fold, logit, align_test(new, standards["test"], run, folds))


def _align_views(
    files: RunFiles, run: Run, standards: dict[str, Labels], plain: Predicted, views: str
) -> Predicted:
    paths, folds = (files.out_of_fold_views, files.test_views), len(plain.logits)
    averaged = _align(*paths, run, standards, folds, views)
    when = "with and without test-time augmentation"
    check_same_folds(averaged.fold, plain.fold, files.out_of_fold_views, run, when)
    return averaged


def _differences(averaged: Judged, plain: Judged, confidence: float) -> list[dict[str, Any]]:
    """Return what averaging changes in the AUC, paired by patient, for each data set."""
    return [
        {"dataset": dataset, "metric": "roc_auc"}
        | paired_difference(averaged.areas[dataset], area, confidence)
        for dataset, area in plain.areas.items()
    ]
