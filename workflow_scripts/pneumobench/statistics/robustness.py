"""How one run holds when radiographs get worse: its out-of-fold images under corruptions.

The criterion is the worst specificity at the frozen thresholds; the worst sensitivity stands beside
it, as a network that calls nothing pneumonia keeps its specificity.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import paired_difference, replicate_ranking, summarise
from pneumobench.statistics.judgement import score_out_of_fold
from pneumobench.statistics.metrics import confusion_indicators, decision_metrics
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    check_same_folds,
    pick_run,
    read_corrupted,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.selection import find_selected

logger = logging.getLogger(__name__)

METRICS = ("roc_auc", "sensitivity", "specificity")
WORST = ("specificity", "sensitivity")
NONE = ("none", 0)

Replicated = dict[str, np.ndarray]
"""Each of `METRICS` in the sample (row 0) and in every replicate, [1 + replicates] float64."""


def evaluate_robustness(
    out_of_fold: list[Path],
    corrupted: list[Path],
    development_labels: Path,
    selection: Path,
    table: Path,
    details: Path,
    *,
    run: Run,
    strengths: list[int],
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write what corruptions of the out-of-fold images do to a run.

    The AUC is the mean of the folds'; sensitivity and specificity are those of all images together,
    each cut at the threshold of its fold. These were found on the same images uncorrupted, which
    flatters the uncorrupted figures. All are judged on the same draws of patients, within the
    folds, with the models held fixed.

    Parameters
    ----------
    out_of_fold, corrupted
        The run's predictions of the images as they are and corrupted, one file a fold each.
    development_labels
        Their reference standard.
    selection
        selection.json with the run's thresholds.
    table
        robustness.csv to write: a row for the images as they are (corruption `none`, strength 0)
        and for each corruption and strength, with `roc_auc`, `sensitivity`, `specificity`, their
        intervals (`_low`, `_high`), their differences to the images as they are (`_difference`,
        with its interval), and n, events and patients.
    details
        robustness.json to write: what the table follows from; and for each strength `worst` (the
        lowest `specificity` and `sensitivity` with the corruption; the interval is that of the
        lowest, sought anew in every replicate; where several corruptions are about equally bad, the
        lowest of them leans low, and its interval more so) and `mean` (the mean AUC over the
        corruptions).
    run
        The run.
    strengths
        The strengths that were asked for.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images or folds than the labels.
    """
    labels = read_labels(development_labels)
    rule, thresholds = find_selected(selection, run)
    fold, logits = read_aligned(
        out_of_fold, corrupted, labels, run, strengths=strengths, folds=len(thresholds)
    )
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    resamples = resample_patients(labels.patient, strata=fold, **draw)
    found = {
        kind: _replicate(logit, fold, np.array(thresholds), labels, resamples)
        for kind, logit in logits.items()
    }
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    rows = [
        identity
        | {"corruption": name, "strength": strength}
        | _columns(replicated, found[NONE], confidence)
        | labels.counts()
        for (name, strength), replicated in found.items()
    ]
    write_table(table, pd.DataFrame(rows))
    content = {
        **identity,
        "threshold_rule": rule,
        "thresholds": thresholds,
        "interval": {
            "method": "percentile bootstrap over patients within folds",
            "confidence": confidence,
            **draw,
        },
        **labels.counts(),
        "uncorrupted": {name: summarise(found[NONE][name], confidence) for name in METRICS},
        "worst": [
            _worst(found, name, strength, confidence) for strength in strengths for name in WORST
        ],
        "mean": [_mean(found, strength, confidence) for strength in strengths],
    }
    for record in content["worst"]:
        logger.info("worst %(metric)s at strength %(strength)s: %(value)s (%(corruption)s)", record)
    write_json(details, content)


