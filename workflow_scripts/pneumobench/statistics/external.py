"""What is left of every run on radiographs of another source, with all that was frozen before.

Nothing of it flows back: thresholds and calibrations come from the selection, networks and baselines
are those of the development images.
"""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.assess_calibration import Part, make_part, replicate_measures
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.compared_scores import Compared, read_compared
from pneumobench.statistics.estimates import (
    Scores,
    describe_subtypes,
    paired_difference,
    replicate_ranking,
    summarise,
)
from pneumobench.statistics.fold_fits import calibrate_mean, calibrate_out_of_fold
from pneumobench.statistics.fold_scores import BASELINE, read_out_of_fold_scores, read_test_scores
from pneumobench.statistics.judgement import Predicted, score_out_of_fold, score_test
from pneumobench.statistics.metrics import confusion_indicators, decision_metrics
from pneumobench.statistics.predictions import (
    FoldPredictions,
    Labels,
    align_test,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.score_tables import read_test_logits
from pneumobench.statistics.selection import check_judged_with
from pneumobench.statistics.shift import paths_by_rank

logger = logging.getLogger(__name__)

EXTERNAL = "external"
DATASETS = ("out_of_fold", "test", EXTERNAL)
RANKING = ("roc_auc", "average_precision")
DECIDED = ("sensitivity", "specificity")
# The average precision depends on the share of pneumonias, which the sets do not have in common.
COMPARABLE = ("roc_auc", *DECIDED)
# Sets the draws of external patients apart from those of all others.
_STREAM = 1_000_003


@dataclass(frozen=True)
class Sets:
    """The reference standard and the draws of patients of `DATASETS`."""

    labels: dict[str, Labels]
    resamples: dict[str, Resamples]
    fold: np.ndarray
    """[development images] int."""


@dataclass(frozen=True)
class Judge:
    """What a run or a baseline says of all images, and what was frozen for it.

    Attributes
    ----------
    identity
        `model`, `recipe` and `seed`, or `baseline`.
    fitted
        Its entry of selection.json: `thresholds` and `calibration`.
    predicted
        What it says of development and of test images.
    external
        [folds, external images] float32.
    """

    identity: dict[str, Any]
    fitted: dict[str, Any]
    predicted: Predicted
    external: np.ndarray


def evaluate_external(
    external: list[Path],
    baselines_external: list[Path],
    baselines_out_of_fold: list[Path],
    baselines_test: list[Path],
    scores: list[Path],
    metrics: list[Path],
    labels: Path,
    audit: Path,
    data_audit: Path,
    selection: Path,
    table: Path,
    details: Path,
    *,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Judge every run and baseline on the external radiographs.

    An external image is judged as a test image is: AUC and average precision by the mean logit of the
    folds' models, decisions by the mean distance to their frozen thresholds, probabilities by the
    mean of their frozen calibrations.

    Parameters
    ----------
    external
        external.csv of every fold of every compared run.
    baselines_external, baselines_out_of_fold, baselines_test
        What the baselines say of external, development and test images, one file each.
    scores, metrics
        scores.csv and metrics.json of every compared run.
    labels, audit
        The external radiographs' labels.csv and audit.json.
    data_audit
        audit.json of the data that networks are trained and tested on.
    selection
        selection.json.
    table
        external.csv to write: one row for every run in order of rank, then every baseline.
    details
        external.json to write: `sources` (what external and own data are), `radiographs` (counts of the
        external ones), `warnings`, `datasets` (n, events, patients), `threshold_rule`,
        `calibration`, `interval`; and `judged`, in the order of the table: `estimates` (each metric
        out of fold, on test and external images, and the difference, external less out of fold,
        where the share of pneumonias does not enter), `calibrations` (each measure before and after
        calibration, out of fold and external, and the difference) and `subtypes` (sensitivity of
        each that is known).
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed. Development and test patients are drawn as
        for metrics.json, external ones independently of them.

    Raises
    ------
    UserError
        If runs were judged with another selection, or predictions and labels do not fit.
    """
    check_judged_with(
        selection, {path.parent: read_json(path)["selection_sha256"] for path in metrics}
    )
    frozen, draw = read_json(selection), {"replicates": replicates, "seed": bootstrap_seed}
    scores_of = paths_by_rank(scores, frozen, selection)
    compared = read_compared(scores_of, draw)
    sets = _gather(compared, read_labels(labels), replicates, bootstrap_seed)
    predictions = read_predictions(external)
    judges = [
        _judge_of_run(run, path, compared["out_of_fold"], predictions, sets, frozen)
        for run, path in scores_of.items()
    ] + _judges_of_baselines(
        baselines_external, baselines_out_of_fold, baselines_test, sets, frozen
    )
    judged = [_judge(one, sets, confidence) for one in judges]
    listed = read_json(audit)
    content = {
        "sources": {"data": read_json(data_audit)["source"], EXTERNAL: listed["source"]},
        "radiographs": listed["counts"],
        "compared_by_content": listed["compared_by_content"],
        "warnings": listed["warnings"],
        "datasets": {name: found.counts() for name, found in sets.labels.items()},
        "threshold_rule": frozen["threshold_rule"],
        "calibration": frozen["calibration"],
        "interval": {"method": "percentile bootstrap over patients", "confidence": confidence}
        | draw,
        "judged": judged,
    }
    write_json(details, content)
    counts = sets.labels[EXTERNAL].counts()
    write_table(table, pd.DataFrame([_row(record, counts) for record in judged]))
    logger.info("%d runs and baselines on %d external radiographs", len(judged), counts["n"])


def _gather(compared: dict[str, Compared], labels: Labels, replicates: int, seed: int) -> Sets:
    own = int(np.random.SeedSequence((seed, _STREAM)).generate_state(1)[0])
    found = {name: compared[name] for name in DATASETS[:2]}
    return Sets(
        {name: part.labels for name, part in found.items()} | {EXTERNAL: labels},
        {name: part.resamples for name, part in found.items()}
        | {EXTERNAL: resample_patients(labels.patient, replicates=replicates, seed=own)},
        found["out_of_fold"].fold,
    )


def _judge_of_run(
    run: Run,
    path: Path,
    development: Compared,
    predictions: dict[Run, dict[int, FoldPredictions]],
    sets: Sets,
    frozen: dict[str, Any],
) -> Judge:
    (fitted,) = [
        entry for entry in frozen["runs"]
        if Run(entry["model"], entry["recipe"], entry["seed"]) == run
    ]  # fmt: skip
    predicted = Predicted(sets.fold, development.logit[run], read_test_logits(path))
    folds = len(fitted["thresholds"])
    external = align_test(predictions.get(run, {}), sets.labels[EXTERNAL], run, folds)
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    return Judge(identity, fitted, predicted, external)


def _judges_of_baselines(
    external: list[Path],
    out_of_fold: list[Path],
    test: list[Path],
    sets: Sets,
    frozen: dict[str, Any],
) -> list[Judge]:
    """Return the baselines in order of their out-of-fold AUC, as other tables have them."""
    folds = len(np.unique(sets.fold))
    entries = {entry["baseline"]: entry for entry in frozen["baselines"]}
    read = partial(read_test_scores, folds=folds, origin=BASELINE)
    tested = dict(read(path, sets.labels["test"]) for path in test)
    new = dict(read(path, sets.labels[EXTERNAL]) for path in external)
    judges = []
    for path in out_of_fold:
        kind, fold, logit = read_out_of_fold_scores(
            path, sets.labels["out_of_fold"], folds, BASELINE
        )
        if not np.array_equal(fold, sets.fold) or kind not in entries:
            raise UserError(
                f"the baseline {kind} has other folds than the runs, or was not selected",
                where=str(path),
                expected="the baselines that the selection was frozen on",
                remedy=f"remove {path} and run snakemake again: rule {BASELINE.rule} writes it anew",
            )
        predicted = Predicted(fold, logit, tested[kind])
        judges.append(Judge({"baseline": kind}, entries[kind], predicted, new[kind]))
    return sorted(judges, key=lambda one: (-one.fitted["auc_fold_mean"], one.identity["baseline"]))


def _judge(one: Judge, sets: Sets, confidence: float) -> dict[str, Any]:
    thresholds = np.array(one.fitted["thresholds"])
    scored = {
        "out_of_fold": score_out_of_fold(one.predicted.logit, sets.fold, thresholds),
        "test": score_test(one.predicted.logits, thresholds),
        EXTERNAL: score_test(one.external, thresholds),
    }
    found = {
        name: _replicate(name, *parts, sets.labels[name], sets.resamples[name])
        for name, parts in scored.items()
    }
    whole = {name: parts[1] for name, parts in scored.items()}
    subtypes = describe_subtypes(
        whole[EXTERNAL], "mean_prediction", EXTERNAL, sets.labels[EXTERNAL],
        sets.resamples[EXTERNAL], confidence,
    )  # fmt: skip
    return one.identity | {
        "estimates": [
            {"metric": metric}
            | {name: summarise(values[metric], confidence) for name, values in found.items()}
            | {"difference": _difference(found, metric, confidence)}
            for metric in (*RANKING, *DECIDED)
        ],
        "calibrations": _calibrations(one, whole, sets, confidence),
        "subtypes": [
            record
            for record in subtypes
            if record["threshold"] == "out_of_fold" and record["subtype"] != "unknown"
        ],
    }


def _replicate(
    dataset: str, models: list[Scores], whole: Scores, labels: Labels, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Return every metric in the sample (row 0) and in every replicate, [1 + replicates].

    Out of fold, what ranks is the mean of the folds, whose models have no common scale.
    """
    ranked = models if dataset == "out_of_fold" else [whole]
    areas = [replicate_ranking(part, labels, resamples) for part in ranked]
    cells = confusion_indicators(labels.positive, whole.decisions["out_of_fold"])
    decided = decision_metrics(resamples.sums(cells, whole.images))
    return {name: np.mean([part[name] for part in areas], axis=0) for name in RANKING} | {
        name: decided[name] for name in DECIDED
    }


def _difference(
    found: dict[str, dict[str, np.ndarray]], metric: str, confidence: float
) -> dict[str, Any] | None:
    if metric not in COMPARABLE:
        return None
    # Two samples of patients, drawn apart: the interval holds the chance of both.
    return paired_difference(found[EXTERNAL][metric], found["out_of_fold"][metric], confidence)


def _calibrations(
    one: Judge, whole: dict[str, Scores], sets: Sets, confidence: float
) -> list[dict[str, Any]]:
    """Return every measure of the probabilities, before and after calibration."""
    parts = {name: _part(name, one, whole[name], sets) for name in ("out_of_fold", EXTERNAL)}
    records = []
    for stage in parts[EXTERNAL].probabilities:
        own, new = (replicate_measures(part, stage) for part in parts.values())
        records += [
            {
                "stage": stage,
                "measure": measure,
                "out_of_fold": summarise(own[measure], confidence),
                EXTERNAL: summarise(values, confidence),
                "difference": paired_difference(values, own[measure], confidence),
            }
            for measure, values in new.items()
        ]
    return records


def _part(dataset: str, one: Judge, whole: Scores, sets: Sets) -> Part:
    fitted, calibrated = one.fitted["calibration"], None
    if fitted["method"] != "none":
        calibrated = (
            calibrate_mean(one.external, fitted)
            if dataset == EXTERNAL
            else calibrate_out_of_fold(one.predicted.logit, sets.fold, fitted)
        )
    return make_part(
        sets.labels[dataset], sets.resamples[dataset], whole.logit, calibrated, decisions={}
    )


def _row(record: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    """Return a flat row of the table: value, `_low` and `_high` of every figure."""
    names = ("model", "recipe", "seed", "baseline")
    row = {name: record.get(name, "") for name in names} | counts
    for estimate in record["estimates"]:
        for dataset in DATASETS:
            row |= _flat(f"{dataset}_{estimate['metric']}", estimate[dataset], "value")
        if estimate["difference"]:
            row |= _flat(f"difference_{estimate['metric']}", estimate["difference"], "difference")
    for found in record["calibrations"]:
        for dataset in ("out_of_fold", EXTERNAL):
            name = f"{dataset}_{found['measure']}_{found['stage']}_calibration"
            row |= _flat(name, found[dataset], "value")
    for found in record["subtypes"]:
        row |= _flat(f"external_sensitivity_{found['subtype']}", found, "sensitivity")
    return row


def _flat(name: str, found: dict[str, Any], value: str) -> dict[str, float | None]:
    return {name: found[value], f"{name}_low": found["low"], f"{name}_high": found["high"]}
