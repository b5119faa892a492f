"""How well one run's probabilities are calibrated, and how its thresholds transfer."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Estimate, Resampling
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.calibration import (
    assign_bins,
    calibration_slope_intercept,
    expected_calibration_error,
    reliability,
)
from pneumobench.statistics.decision_curves import (
    negative_predictive,
    net_benefit,
    positive_predictive,
)
from pneumobench.statistics.estimates import (
    independent_difference,
    number,
    paired_difference,
    summarise,
    summarise_change,
)
from pneumobench.statistics.fold_fits import calibrate_mean, calibrate_out_of_fold
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.judgement import Predicted
from pneumobench.statistics.metrics import RATES, sigmoid, squared_error
from pneumobench.statistics.replicates import replicate_decisions
from pneumobench.statistics.samples import DATASETS, Sample, draw_sample
from pneumobench.statistics.scores import labels_of, read_scores, read_test_logits
from pneumobench.statistics.thresholds import RULES

logger = logging.getLogger(__name__)

BINNING = {"bins": 10, "binning": "equal_mass"}
# Prevalence of pneumonia among those examined, from general practice to a referral ward.
PREVALENCES = (0.05, 0.15, 0.30)
# Probabilities from which a patient might be treated.
TREATED_FROM = tuple(percent / 100 for percent in range(1, 100))
# What a rule promises by itself; what it does not promise, out-of-fold images have shown.
PROMISED = {("sensitivity_95", "sensitivity"): 0.95}


@dataclass(frozen=True)
class Part:
    """One data set as the run sees it.

    Attributes
    ----------
    sample
        The images.
    logits, probabilities
        For each stage (`before`, and `after` unless nothing is calibrated) [images] float64.
    decisions
        For each threshold rule [images] bool, True = called pneumonia.
    in_fold
        Likewise at thresholds that were found on the images themselves; none on the test set.
    """

    sample: Sample
    logits: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]
    decisions: dict[str, np.ndarray]
    in_fold: dict[str, np.ndarray]


@dataclass(frozen=True)
class CalibrationFiles:
    """What a run's probabilities are judged by: its scores.csv and metrics.json, selection.json."""

    scores: Path
    metrics: Path
    selection: Path


def assess_calibration(
    files: CalibrationFiles, details: Path, calibrated: Path, *, run: Run, resampling: Resampling
) -> None:
    """Write what a run's probabilities and thresholds are worth.

    Calibrations and frozen thresholds come from the selection. Out of fold, an image's calibration
    was fitted to the images of all other folds, and its threshold is fitted to other images of its
    fold (see `fold_fits`); `optimism` is what thresholds found on the images themselves would add.
    On the test set probabilities are the mean of the fold models' calibrated ones, decisions those
    of the mean distance to the thresholds. Draws of patients are those of metrics.json.

    Parameters
    ----------
    files, run, resampling
        The run, its files, and how intervals are drawn.
    details
        calibration.json to write: `reliability` (points of the curve), `measures` (calibration
        error, Brier score, slope, intercept, intercept in the large; before, after and their
        paired difference), `thresholds` (for each rule and metric the out-of-fold figure, its
        in-fold `optimism`, the
        figure on the test set, the aim, and `transfer`, test minus aim), `decision_curves`,
        `predictive_values`, `subgroups`; and what they follow from.
    calibrated
        calibrated.csv to write: every image's probability before and after, and its decision at
        the main threshold.

    Raises
    ------
    UserError
        If the selection does not know the run, or the run was judged with another selection.
    """
    frozen, confidence = Frozen.read(files.selection), resampling.confidence
    frozen.check_judged_with({files.metrics.parent: read_json(files.metrics)})
    fitted = frozen.of_run(run)
    parts = _read_parts(files.scores, frozen, fitted, resampling)
    described = [_describe(name, part, confidence) for name, part in parts.items()]
    joined = {key: [record for own in described for record in own[key]] for key in described[0]}
    result = {
        **vars(run),
        "calibration": fitted["calibration"]["method"],
        "threshold_rule": frozen.rule,
        "cost_ratio": frozen.content["cost_ratio"],
        "binning": BINNING,
        "interval": resampling.interval(", out of fold within folds"),
        "datasets": {dataset: part.sample.labels.counts() for dataset, part in parts.items()},
        "measures": joined["measures"],
        "reliability": joined["reliability"],
        "thresholds": [
            _transfer(parts, rule, metric, confidence)
            for rule in fitted["thresholds_by_rule"]
            for metric in RATES
        ],
        "decision_curves": joined["decision_curves"],
        "predictive_values": joined["predictive_values"],
        "subgroups": joined["subgroups"],
    }  # fmt: skip
    write_json(details, result)
    tables = [_tabulate(dataset, part, frozen.rule) for dataset, part in parts.items()]
    write_table(calibrated, pd.concat(tables, ignore_index=True))


