"""What one run's probabilities and thresholds are worth, out of fold and on the test set."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.calibration import (
    assign_bins,
    calibration_slope_intercept,
    expected_calibration_error,
    reliability,
)
from pneumobench.statistics.decision_curves import net_benefit, predictive_values_at
from pneumobench.statistics.estimates import number, paired_difference, summarise
from pneumobench.statistics.fold_fits import calibrate_mean, calibrate_out_of_fold
from pneumobench.statistics.judgement import score_out_of_fold, score_test
from pneumobench.statistics.metrics import (
    confusion_indicators,
    decision_metrics,
    sigmoid,
    squared_error,
)
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.score_tables import labels_of, read_scores, read_test_logits
from pneumobench.statistics.selection import check_judged_with, find_fitted

logger = logging.getLogger(__name__)

BINNING = {"bins": 10, "binning": "equal_mass"}
# Shares of pneumonia among the children examined, from a general practice to a referral ward.
PREVALENCES = (0.05, 0.15, 0.30)
# From which probability on a child would be treated.
TREATED_FROM = tuple(percent / 100 for percent in range(1, 100))
DECIDED = ("sensitivity", "specificity")
# What a rule promises by itself; what it does not promise, out-of-fold images have shown.
PROMISED = {("sensitivity_95", "sensitivity"): 0.95}


@dataclass(frozen=True)
class Part:
    """One data set as the run sees it.

    Attributes
    ----------
    labels, resamples
        The reference standard and the draws of patients.
    logits, probabilities
        For each stage (`before`, and `after` unless nothing is calibrated) [images] float64.
    decisions
        For each threshold rule [images] bool, True = called pneumonia.
    """

    labels: Labels
    resamples: Resamples
    logits: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]
    decisions: dict[str, np.ndarray]


def assess_calibration(
    scores: Path,
    metrics: Path,
    selection: Path,
    details: Path,
    calibrated: Path,
    *,
    run: Run,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write what a run's probabilities and thresholds are worth.

    Nothing is fitted here: calibrations and thresholds come from the selection. Out of fold, an
    image's calibration was fitted to the images of all other folds (see `fold_fits`); thresholds
    were found on the images themselves, which flatters them there. On the test set probabilities
    are the mean of the fold models' calibrated ones, decisions those of the mean distance to the
    thresholds. Draws of patients are those of metrics.json.

    Parameters
    ----------
    scores, metrics
        scores.csv and metrics.json of the run.
    selection
        selection.json.
    details
        calibration.json to write: `reliability` (points of the curve), `measures` (calibration
        error, Brier score, slope, intercept, intercept in the large; before, after and their
        paired difference), `thresholds` (for each rule and metric the out-of-fold figure, the
        figure on the test set, the aim, and `transfer`, test minus aim), `decision_curves`,
        `predictive_values`, `subgroups`; and what they follow from.
    calibrated
        calibrated.csv to write: every image's probability before and after, and its decision at
        the main threshold.
    run
        The run.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If the selection does not know the run, or the run was judged with another selection.
    """
    check_judged_with(selection, {metrics.parent: read_json(metrics)["selection_sha256"]})
    content, fitted = find_fitted(selection, run)
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    parts = _read_parts(scores, fitted, draw)
    decided = {
        (dataset, rule): _decide(part, decision)
        for dataset, part in parts.items()
        for rule, decision in part.decisions.items()
    }
    result = {
        "model": run.model,
        "recipe": run.recipe,
        "seed": run.seed,
        "calibration": fitted["calibration"]["method"],
        "threshold_rule": content["threshold_rule"],
        "cost_ratio": content["cost_ratio"],
        "binning": BINNING,
        "interval": {
            "method": "percentile bootstrap over patients, out of fold within folds",
            "confidence": confidence,
            **draw,
        },
        "datasets": {dataset: part.labels.counts() for dataset, part in parts.items()},
        "measures": [
            record for name, part in parts.items() for record in _measure(name, part, confidence)
        ],
        "reliability": [
            record for name, part in parts.items() for record in _bins(name, part, confidence)
        ],
        "thresholds": [
            _transfer(decided, rule, metric, confidence)
            for rule in fitted["thresholds_by_rule"]
            for metric in DECIDED
        ],
        "decision_curves": [_curve(name, part, confidence) for name, part in parts.items()],
        "predictive_values": [
            record
            for (dataset, rule), found in decided.items()
            for record in _predict_values(dataset, rule, found, confidence)
        ],
        "subgroups": [
            record for name, part in parts.items() for record in _subgroups(name, part, confidence)
        ],
    }
    write_json(details, result)
    rule = content["threshold_rule"]
    tables = [_tabulate(dataset, part, rule) for dataset, part in parts.items()]
    write_table(calibrated, pd.concat(tables, ignore_index=True))


