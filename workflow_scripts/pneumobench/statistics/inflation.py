"""What bad practice adds to the figures: optimism in numbers, with intervals.

Every figure called `reported` here is OPTIMISTIC: it is what bad practice would have published. It
is held against what honest practice reports of the same recipe and the same images.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import write_json, write_table
from pneumobench.core.inflation import HONEST, SMALL_VALIDATION
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import percentile_interval
from pneumobench.statistics.estimates import flat_columns, number
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.inflation_epochs import FoldEpochs, read_epochs
from pneumobench.statistics.judgement import score_out_of_fold, score_test
from pneumobench.statistics.metrics import rank_images
from pneumobench.statistics.replicates import (
    rank_inside_folds,
    replicate_decisions,
    replicate_ranking,
)
from pneumobench.statistics.samples import Sample, Samples, draw_sample, read_standards
from pneumobench.statistics.scores import read_compared
from pneumobench.statistics.thresholds import fit_threshold

logger = logging.getLogger(__name__)

AREA, BALANCED = "roc_auc", "balanced_accuracy"
_FIGURES = ("reported", "honest", "optimism")


class NotMeasurableError(Exception):
    """A practice cannot be measured in this experiment; the text says why."""


@dataclass(frozen=True)
class Pair:
    """Two figures in the sample (row 0) and in every replicate, [1 + replicates] float64 each.

    Attributes
    ----------
    reported, honest
        What bad practice reports, and what honest practice does.
    chosen
        Whether the bad practice picks the best of several figures, in every replicate anew.
    """

    reported: np.ndarray
    honest: np.ndarray
    chosen: bool = False


@dataclass(frozen=True)
class InflationFiles:
    """What bad practice is measured by.

    Attributes
    ----------
    epochs
        epochs.csv of every arm and fold.
    scores
        scores.csv of every compared run.
    development_labels, test_labels
        The reference standards.
    selection
        selection.json, which knows the best run.
    """

    epochs: list[Path]
    scores: list[Path]
    development_labels: Path
    test_labels: Path
    selection: Path


def measure_inflation(
    files: InflationFiles,
    table: Path,
    details: Path,
    *,
    run: Run,
    folds: int,
    resampling: Resampling,
) -> None:
    """Write what each bad practice reports, what honest practice does, and the difference.

    Intervals come from a bootstrap over patients, the same draws for both figures; networks are
    held fixed, choices are made again in every draw. The best of several resampled figures exceeds
    the best of the original ones, because resampled figures vary more: intervals of what was chosen
    are therefore moved so that the mean of the draws is the estimate, and those of what a choice
    adds end at 0, below which it cannot come.

    Parameters
    ----------
    files
        What is measured.
    table, details
        inflation.csv and inflation.json to write: a record for each practice and metric.
    run, folds
        The run whose architecture and recipe were trained, and its number of folds.
    resampling
        How intervals are drawn.

    Raises
    ------
    UserError
        If predictions are missing, damaged, or of other images than the labels.
    """
    standards = read_standards(files.development_labels, files.test_labels)
    # Not within folds: those of the practices differ.
    samples = {name: draw_sample(labels, resampling) for name, labels in standards.items()}
    records = []
    for (practice, metric), measure in _measures(files, samples, folds, resampling).items():
        dataset = "test" if practice.endswith("_on_test") else "out_of_fold"
        record = {"practice": practice, "metric": metric, "dataset": dataset, "optimistic": True}
        record |= _measured(measure, resampling.confidence) | standards[dataset].counts()
        logger.info("%(practice)s, %(metric)s: %(optimism)s %(reason)s", record)
        records.append(record)
    write_table(table, pd.DataFrame([vars(run) | record for record in records]))
    interval = resampling.interval()
    content = {"optimistic": True, **vars(run), "folds": folds, "interval": interval}
    write_json(details, content | {"measured": records})


def _measures(
    files: InflationFiles, samples: Samples, folds: int, resampling: Resampling
) -> dict[tuple[str, str], Callable[[], Pair]]:
    """Return how each practice is measured, by practice and metric."""
    standards = {name: sample.labels for name, sample in samples.items()}
    arms = read_epochs(files.epochs, standards, folds)
    development, test = samples["out_of_fold"], samples["test"]
    honest = arms[HONEST]
    crossed = {arm: _cross_validate(parts, development) for arm, parts in arms.items()}
    measures: dict[tuple[str, str], Callable[[], Pair]] = {
        (practice, metric): partial(Pair, crossed[arm][metric], crossed[HONEST][metric])
        for practice, arm in (("folds_by_image", "images"), ("copies_before_split", "copies"))
        for metric in (AREA, BALANCED)
    }
    return measures | {
        ("sixteen_images", BALANCED): partial(
            _small_validation, honest, development, resampling.seed
        ),
        ("epoch_on_test", AREA): partial(_best_epoch, honest, test),
        ("architecture_on_test", AREA): partial(_best_run, files, resampling),
        ("threshold_on_test", BALANCED): partial(_best_threshold, honest, development, test),
    }


def _measured(measure: Callable[[], Pair], confidence: float) -> dict[str, Any]:
    """Return the columns of a practice; where there are no numbers, the reason."""
    bounds = [f"{name}{bound}" for name in _FIGURES for bound in ("", "_low", "_high")]
    try:
        pair = measure()
    except NotMeasurableError as reason:
        return dict.fromkeys(bounds) | {"reason": str(reason)}
    reported, optimism = pair.reported, pair.reported - pair.honest
    if pair.chosen:
        reported, optimism = _centred(reported), _centred(optimism)
    values = {"reported": reported, "honest": pair.honest, "optimism": optimism}
    columns: dict[str, Any] = {}
    for name, replicated in values.items():
        low, high, _ = percentile_interval(replicated[1:], confidence)
        if pair.chosen and name == "optimism":
            low = max(low, 0.0)
        found = {"value": number(replicated[0]), "low": number(low), "high": number(high)}
        columns |= flat_columns(name, found)
    return columns | {"reason": ""}


def _centred(values: np.ndarray) -> np.ndarray:
    """Move the replicates so that their mean is the estimate in row 0."""
    return np.concatenate([values[:1], values[1:] + values[0] - np.nanmean(values[1:])])


def _cross_validate(parts: list[FoldEpochs], development: Sample) -> dict[str, np.ndarray]:
    """Return both metrics of a cross-validation, thresholds found in each fold by itself."""
    fold, logit = _kept_out_of_fold(parts, len(development.fold))
    areas = rank_inside_folds(logit, replace(development, fold=fold))[AREA]
    _, whole = score_out_of_fold(logit, fold, _thresholds(parts, development)[fold])
    return {AREA: areas, BALANCED: _balanced(whole.decisions["out_of_fold"], development)}


def _kept_out_of_fold(parts: list[FoldEpochs], images: int) -> tuple[np.ndarray, np.ndarray]:
    fold, logit = np.empty(images, int), np.empty(images, np.float32)
    for position, part in enumerate(parts):
        rows = part.images["out_of_fold"]
        fold[rows], logit[rows] = position, part.logits["out_of_fold"][part.kept]
    return fold, logit


def _thresholds(parts: list[FoldEpochs], development: Sample) -> np.ndarray:
    """Return each fold's threshold by Youden's rule on its own images, [folds] float64."""
    cuts = [
        fit_threshold(
            development.positive[part.images["out_of_fold"]],
            part.logits["out_of_fold"][part.kept],
            "youden",
            where=f"inflation/, fold {position}",
        )
        for position, part in enumerate(parts)
    ]
    return np.array(cuts)


def _balanced(decision: np.ndarray, sample: Sample, images: np.ndarray | None = None) -> np.ndarray:
    """Return the balanced accuracy of decisions in the sample and in every replicate."""
    return replicate_decisions(decision, sample, images)[BALANCED]


def _small_validation(parts: list[FoldEpochs], development: Sample, seed: int) -> Pair:
    """Pick each fold's epoch on a few images, drawn anew in every replicate, at a logit of 0.

    In row 0 stands the mean over all draws, judged on the patients as they are.
    """
    generator = np.random.default_rng(seed)
    draws = len(development.resamples.multiplicity) - 1
    reported, honest = [], []
    for part in parts:
        positive = development.positive[part.images["inner"]]
        classes = [np.flatnonzero(positive == value) for value in (False, True)]
        if min(map(len, classes)) < SMALL_VALIDATION:
            raise NotMeasurableError("a fold has no early-stopping part")
        # The first places of a random order: a draw without replacement, [draws, images].
        drawn = np.concatenate(
            [
                rows[generator.random((draws, len(rows))).argsort(axis=1)[:, :SMALL_VALIDATION]]
                for rows in classes
            ],
            axis=1,
        )
        right = (part.logits["inner"] > 0) == positive
        accuracy = right[:, drawn].mean(axis=2)
        picked = accuracy.argmax(axis=0)
        rows = part.images["out_of_fold"]
        true = np.stack(
            [_balanced(logit > 0, development, rows) for logit in part.logits["out_of_fold"]]
        )
        figures = accuracy.max(axis=0), true[picked, np.arange(1, draws + 1)]
        reported.append(np.concatenate([[figures[0].mean()], figures[0]]))
        honest.append(np.concatenate([[true[picked, 0].mean()], figures[1]]))
    return Pair(np.mean(reported, axis=0), np.mean(honest, axis=0))


def _best_epoch(parts: list[FoldEpochs], test: Sample) -> Pair:
    """Pick each fold's epoch by its AUC on the test set; both figures are means of the folds."""
    if max(len(part.logits["test"]) for part in parts) < 2:
        raise NotMeasurableError("one epoch leaves nothing to pick")
    reported, honest = [], []
    for part in parts:
        images = part.images["test"]
        areas = np.stack(
            [
                replicate_ranking(test.positive[images], logit, images, test.resamples)[AREA]
                for logit in part.logits["test"]
            ]
        )
        reported.append(areas.max(axis=0))
        honest.append(areas[part.kept])
    return Pair(np.mean(reported, axis=0), np.mean(honest, axis=0), chosen=True)