def read_aligned(
    out_of_fold: list[Path],
    corrupted: list[Path],
    labels: Labels,
    run: Run,
    *,
    strengths: list[int],
    folds: int,
) -> tuple[np.ndarray, dict[tuple[str, int], np.ndarray]]:
    """Read a run's predictions of its out-of-fold images as they are and corrupted.

    Returns
    -------
    tuple
        fold, [images] int; and by corruption and strength, `NONE` first, logits [images] float32.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images or folds than the labels.
    """
    kinds = [(name, strength) for strength in strengths for name in CORRUPTIONS]
    parts = {NONE: read_predictions(out_of_fold), **read_corrupted(corrupted, kinds)}
    aligned = {
        kind: align_out_of_fold(pick_run(part, run), labels, run, folds)
        for kind, part in parts.items()
    }
    plain_fold, _ = aligned[NONE]
    for fold, _ in aligned.values():
        check_same_folds(fold, plain_fold, corrupted, run, "with and without corruptions")
    return plain_fold, {kind: logit for kind, (_, logit) in aligned.items()}


def replicate_decisions(
    logit: np.ndarray,
    fold: np.ndarray,
    thresholds: np.ndarray,
    labels: Labels,
    resamples: Resamples,
) -> Replicated:
    """Return each of `WORST` in the sample and in every replicate.

    Parameters
    ----------
    logit, fold
        [images] float32 and int.
    thresholds
        [folds] float64 logits.
    labels, resamples
        The reference standard and the draws of patients.
    """
    cells = confusion_indicators(labels.positive, logit > thresholds[fold])
    decided = decision_metrics(resamples.sums(cells, np.arange(len(logit))))
    return {name: decided[name] for name in WORST}


def replicate_worst(
    found: dict[tuple[str, int], Replicated], metric: str, strength: int
) -> np.ndarray:
    """Return the lowest of all corruptions of a strength, [1 + replicates], sought in every row."""
    return np.min([part[metric] for (_, at), part in found.items() if at == strength], axis=0)


def _replicate(
    logit: np.ndarray,
    fold: np.ndarray,
    thresholds: np.ndarray,
    labels: Labels,
    resamples: Resamples,
) -> Replicated:
    models, _ = score_out_of_fold(logit, fold, thresholds)
    areas = [replicate_ranking(scores, labels, resamples)["roc_auc"] for scores in models]
    decided = replicate_decisions(logit, fold, thresholds, labels, resamples)
    return {"roc_auc": np.mean(areas, axis=0), **decided}


def _columns(
    replicated: Replicated, plain: Replicated, confidence: float
) -> dict[str, float | None]:
    """Return the columns of all metrics."""
    columns = {}
    for metric in METRICS:
        record = _estimate(replicated[metric], plain[metric], confidence)
        columns[metric] = record["value"]
        columns |= {
            f"{metric}_{name}": value
            for name, value in record.items()
            if name not in ("value", "undefined_replicates")
        }
    return columns


def _worst(
    found: dict[tuple[str, int], Replicated], metric: str, strength: int, confidence: float
) -> dict[str, Any]:
    values = {name: part[metric][0] for (name, at), part in found.items() if at == strength}
    lowest = replicate_worst(found, metric, strength)
    return {
        "metric": metric,
        "strength": strength,
        "corruption": min(values, key=values.get),
        **_estimate(lowest, found[NONE][metric], confidence),
    }


def _mean(
    found: dict[tuple[str, int], Replicated], strength: int, confidence: float
) -> dict[str, Any]:
    areas = [part["roc_auc"] for (_, at), part in found.items() if at == strength]
    mean = np.mean(areas, axis=0)
    return {
        "metric": "roc_auc",
        "strength": strength,
        **_estimate(mean, found[NONE]["roc_auc"], confidence),
    }


def _estimate(values: np.ndarray, plain: np.ndarray, confidence: float) -> dict[str, Any]:
    """Return a statistic with its interval, and its difference to the images as they are."""
    apart = paired_difference(values, plain, confidence)
    return summarise(values, confidence) | {
        "difference": apart["difference"],
        "difference_low": apart["low"],
        "difference_high": apart["high"],
    }