def _read_parts(scores: Path, fitted: dict[str, Any], draw: dict[str, int]) -> dict[str, Part]:
    tables = read_scores(scores)
    own, new = (table["logit"].to_numpy(np.float32) for table in tables.values())
    fold = tables["out_of_fold"]["fold"].to_numpy(int)
    logits = read_test_logits(scores)
    cuts = {rule: np.array(values) for rule, values in fitted["thresholds_by_rule"].items()}
    scored = {
        "out_of_fold": {rule: score_out_of_fold(own, fold, at)[1] for rule, at in cuts.items()},
        "test": {rule: score_test(logits, at)[1] for rule, at in cuts.items()},
    }
    calibrated = {
        "out_of_fold": calibrate_out_of_fold(own, fold, fitted["calibration"]),
        "test": calibrate_mean(logits, fitted["calibration"]),
    }
    parts = {}
    for dataset, logit, strata in (("out_of_fold", own, fold), ("test", new, None)):
        labels = labels_of(scores, tables[dataset])
        parts[dataset] = make_part(
            labels,
            resample_patients(labels.patient, strata=strata, **draw),
            logit,
            calibrated[dataset] if fitted["calibration"]["method"] != "none" else None,
            {rule: whole.decisions["out_of_fold"] for rule, whole in scored[dataset].items()},
        )
    return parts


def make_part(
    labels: Labels,
    resamples: Resamples,
    logit: np.ndarray,
    calibrated: np.ndarray | None,
    decisions: dict[str, np.ndarray],
) -> Part:
    """Return a data set as a run sees it.

    Parameters
    ----------
    labels, resamples, decisions
        As `Part` holds them.
    logit
        [images] float, before calibration.
    calibrated
        [images] float64 in [0, 1]; None where nothing is calibrated.
    """
    stages = {"before": (logit.astype(float), sigmoid(logit))}
    if calibrated is not None:
        stages["after"] = _log_odds(calibrated), calibrated
    return Part(
        labels,
        resamples,
        {stage: values[0] for stage, values in stages.items()},
        {stage: values[1] for stage, values in stages.items()},
        decisions,
    )


def _log_odds(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)


def _decide(part: Part, decision: np.ndarray) -> dict[str, np.ndarray]:
    """Return sensitivity and specificity, [1 + replicates] float64 each."""
    cells = confusion_indicators(part.labels.positive, decision)
    metrics = decision_metrics(part.resamples.sums(cells, np.arange(len(decision))))
    return {name: metrics[name] for name in DECIDED}


