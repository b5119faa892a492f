"""How robust runs are to image corruption: their out-of-fold images, corrupted.

The criterion is the worst specificity at the frozen thresholds; the worst sensitivity stands beside
it, as a network that calls nothing pneumonia keeps its specificity.
"""

import logging
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import write_json, write_table
from pneumobench.core.run import PAIR_COLUMNS, Run, name_pair
from pneumobench.statistics.estimates import (
    difference_columns,
    flat_columns,
    paired_difference,
    summarise,
)
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.intervals import Cases
from pneumobench.statistics.metrics import JUDGED
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    check_same_folds,
    only_run,
    read_corrupted,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.replicates import rank_inside_folds, replicate_decisions
from pneumobench.statistics.samples import Sample, draw_sample
from pneumobench.statistics.worst import (
    Replicates,
    lowest_difference,
    lowest_name,
    summarise_lowest,
)

logger = logging.getLogger(__name__)

METRICS = JUDGED
WORST = ("specificity", "sensitivity")
UNCORRUPTED = ("none", 0)
_COLUMNS = (
    "strength", "metric", *PAIR_COLUMNS, "first_worst", "second_worst",
    "difference", "difference_low", "difference_high", "excludes_zero", "n", "events", "patients",
)  # fmt: skip

Replicated = dict[str, np.ndarray]
"""Metrics in the sample (row 0) and in every replicate, [1 + replicates] float64."""


@dataclass(frozen=True)
class RobustnessFiles:
    """What robustness is judged by.

    Attributes
    ----------
    out_of_fold, corrupted
        Predictions of out-of-fold images as they are and corrupted, one file a fold each, those of
        a fold side by side in one folder.
    development_labels
        Their reference standard.
    selection
        selection.json with the runs' thresholds.
    """

    out_of_fold: list[Path]
    corrupted: list[Path]
    development_labels: Path
    selection: Path


@dataclass(frozen=True)
class _Aligned:
    """A run's predictions in the order of the labels, and where they are cut.

    `fold` is [images] int, `thresholds` [images] float64, and `logits` [images] float32 by
    corruption and strength, `UNCORRUPTED` first.
    """

    fold: np.ndarray
    thresholds: np.ndarray
    logits: dict[tuple[str, int], np.ndarray]

    def decide(self, kind: tuple[str, int], sample: Sample) -> Replicated:
        """Return the metrics of decisions under a corruption."""
        return replicate_decisions(self.logits[kind] > self.thresholds, sample)


def evaluate_robustness(
    files: RobustnessFiles,
    table: Path,
    details: Path,
    *,
    run: Run,
    strengths: list[int],
    resampling: Resampling,
) -> None:
    """Write what corruptions of the out-of-fold images do to a run.

    The AUC is the mean of the folds'; sensitivity and specificity are those of all images together,
    each cut at a cross-fitted threshold of its fold, found on other images as they are. All are
    judged on the same draws of patients, within the
    folds, with the models held fixed.

    Parameters
    ----------
    files
        The run's predictions.
    table
        robustness.csv to write: a row for the images as they are (corruption `none`, strength 0)
        and for each corruption and strength, with `roc_auc`, `sensitivity`, `specificity`, their
        intervals (`_low`, `_high`), their differences to the images as they are (`_difference`,
        with its interval), and n, events and patients.
    details
        robustness.json to write: what the table follows from; and for each strength `worst` (the
        lowest `specificity` and `sensitivity` with the corruption, and an interval that allows for
        the choice; where several corruptions are about equally bad, the lowest of them leans low)
        and `mean` (the mean AUC over the corruptions).
    run, strengths, resampling
        The run, the strengths that were asked for, and how intervals are drawn.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images or folds than the labels.
    """
    labels, frozen = read_labels(files.development_labels), Frozen.read(files.selection)
    aligned = _read_aligned(files.out_of_fold, files.corrupted, labels, run, frozen, strengths)
    sample = draw_sample(labels, resampling, aligned.fold)
    found = {
        kind: {"roc_auc": rank_inside_folds(logit, sample)["roc_auc"]}
        | aligned.decide(kind, sample)
        for kind, logit in aligned.logits.items()
    }
    _write_table(table, run, found, sample, resampling.confidence)
    content = {
        **vars(run),
        "threshold_rule": frozen.rule,
        "thresholds": frozen.of_run(run)["thresholds"],
        "interval": resampling.interval(" within folds"),
        **labels.counts(),
        **_summaries(found, strengths, sample.cases(), resampling.confidence),
    }
    for record in content["worst"]:
        logger.info("worst %(metric)s at strength %(strength)s: %(value)s (%(corruption)s)", record)
    write_json(details, content)