def _describe(name: str, part: Part, confidence: float) -> dict[str, list[dict[str, Any]]]:
    """Return the records of one data set."""
    return {
        "measures": _measure(name, part, confidence),
        "reliability": _bins(name, part, confidence),
        "decision_curves": [_curve(name, part, confidence)],
        "predictive_values": [
            record
            for rule in part.decisions
            for record in _predict_values(name, rule, part, confidence)
        ],
        "subgroups": _subgroups(name, part, confidence),
    }


def _read_parts(
    scores: Path, frozen: Frozen, fitted: dict[str, Any], resampling: Resampling
) -> dict[str, Part]:
    tables = read_scores(scores)
    own = tables["out_of_fold"]["logit"].to_numpy(np.float32)
    fold = tables["out_of_fold"]["fold"].to_numpy(int)
    predicted = Predicted(fold, own, read_test_logits(scores))
    labels = {name: labels_of(scores, table) for name, table in tables.items()}
    cuts = {rule: frozen.cuts(fitted, labels["out_of_fold"], own, fold, rule) for rule in RULES}
    decided = {rule: predicted.cut(one) for rule, one in cuts.items()}
    in_fold = {rule: own > one.test[fold] for rule, one in cuts.items()}
    calibrated = {
        "out_of_fold": calibrate_out_of_fold(own, fold, fitted["calibration"]),
        "test": calibrate_mean(predicted.logits, fitted["calibration"]),
    }
    parts = {}
    for dataset in DATASETS:
        within = fold if dataset == "out_of_fold" else None
        parts[dataset] = make_part(
            draw_sample(labels[dataset], resampling, within),
            tables[dataset]["logit"].to_numpy(np.float32),
            calibrated[dataset] if fitted["calibration"]["method"] != "none" else None,
            {rule: found[dataset][1].decisions["out_of_fold"] for rule, found in decided.items()},
            in_fold if dataset == "out_of_fold" else {},
        )
    return parts


def make_part(
    sample: Sample,
    logit: np.ndarray,
    calibrated: np.ndarray | None,
    decisions: dict[str, np.ndarray],
    in_fold: dict[str, np.ndarray],
) -> Part:
    """Return a data set as a run sees it.

    Parameters
    ----------
    sample, decisions, in_fold
        As `Part` holds them.
    logit
        [images] float, before calibration.
    calibrated
        [images] float64 in [0, 1]; None where nothing is calibrated.
    """
    stages = {"before": (logit.astype(float), sigmoid(logit))}
    if calibrated is not None:
        stages["after"] = _log_odds(calibrated), calibrated
    logits = {stage: values[0] for stage, values in stages.items()}
    probabilities = {stage: values[1] for stage, values in stages.items()}
    return Part(sample, logits, probabilities, decisions, in_fold)


def _log_odds(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)