def _measure(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    found = {stage: replicate_measures(part, stage) for stage in part.probabilities}
    records = []
    for measure, before in found["before"].items():
        record = {"dataset": dataset, "measure": measure, "before": summarise(before, confidence)}
        record |= {"after": None, "difference": None}
        if "after" in found:
            after = found["after"][measure]
            record["after"] = summarise(after, confidence)
            record["difference"] = paired_difference(after, before, confidence)
        records.append(record | part.labels.counts())
    return records


def replicate_measures(part: Part, stage: str) -> dict[str, np.ndarray]:
    """Return every measure of the probabilities of one stage, [1 + replicates] float64 each."""
    positive, probability = part.labels.positive, part.probabilities[stage]
    images = np.arange(len(positive))
    error = squared_error(positive, probability)
    summed = part.resamples.sums(np.stack([error, np.ones_like(error)], axis=1), images)
    blocks = []
    for _, weights in part.resamples.weights(images):
        block = calibration_slope_intercept(positive, part.logits[stage], weights)
        block["calibration_error"] = expected_calibration_error(
            positive, probability, weights=weights, **BINNING
        )
        blocks.append(block)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return {"calibration_error": joined.pop("calibration_error")} | {
        "brier": summed[:, 0] / summed[:, 1],
        **joined,
    }


def _bins(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    """Return the points of the reliability curve of every stage, with intervals of their height."""
    records = []
    positive, images = part.labels.positive, np.arange(len(part.labels.positive))
    for stage, probability in part.probabilities.items():
        table = reliability(positive, probability, **BINNING)
        _, held = np.unique(assign_bins(probability, **BINNING), return_inverse=True)
        member = np.eye(len(table), dtype=bool)[held]
        events = part.resamples.sums(member & positive[:, np.newaxis], images)
        with np.errstate(invalid="ignore"):
            shares = events / part.resamples.sums(member, images)
        for row, replicated in zip(table.to_dict("records"), shares.T, strict=True):
            summary = summarise(replicated, confidence)
            bounds = {bound: summary[bound] for bound in ("low", "high")}
            records.append({"dataset": dataset, "stage": stage, **row, **bounds})
    return records


def _transfer(
    decided: dict[tuple[str, str], dict[str, np.ndarray]],
    rule: str,
    metric: str,
    confidence: float,
) -> dict[str, Any]:
    """Return what a threshold reaches where it was found, on the test set, and what it misses."""
    own, new = (decided[dataset, rule][metric] for dataset in ("out_of_fold", "test"))
    aim = np.full_like(own, PROMISED[rule, metric]) if (rule, metric) in PROMISED else own
    # Both sets were drawn from one seed: replicate by replicate they might have much in common.
    opposite = np.concatenate([aim[:1], aim[:0:-1]])
    return {
        "rule": rule,
        "metric": metric,
        "out_of_fold": summarise(own, confidence),
        "test": summarise(new, confidence),
        "aim": number(aim[0]),
        # Two samples of patients, drawn apart: the interval holds the chance of both.
        "transfer": summarise(new - opposite, confidence),
    }


def _curve(dataset: str, part: Part, confidence: float) -> dict[str, Any]:
    """Return the net benefit of treating by the calibrated probability, with intervals."""
    stage = list(part.probabilities)[-1]
    images = np.arange(len(part.labels.positive))
    blocks = [
        net_benefit(
            part.labels.positive, part.probabilities[stage], np.array(TREATED_FROM), weights
        )
        for _, weights in part.resamples.weights(images)
    ]
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    # What the model adds to the better of the two answers that need none.
    added = found["model"] - np.maximum(found["treat_all"], found["treat_none"])
    columns: dict[str, Any] = {"dataset": dataset, "stage": stage, "threshold": list(TREATED_FROM)}
    for name, values in (("net_benefit", found["model"]), ("added", added)):
        summaries = [summarise(column, confidence) for column in values.T]
        for key, title in (("value", name), ("low", f"{name}_low"), ("high", f"{name}_high")):
            columns[title] = [summary[key] for summary in summaries]
    return columns | {"treat_all": list(map(number, found["treat_all"][0]))}


def _predict_values(
    dataset: str, rule: str, found: dict[str, np.ndarray], confidence: float
) -> list[dict[str, Any]]:
    values = predictive_values_at(
        *(found[metric][:, np.newaxis] for metric in DECIDED), np.array(PREVALENCES)
    )
    return [
        {
            "dataset": dataset,
            "rule": rule,
            "prevalence": prevalence,
            "metric": metric,
            **summarise(column, confidence),
        }
        for metric, table in zip(("ppv", "npv"), values, strict=True)
        for prevalence, column in zip(PREVALENCES, table.T, strict=True)
    ]


def _subgroups(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    """Return each subtype's mean probability and the share of it that each rule calls pneumonia."""
    stage = list(part.probabilities)[-1]
    records = []
    for name in np.unique(part.labels.subtype):
        images = np.flatnonzero(part.labels.subtype == name)
        columns = [
            part.probabilities[stage][images],
            *(decision[images] for decision in part.decisions.values()),
            np.ones(len(images)),
        ]
        sums = part.resamples.sums(np.stack(columns, axis=1), images)
        with np.errstate(invalid="ignore"):
            shares = sums[:, :-1] / sums[:, -1:]
        probability, *called = (summarise(column, confidence) for column in shares.T)
        records.append(
            {
                "dataset": dataset,
                "subtype": str(name),
                "n": len(images),
                "patients": len(np.unique(part.labels.patient[images])),
                "probability": probability,
                "called": dict(zip(part.decisions, called, strict=True)),
            }
        )
    return records


def _tabulate(dataset: str, part: Part, rule: str) -> pd.DataFrame:
    labels = part.labels
    return pd.DataFrame(
        {
            "dataset": dataset,
            "image_id": labels.image_id,
            "patient": labels.patient,
            "label": np.where(labels.positive, "pneumonia", "normal"),
            "subtype": labels.subtype,
            "probability_before": part.probabilities["before"].astype(np.float32),
            "probability": list(part.probabilities.values())[-1].astype(np.float32),
            "decision_selected": part.decisions[rule].astype(int),
        }
    )