def compare_robustness(
    files: RobustnessFiles, table: Path, *, strengths: list[int], resampling: Resampling
) -> None:
    """Write how runs differ in robustness, paired by patient.

    Parameters
    ----------
    files
        Predictions of all runs.
    table
        robustness.csv to write: a row for every strength, metric of `WORST` and pair of runs.
        `first` is the run whose worst figure is higher; `difference` is its worst figure minus the
        other's, with the interval of the bootstrap over patients within folds that allows for the
        choice of either run's worst corruption; it is not adjusted for the number of pairs.
        Without a second run there are no rows.
    strengths, resampling
        The strengths that were asked for, and how intervals are drawn.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images or folds than the labels or each
        other.
    """
    labels, frozen = read_labels(files.development_labels), Frozen.read(files.selection)
    corrupted = _group(files.corrupted)
    sample: Sample | None = None
    under: dict[tuple[int, str], dict[Run, Replicates]] = {}
    for folder, plain in _group(files.out_of_fold).items():
        run = next(iter(read_predictions(plain[:1])))
        aligned = _read_aligned(plain, corrupted.get(folder, []), labels, run, frozen, strengths)
        sample = sample or draw_sample(labels, resampling, aligned.fold)
        check_same_folds(aligned.fold, sample.fold, plain, run, "than those of another run")
        found = {kind: aligned.decide(kind, sample) for kind in aligned.logits}
        for strength in strengths:
            for metric in WORST:
                of_metric = _under_each(found, metric, strength)
                under.setdefault((strength, metric), {})[run] = of_metric
    rows = [
        {"strength": strength, "metric": metric} | row | labels.counts()
        for (strength, metric), values in under.items()
        for row in _pairs(values, resampling.confidence)
    ]
    write_table(table, pd.DataFrame(rows, columns=_COLUMNS))
    logger.info("%d rows of pairs of runs", len(rows))


def _read_aligned(
    out_of_fold: list[Path],
    corrupted: list[Path],
    labels: Labels,
    run: Run,
    frozen: Frozen,
    strengths: list[int],
) -> _Aligned:
    entry = frozen.of_run(run)
    folds = len(entry["thresholds"])
    kinds = [(name, strength) for strength in strengths for name in CORRUPTIONS]
    parts = {UNCORRUPTED: read_predictions(out_of_fold), **read_corrupted(corrupted, kinds)}
    aligned = {
        kind: align_out_of_fold(only_run(part, run), labels, run, folds)
        for kind, part in parts.items()
    }
    plain_fold, _ = aligned[UNCORRUPTED]
    for fold, _ in aligned.values():
        check_same_folds(fold, plain_fold, corrupted, run, "with and without corruptions")
    logits = {kind: logit for kind, (_, logit) in aligned.items()}
    cuts = frozen.cuts(entry, labels, logits[UNCORRUPTED], plain_fold)
    return _Aligned(plain_fold, cuts.out_of_fold, logits)


def _write_table(
    table: Path,
    run: Run,
    found: dict[tuple[str, int], Replicated],
    sample: Sample,
    confidence: float,
) -> None:
    rows, cases = [], sample.cases()
    for (name, strength), replicated in found.items():
        row = {**vars(run), "corruption": name, "strength": strength}
        for metric in METRICS:
            values, plain = replicated[metric], found[UNCORRUPTED][metric]
            apart = paired_difference(values, plain, confidence)
            row |= flat_columns(metric, summarise(values, confidence, cases.scale(metric)))
            row |= flat_columns(f"{metric}_difference", apart, "difference")
        rows.append(row | sample.labels.counts())
    write_table(table, pd.DataFrame(rows))


def _summaries(
    found: dict[tuple[str, int], Replicated],
    strengths: list[int],
    cases: Cases,
    confidence: float,
) -> dict[str, Any]:
    """Return the records on all corruptions together."""
    plain = found[UNCORRUPTED]
    worst, mean = [], []
    for strength in strengths:
        for metric in WORST:
            under = _under_each(found, metric, strength)
            apart = lowest_difference(under, {"none": plain[metric]}, confidence)
            worst.append(
                {"metric": metric, "strength": strength, "corruption": lowest_name(under)}
                | summarise_lowest(under, confidence, cases.scale(metric))
                | difference_columns(apart)
            )
        areas = _under_each(found, "roc_auc", strength)
        area = np.mean(list(areas.values()), axis=0)
        apart = paired_difference(area, plain["roc_auc"], confidence)
        mean.append(
            {"metric": "roc_auc", "strength": strength}
            | summarise(area, confidence, cases.scale("roc_auc"))
            | difference_columns(apart)
        )
    uncorrupted = {name: summarise(plain[name], confidence, cases.scale(name)) for name in METRICS}
    return {"uncorrupted": uncorrupted, "worst": worst, "mean": mean}


def _under_each(
    found: dict[tuple[str, int], Replicated], metric: str, strength: int
) -> dict[str, np.ndarray]:
    """Return a metric under each corruption of a strength, [1 + replicates] by its name."""
    return {name: part[metric] for (name, at), part in found.items() if at == strength}


def _group(paths: list[Path]) -> dict[Path, list[Path]]:
    """Return the files by the folder of their run, folders in order."""
    found: dict[Path, list[Path]] = {}
    for path in sorted(paths):
        found.setdefault(path.parents[1], []).append(path)
    return found


def _pairs(values: dict[Run, Replicates], confidence: float) -> list[dict[str, Any]]:
    """Return a row for every pair, the more robust run first; equal runs by name."""
    lowest = {run: under[lowest_name(under)][0] for run, under in values.items()}
    order = sorted(values, key=lambda run: (-lowest[run], run))
    rows = []
    for first, second in combinations(order, 2):
        apart = lowest_difference(values[first], values[second], confidence)
        rows.append(
            {
                **name_pair(first, second),
                "first_worst": lowest[first],
                "second_worst": lowest[second],
                **difference_columns(apart),
                "excludes_zero": apart["excludes_zero"],
            }
        )
    return rows
