"""How every run does on images of another source, with all that was frozen before.

Nothing of it flows back: thresholds and calibrations come from the selection, networks and
baselines are those of the development images.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.statistics.assess_calibration import Part, make_part, replicate_measures
from pneumobench.statistics.beside import BASELINE, read_beside, read_test_scores
from pneumobench.statistics.estimates import (
    flat_columns,
    independent_difference,
    paired_difference,
    summarise,
)
from pneumobench.statistics.fold_fits import calibrate_mean, calibrate_out_of_fold
from pneumobench.statistics.frozen import Cuts, Frozen
from pneumobench.statistics.judgement import Predicted, describe_subtypes, score_test
from pneumobench.statistics.metrics import JUDGED, RANKING_METRICS, RATES
from pneumobench.statistics.predictions import align_test, read_labels, read_predictions
from pneumobench.statistics.replicates import Scores, rank_inside_folds, replicate_decisions
from pneumobench.statistics.samples import Samples, draw_sample
from pneumobench.statistics.scores import read_compared, read_test_logits

logger = logging.getLogger(__name__)

EXTERNAL = "external"
DATASETS = ("out_of_fold", "test", EXTERNAL)
METRICS = (*RANKING_METRICS, *RATES)
# Sets the draws of external patients apart from those of all others.
_STREAM = 1_000_003


@dataclass(frozen=True)
class ExternalFiles:
    """What runs are judged by on external images.

    Attributes
    ----------
    external
        external.csv of every fold of every compared run.
    baselines_external, baselines_out_of_fold, baselines_test
        What the baselines say of external, development and test images, one file each.
    scores, metrics
        scores.csv and metrics.json of every compared run.
    labels, audit
        The external images' labels.csv and audit.json.
    data_audit
        audit.json of the data that networks are trained and tested on.
    selection
        selection.json.
    """

    external: list[Path]
    baselines_external: list[Path]
    baselines_out_of_fold: list[Path]
    baselines_test: list[Path]
    scores: list[Path]
    metrics: list[Path]
    labels: Path
    audit: Path
    data_audit: Path
    selection: Path


@dataclass(frozen=True)
class _Judge:
    """What a run or a baseline says of all images, and what was frozen for it.

    Attributes
    ----------
    identity
        `model`, `recipe` and `seed`, or `baseline`.
    fitted
        Its entry of selection.json, with its `calibration`.
    cuts
        Where its logits are cut.
    predicted
        What it says of development and of test images.
    external
        [folds, external images] float32.
    """

    identity: dict[str, Any]
    fitted: dict[str, Any]
    cuts: Cuts
    predicted: Predicted
    external: np.ndarray

    def scores(self) -> dict[str, Scores]:
        """Return its scores of each of `DATASETS`, all images together."""
        whole = {name: scores for name, (_, scores) in self.predicted.cut(self.cuts).items()}
        return whole | {EXTERNAL: score_test(self.external, self.cuts.test)[1]}


def evaluate_external(
    files: ExternalFiles, table: Path, details: Path, *, resampling: Resampling
) -> None:
    """Judge every run and baseline on the external images.

    An external image is judged as a test image is: AUC and average precision by the mean logit of
    the folds' models, decisions by the mean distance to their frozen thresholds, probabilities by
    the mean of their frozen calibrations.

    Parameters
    ----------
    files
        What they are judged by.
    table
        external.csv to write: one row for every run in order of rank, then every baseline.
    details
        external.json to write: `sources` (what external and own data are), `radiographs` (counts of
        the external ones), `warnings`, `datasets` (n, events, patients), `threshold_rule`,
        `calibration`, `interval`; and `judged`, in the order of the table: `estimates` (each metric
        out of fold, on test and external images, and the difference, external less out of fold,
        where the share of pneumonias does not enter), `calibrations` (each measure before and after
        calibration, out of fold and external, and the difference) and `subtypes` (sensitivity of
        each that is known).
    resampling
        How intervals are drawn: development and test patients as for metrics.json, external ones
        independently of them.

    Raises
    ------
    UserError
        If runs were judged with another selection, or predictions and labels do not fit.
    """
    frozen = Frozen.read(files.selection)
    frozen.check_judged_with({path.parent: read_json(path) for path in files.metrics})
    judges, samples = _read(files, frozen, resampling)
    judged = [_judge(one, samples, resampling.confidence) for one in judges]
    audit = read_json(files.audit)
    content = {
        "sources": {"data": read_json(files.data_audit)["source"], EXTERNAL: audit["source"]},
        "radiographs": audit["counts"],
        "compared_by_content": audit["compared_by_content"],
        "warnings": audit["warnings"],
        "datasets": {name: sample.labels.counts() for name, sample in samples.items()},
        "threshold_rule": frozen.rule,
        "calibration": frozen.content["calibration"],
        "interval": resampling.interval(),
        "judged": judged,
    }
    write_json(details, content)
    counts = samples[EXTERNAL].labels.counts()
    write_table(table, pd.DataFrame([_row(record, counts) for record in judged]))
    logger.info("%d runs and baselines on %d external images", len(judged), counts["n"])


def _read(
    files: ExternalFiles, frozen: Frozen, resampling: Resampling
) -> tuple[list[_Judge], Samples]:
    """Return runs in order of rank, then baselines in that of their AUC; and all data sets."""
    scores_of = frozen.by_rank(files.scores)
    compared = read_compared(scores_of, resampling)
    seed = int(np.random.SeedSequence((resampling.seed, _STREAM)).generate_state(1)[0])
    external = draw_sample(read_labels(files.labels), replace(resampling, seed=seed))
    development, predictions = compared["out_of_fold"], read_predictions(files.external)

    def judge(
        identity: dict[str, Any], fitted: dict[str, Any], predicted: Predicted, new: np.ndarray
    ) -> _Judge:
        cuts = frozen.cuts(fitted, development.labels, predicted.logit, predicted.fold)
        return _Judge(identity, fitted, cuts, predicted, new)

    judges = []
    for run, path in scores_of.items():
        fitted = frozen.of_run(run)
        predicted = Predicted(development.fold, development.logit[run], read_test_logits(path))
        new = align_test(predictions, external.labels, run, len(fitted["thresholds"]))
        judges.append(judge(dict(vars(run)), fitted, predicted, new))
    baselines = read_beside(BASELINE, files.baselines_out_of_fold, files.baselines_test, compared)
    folds = len(development.of_folds())
    of_external = dict(
        read_test_scores(path, external.labels, folds, BASELINE)
        for path in files.baselines_external
    )
    beside = [
        judge({"baseline": kind}, frozen.of_baseline(kind), predicted, of_external[kind])
        for kind, predicted in baselines.items()
    ]
    beside.sort(key=lambda one: (-one.fitted["auc_fold_mean"], one.identity["baseline"]))
    return judges + beside, {**compared, EXTERNAL: external}


def _judge(one: _Judge, samples: Samples, confidence: float) -> dict[str, Any]:
    scores = one.scores()
    found = {name: _replicate(whole, samples, name) for name, whole in scores.items()}
    subtypes = describe_subtypes(scores[EXTERNAL], EXTERNAL, samples[EXTERNAL], confidence)
    return one.identity | {
        "estimates": [
            {"metric": metric}
            | {
                name: summarise(values[metric], confidence, samples[name].cases().scale(metric))
                for name, values in found.items()
            }
            | {"difference": _difference(found, samples, metric, confidence)}
            for metric in METRICS
        ],
        "calibrations": _calibrations(one, scores, samples, confidence),
        "subtypes": [
            record
            for record in subtypes
            if record["threshold"] == "out_of_fold" and record["subtype"] != "unknown"
        ],
    }


def _replicate(whole: Scores, samples: Samples, dataset: str) -> dict[str, np.ndarray]:
    """Return each of `METRICS` in the sample (row 0) and in every replicate, [1 + replicates]."""
    ranked = rank_inside_folds(whole.logit, samples[dataset])
    decided = replicate_decisions(whole.decisions["out_of_fold"], samples[dataset])
    return ranked | {name: decided[name] for name in RATES}


def _difference(
    found: dict[str, dict[str, np.ndarray]], samples: Samples, metric: str, confidence: float
) -> dict[str, Any] | None:
    if metric not in JUDGED:
        return None
    # Two samples of patients, drawn apart: the interval holds the chance of both.
    sets = (EXTERNAL, "out_of_fold")
    new, own = (found[name][metric] for name in sets)
    scales = (samples[sets[0]].cases().scale(metric), samples[sets[1]].cases().scale(metric))
    return independent_difference(new, own, confidence, scales)


def _calibrations(
    one: _Judge, scores: dict[str, Scores], samples: Samples, confidence: float
) -> list[dict[str, Any]]:
    """Return every measure of the probabilities, before and after calibration."""
    own, new = (_part(name, one, scores[name], samples) for name in ("out_of_fold", EXTERNAL))
    records = []
    for stage in new.probabilities:
        before, after = (replicate_measures(part, stage) for part in (own, new))
        records += [
            {
                "stage": stage,
                "measure": measure,
                "out_of_fold": summarise(before[measure], confidence),
                EXTERNAL: summarise(values, confidence),
                "difference": paired_difference(values, before[measure], confidence),
            }
            for measure, values in after.items()
        ]
    return records


def _part(dataset: str, one: _Judge, whole: Scores, samples: Samples) -> Part:
    fitted, calibrated = one.fitted["calibration"], None
    if fitted["method"] != "none":
        calibrated = (
            calibrate_mean(one.external, fitted)
            if dataset == EXTERNAL
            else calibrate_out_of_fold(one.predicted.logit, one.predicted.fold, fitted)
        )
    return make_part(samples[dataset], whole.logit, calibrated, decisions={}, in_fold={})


def _row(record: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    """Return a flat row of the table: value, `_low` and `_high` of every figure."""
    names = ("model", "recipe", "seed", "baseline")
    row = {name: record.get(name, "") for name in names} | counts
    for estimate in record["estimates"]:
        metric, apart = estimate["metric"], estimate["difference"]
        for dataset in DATASETS:
            row |= flat_columns(f"{dataset}_{metric}", estimate[dataset])
        if apart:
            row |= flat_columns(f"difference_{metric}", apart, "difference")
    for found in record["calibrations"]:
        for dataset in ("out_of_fold", EXTERNAL):
            name = f"{dataset}_{found['measure']}_{found['stage']}_calibration"
            row |= flat_columns(name, found[dataset])
    for found in record["subtypes"]:
        row |= flat_columns(f"external_sensitivity_{found['subtype']}", found, "sensitivity")
    return row