def _best_run(files: InflationFiles, resampling: Resampling) -> Pair:
    """Pick the run by its AUC on the test set, instead of the best one out of fold."""
    frozen = Frozen.read(files.selection)
    if len(frozen.runs) < 2:
        raise NotMeasurableError("a single run leaves nothing to pick")
    areas = read_compared(frozen.by_rank(files.scores), resampling)["test"].areas()
    best = Run.of(frozen.content["best"])
    return Pair(np.max(list(areas.values()), axis=0), areas[best], chosen=True)


def _best_threshold(parts: list[FoldEpochs], development: Sample, test: Sample) -> Pair:
    """Cut the mean prediction where it does best on the test set, not at the folds' thresholds."""
    logits = np.empty((len(parts), len(test.fold)), np.float32)
    for row, part in zip(logits, parts, strict=True):
        row[part.images["test"]] = part.logits["test"][part.kept]
    cuts = _thresholds(parts, development)
    _, mean = score_test(logits, cuts)
    honest = _balanced(mean.decisions["out_of_fold"], test)
    # What is cut is the distance that the honest decision cuts at 0.
    distance = (logits - cuts[:, np.newaxis]).mean(axis=0)
    return Pair(_best_balanced(distance, test), honest, chosen=True)


def _best_balanced(score: np.ndarray, sample: Sample) -> np.ndarray:
    """Return the best balanced accuracy of all thresholds, sought in every replicate anew."""
    ranking = rank_images(sample.positive, score)
    # Equal scores are called together: a cut lies behind the last image of a group.
    last = np.append(ranking.group_start[1:], len(score)) - 1
    best = []
    for _, weights in sample.resamples.weights(ranking.order):
        called = np.cumsum(weights * ranking.positive, axis=1)
        alarms = np.cumsum(weights * ~ranking.positive, axis=1)
        with np.errstate(invalid="ignore"):
            gained = called[:, last] / called[:, -1:] - alarms[:, last] / alarms[:, -1:]
        best.append((1 + np.maximum(gained.max(axis=1), 0)) / 2)
    return np.concatenate(best)
