"""What bad practice adds to the figures: optimism in numbers, with intervals.

Every figure called `reported` here is OPTIMISTIC: it is what bad practice would have published. It
is held against what honest practice reports of the same recipe and the same images.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.inflation import HONEST, SMALL_VALIDATION
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, percentile_interval, resample_patients
from pneumobench.statistics.compared_scores import Compared, read_compared, replicate_areas
from pneumobench.statistics.estimates import Scores, number, replicate_ranking
from pneumobench.statistics.inflation_epochs import FoldEpochs, read_epochs
from pneumobench.statistics.judgement import score_out_of_fold, score_test
from pneumobench.statistics.metrics import confusion_indicators, decision_metrics, rank_images
from pneumobench.statistics.predictions import Labels, read_labels
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


def measure_inflation(
    epochs: list[Path],
    scores: list[Path],
    development_labels: Path,
    test_labels: Path,
    selection: Path,
    table: Path,
    details: Path,
    *,
    run: Run,
    folds: int,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write what each bad practice reports, what honest practice does, and the difference.

    Intervals come from a bootstrap over patients, the same draws for both figures; networks are
    held fixed, choices are made anew in every draw. The best of several resampled figures exceeds
    the best of the original ones, because resampled figures vary more: intervals of what was chosen
    are therefore moved so that the mean of the draws is the estimate, and those of what a choice
    adds end at 0, below which it cannot come.

    Parameters
    ----------
    epochs
        epochs.csv of every arm and fold.
    scores
        scores.csv of every compared run.
    development_labels, test_labels, selection
        The reference standards, and selection.json, which knows the best run.
    table, details
        inflation.csv and inflation.json to write: a record for each practice and metric.
    run, folds
        The run whose architecture and recipe were trained, and its number of folds.
    confidence, replicates, bootstrap_seed
        Of the intervals.

    Raises
    ------
    UserError
        If predictions are missing, damaged, or of other images than the labels.
    """
    standards = {"out_of_fold": read_labels(development_labels), "test": read_labels(test_labels)}
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    # Not within folds: those of the practices differ.
    resamples = {name: resample_patients(part.patient, **draw) for name, part in standards.items()}
    arms = read_epochs(epochs, standards, folds)
    development = standards["out_of_fold"], resamples["out_of_fold"]
    test = standards["test"], resamples["test"]
    crossed = {arm: _cross_validate(parts, *development) for arm, parts in arms.items()}
    measures = {
        **{
            (practice, metric): lambda arm=arm, metric=metric: Pair(
                crossed[arm][metric], crossed[HONEST][metric]
            )
            for practice, arm in (("folds_by_image", "images"), ("copies_before_split", "copies"))
            for metric in (AREA, BALANCED)
        },
        ("sixteen_images", BALANCED): lambda: _small_validation(
            arms[HONEST], *development, seed=bootstrap_seed
        ),
        ("epoch_on_test", AREA): lambda: _best_epoch(arms[HONEST], *test),
        ("architecture_on_test", AREA): lambda: _best_run(scores, selection, draw),
        ("threshold_on_test", BALANCED): lambda: _best_threshold(
            arms[HONEST], standards["out_of_fold"], *test
        ),
    }
    records = []
    for (practice, metric), measure in measures.items():
        dataset = "test" if practice.endswith("_on_test") else "out_of_fold"
        record = {"practice": practice, "metric": metric, "dataset": dataset, "optimistic": True}
        record |= _measured(measure, confidence) | standards[dataset].counts()
        logger.info("%(practice)s, %(metric)s: %(optimism)s %(reason)s", record)
        records.append(record)
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    write_table(table, pd.DataFrame([identity | record for record in records]))
    interval = {"method": "percentile bootstrap over patients", "confidence": confidence, **draw}
    content = {"optimistic": True, **identity, "folds": folds, "interval": interval}
    write_json(details, content | {"measured": records})


def _measured(measure: Callable[[], Pair], confidence: float) -> dict[str, Any]:
    """Return the columns of a practice; where there are no numbers, the reason."""
    bounds = [f"{name}{bound}" for name in _FIGURES for bound in ("", "_low", "_high")]
    try:
        pair = measure()
    except NotMeasurableError as reason:
        return dict.fromkeys(bounds) | {"reason": str(reason)}
    values = {
        "reported": _centred(pair.reported) if pair.chosen else pair.reported,
        "honest": pair.honest,
        "optimism": _centred(pair.reported - pair.honest)
        if pair.chosen
        else pair.reported - pair.honest,
    }
    columns: dict[str, Any] = {}
    for name, replicated in values.items():
        low, high, _ = percentile_interval(replicated[1:], confidence)
        if pair.chosen and name == "optimism":
            low = max(low, 0.0)
        columns |= {name: number(replicated[0])}
        columns |= {f"{name}_low": number(low), f"{name}_high": number(high)}
    return columns | {"reason": ""}


def _centred(values: np.ndarray) -> np.ndarray:
    """Move the replicates so that their mean is the estimate in row 0."""
    return np.concatenate([values[:1], values[1:] + values[0] - np.nanmean(values[1:])])