def _measure(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    found = {stage: replicate_measures(part, stage) for stage in part.probabilities}
    records = []
    for measure, before in found["before"].items():
        if "after" in found:
            change = summarise_change(before, found["after"][measure], confidence)
        else:
            change = {"before": summarise(before, confidence), "after": None, "difference": None}
        counts = part.sample.labels.counts()
        records.append({"dataset": dataset, "measure": measure, **change, **counts})
    return records


def replicate_measures(part: Part, stage: str) -> dict[str, np.ndarray]:
    """Return every measure of the probabilities of one stage, [1 + replicates] float64 each."""
    sample, probability = part.sample, part.probabilities[stage]
    positive = sample.positive
    error = squared_error(positive, probability)
    blocks = []
    for _, weights in sample.resamples.weights(sample.images):
        block = calibration_slope_intercept(positive, part.logits[stage], weights)
        block["calibration_error"] = expected_calibration_error(
            positive, probability, weights=weights, **BINNING
        )
        blocks.append(block)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return {"calibration_error": joined.pop("calibration_error")} | {
        "brier": sample.resamples.means(error, sample.images)[:, 0],
        **joined,
    }


def _bins(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    """Return the points of the reliability curve of every stage, with intervals of their height."""
    records = []
    positive, images = part.sample.positive, part.sample.images
    for stage, probability in part.probabilities.items():
        table = reliability(positive, probability, **BINNING)
        _, held = np.unique(assign_bins(probability, **BINNING), return_inverse=True)
        member = np.eye(len(table), dtype=bool)[held]
        events = part.sample.resamples.sums(member & positive[:, np.newaxis], images)
        with np.errstate(invalid="ignore"):
            shares = events / part.sample.resamples.sums(member, images)
        for row, replicated, own in zip(table.to_dict("records"), shares.T, member.T, strict=True):
            scale = part.sample.cases(np.flatnonzero(own)).scale("accuracy")
            summary = summarise(replicated, confidence, scale)
            bounds = {bound: summary[bound] for bound in ("low", "high")}
            records.append({"dataset": dataset, "stage": stage, **row, **bounds})
    return records


def _transfer(parts: dict[str, Part], rule: str, metric: str, confidence: float) -> dict[str, Any]:
    """Return what a threshold reaches where it was found, on the test set, and what it misses."""
    own, new = (
        replicate_decisions(parts[name].decisions[rule], parts[name].sample)[metric]
        for name in DATASETS
    )
    of_own, of_new = (parts[name].sample.cases().scale(metric) for name in DATASETS)
    development = parts["out_of_fold"]
    flattered = replicate_decisions(development.in_fold[rule], development.sample)[metric]
    aim = np.full_like(own, PROMISED[rule, metric]) if (rule, metric) in PROMISED else own
    # Both sets were drawn from one seed: replicate by replicate they might have much in common.
    opposite = np.concatenate([aim[:1], aim[:0:-1]])
    scales = (of_new, None if (rule, metric) in PROMISED else of_own)
    apart = independent_difference(new, opposite, confidence, scales)
    return {
        "rule": rule,
        "metric": metric,
        "out_of_fold": summarise(own, confidence, of_own),
        "optimism": paired_difference(flattered, own, confidence),
        "test": summarise(new, confidence, of_new),
        "aim": number(aim[0]),
        # Two samples of patients, drawn apart: the interval holds the chance of both.
        "transfer": summarise(new - opposite, confidence)
        | {"low": apart["low"], "high": apart["high"]},
    }


def _curve(dataset: str, part: Part, confidence: float) -> dict[str, Any]:
    """Return the net benefit of treating by the calibrated probability, with intervals."""
    stage = list(part.probabilities)[-1]
    sample, probability, thresholds = (
        part.sample, part.probabilities[stage], np.array(TREATED_FROM),
    )  # fmt: skip
    blocks = [
        net_benefit(sample.positive, probability, thresholds, weights)
        for _, weights in sample.resamples.weights(sample.images)
    ]
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    # What the model adds to the better of treating all and treating none.
    added = found["model"] - np.maximum(found["treat_all"], found["treat_none"])
    columns: dict[str, Any] = {"dataset": dataset, "stage": stage, "threshold": list(TREATED_FROM)}
    for name, values in (("net_benefit", found["model"]), ("added", added)):
        summaries = [summarise(column, confidence) for column in values.T]
        for key, title in (("value", name), ("low", f"{name}_low"), ("high", f"{name}_high")):
            columns[title] = [summary[key] for summary in summaries]
    return columns | {"treat_all": list(map(number, found["treat_all"][0]))}


def _predict_values(dataset: str, rule: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    """Return the predictive values at every prevalence, from both rates and their intervals."""
    found, cases = replicate_decisions(part.decisions[rule], part.sample), part.sample.cases()
    rates = [
        Estimate.of(summarise(found[metric], confidence, cases.scale(metric))) for metric in RATES
    ]
    return [
        {
            "dataset": dataset,
            "rule": rule,
            "prevalence": prevalence,
            "metric": metric,
            "value": one.value,
            "low": one.low,
            "high": one.high,
        }
        for metric, estimate in (("ppv", positive_predictive), ("npv", negative_predictive))
        for prevalence in PREVALENCES
        for one in (estimate(*rates, prevalence),)
    ]


def _subgroups(dataset: str, part: Part, confidence: float) -> list[dict[str, Any]]:
    """Return each subtype's mean probability and the share of it that each rule calls pneumonia."""
    stage = list(part.probabilities)[-1]
    records = []
    for name in np.unique(part.sample.labels.subtype):
        images = np.flatnonzero(part.sample.labels.subtype == name)
        columns = [part.probabilities[stage], *part.decisions.values()]
        shares = part.sample.resamples.means(np.stack(columns, axis=1)[images], images)
        scale = part.sample.cases(images).scale("accuracy")
        probability, *called = (summarise(column, confidence, scale) for column in shares.T)
        records.append(
            {
                "dataset": dataset,
                "subtype": str(name),
                "n": len(images),
                "patients": len(np.unique(part.sample.labels.patient[images])),
                "probability": probability,
                "called": dict(zip(part.decisions, called, strict=True)),
            }
        )
    return records


def _tabulate(dataset: str, part: Part, rule: str) -> pd.DataFrame:
    labels = part.sample.labels
    return pd.DataFrame(
        {
            "dataset": dataset,
            "image_id": labels.image_id,
            "patient": labels.patient,
            "label": labels.names,
            "subtype": labels.subtype,
            "probability_before": part.probabilities["before"].astype(np.float32),
            "probability": list(part.probabilities.values())[-1].astype(np.float32),
            "decision_selected": part.decisions[rule].astype(int),
        }
    )