def _cross_validate(
    parts: list[FoldEpochs], labels: Labels, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Return both metrics of a cross-validation, thresholds found in each fold by itself."""
    fold, logit = _kept_out_of_fold(parts, labels)
    run = Run("", "", 0)
    areas = replicate_areas(Compared(labels, fold, resamples, {run: logit}, {}))
    _, whole = score_out_of_fold(logit, fold, _thresholds(parts, labels))
    return {
        AREA: areas[run],
        BALANCED: _balanced(labels.positive, whole.decisions["out_of_fold"], resamples),
    }


def _kept_out_of_fold(parts: list[FoldEpochs], labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    fold = np.empty(len(labels.image_id), int)
    logit = np.empty(len(labels.image_id), np.float32)
    for position, part in enumerate(parts):
        rows = part.images["out_of_fold"]
        fold[rows], logit[rows] = position, part.logits["out_of_fold"][part.kept]
    return fold, logit


def _thresholds(parts: list[FoldEpochs], labels: Labels) -> np.ndarray:
    """Return each fold's threshold by Youden's rule on its own images, [folds] float64."""
    cuts = [
        fit_threshold(
            labels.positive[part.images["out_of_fold"]],
            part.logits["out_of_fold"][part.kept],
            "youden",
            where=f"inflation/, fold {position}",
        )
        for position, part in enumerate(parts)
    ]
    return np.array(cuts)


def _balanced(
    positive: np.ndarray,
    decision: np.ndarray,
    resamples: Resamples,
    images: np.ndarray | None = None,
) -> np.ndarray:
    """Return the balanced accuracy of decisions in the sample and in every replicate."""
    images = np.arange(len(positive)) if images is None else images
    cells = confusion_indicators(positive, decision)
    return decision_metrics(resamples.sums(cells, images))[BALANCED]


def _small_validation(
    parts: list[FoldEpochs], labels: Labels, resamples: Resamples, seed: int
) -> Pair:
    """Pick each fold's epoch on a few images, drawn anew in every replicate, at a logit of 0.

    In row 0 stands the mean over all draws, judged on the patients as they are.
    """
    generator = np.random.default_rng(seed)
    draws = len(resamples.multiplicity) - 1
    reported, honest = [], []
    for part in parts:
        positive = labels.positive[part.images["inner"]]
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
            [
                _balanced(labels.positive[rows], logit > 0, resamples, rows)
                for logit in part.logits["out_of_fold"]
            ]
        )
        figures = accuracy.max(axis=0), true[picked, np.arange(1, draws + 1)]
        reported.append(np.concatenate([[figures[0].mean()], figures[0]]))
        honest.append(np.concatenate([[true[picked, 0].mean()], figures[1]]))
    return Pair(np.mean(reported, axis=0), np.mean(honest, axis=0))


def _best_epoch(parts: list[FoldEpochs], labels: Labels, resamples: Resamples) -> Pair:
    """Pick each fold's epoch by its AUC on the test set; both figures are means of the folds."""
    if max(len(part.logits["test"]) for part in parts) < 2:
        raise NotMeasurableError("one epoch leaves nothing to pick")
    reported, honest = [], []
    for part in parts:
        areas = np.stack(
            [
                replicate_ranking(Scores(part.images["test"], logit, {}, None), labels, resamples)[
                    AREA
                ]
                for logit in part.logits["test"]
            ]
        )
        reported.append(areas.max(axis=0))
        honest.append(areas[part.kept])
    return Pair(np.mean(reported, axis=0), np.mean(honest, axis=0), chosen=True)


def _best_run(scores: list[Path], selection: Path, draw: dict[str, int]) -> Pair:
    """Pick the run by its AUC on the test set, instead of the best one out of fold."""
    content = read_json(selection)
    runs = [Run(*(entry[key] for key in ("model", "recipe", "seed"))) for entry in content["runs"]]
    by_folder = {"/".join(path.parts[-4:-1]): path for path in scores}
    if len(runs) < 2:
        raise NotMeasurableError("a single run leaves nothing to pick")
    compared = read_compared({run: by_folder[run.folder] for run in runs}, draw)
    areas = replicate_areas(compared["test"])
    best = Run(**content["best"])
    return Pair(np.max(list(areas.values()), axis=0), areas[best], chosen=True)


def _best_threshold(
    parts: list[FoldEpochs], development: Labels, labels: Labels, resamples: Resamples
) -> Pair:
    """Cut the mean prediction where the test set likes it best, not at the folds' thresholds."""
    logits = np.empty((len(parts), len(labels.image_id)), np.float32)
    for row, part in zip(logits, parts, strict=True):
        row[part.images["test"]] = part.logits["test"][part.kept]
    cuts = _thresholds(parts, development)
    _, mean = score_test(logits, cuts)
    honest = _balanced(labels.positive, mean.decisions["out_of_fold"], resamples)
    # What is cut is the distance that the honest decision cuts at 0.
    distance = (logits - cuts[:, np.newaxis]).mean(axis=0)
    return Pair(_best_balanced(labels.positive, distance, resamples), honest, chosen=True)


def _best_balanced(positive: np.ndarray, score: np.ndarray, resamples: Resamples) -> np.ndarray:
    """Return the best balanced accuracy of all thresholds, sought in every replicate anew."""
    ranking = rank_images(positive, score)
    # Equal scores are called together: a cut lies behind the last image of a group.
    last = np.append(ranking.group_start[1:], len(positive)) - 1
    best = []
    for _, weights in resamples.weights(ranking.order):
        called = np.cumsum(weights * ranking.positive, axis=1)
        alarms = np.cumsum(weights * ~ranking.positive, axis=1)
        with np.errstate(invalid="ignore"):
            gained = called[:, last] / called[:, -1:] - alarms[:, last] / alarms[:, -1:]
        best.append((1 + np.maximum(gained.max(axis=1), 0)) / 2)
    return np.concatenate(best)
