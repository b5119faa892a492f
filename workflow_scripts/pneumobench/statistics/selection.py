"""What is decided before the test set is looked at: thresholds, ranking, the best run."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.statistics.beside import BASELINE, read_out_of_fold_scores
from pneumobench.statistics.ensemble_members import fit_ensembles
from pneumobench.statistics.fold_fits import fit_calibrations, fit_thresholds
from pneumobench.statistics.frozen import hash_files
from pneumobench.statistics.metrics import roc_auc
from pneumobench.statistics.predictions import (
    Labels,
    Predictions,
    align_out_of_fold,
    read_labels,
    read_predictions,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SelectionFiles:
    """What a selection is made of; no file leads to the test set.

    Attributes
    ----------
    out_of_fold, run_jsons
        out_of_fold.csv and run.json (for the epochs that were kept) of every fold of every run.
    development_labels
        Labels of the cross-validation images.
    baselines
        out_of_fold.csv of every baseline.
    out_of_fold_views
        Out-of-fold predictions averaged over a set of views; none without test-time augmentation.
    """

    out_of_fold: list[Path]
    run_jsons: list[Path]
    development_labels: Path
    baselines: list[Path]
    out_of_fold_views: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class FoldRules:
    """How thresholds and calibrations are fitted.

    Attributes
    ----------
    folds
        Number of folds.
    threshold_rule
        The main one of `thresholds.RULES`; one threshold for each fold's model, from its own
        out-of-fold images. Those of the other rules are written down beside it.
    cost_ratio
        How many times a false alarm a missed pneumonia costs, for the rule `cost`.
    calibration
        How logits become probabilities, one of `calibration.METHODS`.
    """

    folds: int
    threshold_rule: str
    cost_ratio: float
    calibration: str


def freeze_selection(
    files: SelectionFiles, selection: Path, rules: FoldRules, *, views: str, ensembles: list[str]
) -> None:
    """Fit the thresholds and rank the runs on out-of-fold predictions, and write that down.

    Averaged predictions, baselines and ensembles get thresholds as well, and are not ranked.

    Parameters
    ----------
    files, rules
        What it is made of, and how.
    selection
        selection.json to write. Its bytes depend on the content of the inputs, not on their order
        or their paths.
    views
        The set of views that predictions are averaged over, or `none`.
    ensembles
        Kinds of ensembles of all runs, see `ensemble_members.fit_ensembles`. Each fold's is fitted
        to the other folds.

    Raises
    ------
    UserError
        If a run lacks a fold or its predictions do not fit the labels.
    """
    labels = read_labels(files.development_labels)
    predictions = read_predictions(files.out_of_fold)
    if not predictions:
        raise UserError(
            "there is no run to select from",
            where=str(selection),
            expected="at least one run with out-of-fold predictions of all folds",
            remedy="run snakemake again; if training failed, its log under logs/ says why",
        )
    averaged = read_predictions(files.out_of_fold_views, tta=views)
    entries = _fit_runs(predictions, labels, rules, _read_best_epochs(files.run_jsons))
    if views != "none":
        for entry in entries:
            fitted = _fit(Run.of(entry), averaged, labels, rules)
            entry["test_time_augmentation"] = {"views": views, **fitted}
    for rank, entry in enumerate(entries, start=1):
        entry["rank"] = rank
    best = Run.of(entries[0])
    logger.info("best of %d runs by out-of-fold AUC: %s", len(entries), best.title)
    baselines = [_fit_baseline(path, labels, rules) for path in files.baselines]
    content = {
        "threshold_rule": rules.threshold_rule,
        "cost_ratio": rules.cost_ratio,
        "calibration": rules.calibration,
        "runs": entries,
        "best": vars(best),
        "baselines": sorted(baselines, key=lambda entry: entry["baseline"]),
        "ensembles": [
            made.entry
            | _fit_scores(f"the ensemble {made.kind}", made.fold, made.score, labels, rules)
            for made in fit_ensembles(ensembles, predictions, labels, rules.folds)
        ],
        "inputs_sha256": _hash_inputs([predictions, averaged], labels, files.baselines),
    }
    write_json(selection, content)


def fold_mean_auc(positive: np.ndarray, logit: np.ndarray, fold: np.ndarray) -> float:
    """Return the mean over the folds of the area under the ROC curve inside each fold."""
    areas = [roc_auc(positive[fold == number], logit[fold == number]) for number in np.unique(fold)]
    return float(np.mean(areas))


def _fit_runs(
    predictions: Predictions,
    labels: Labels,
    rules: FoldRules,
    best_epochs: dict[tuple[Run, int], int],
) -> list[dict[str, Any]]:
    """Return the entries of all runs, best first."""
    entries = []
    for run in sorted(predictions):
        entry = vars(run) | _fit(run, predictions, labels, rules)
        entry["best_epochs"] = _epochs_of(run, best_epochs, rules.folds)
        entry["out_of_fold_sha256"] = hash_files([part.path for part in predictions[run].values()])
        entries.append(entry)
    # A stable sort of sorted runs: equal areas are ranked by name, whatever came first.
    return sorted(entries, key=lambda entry: -entry["auc_fold_mean"])


def _fit(run: Run, predictions: Predictions, labels: Labels, rules: FoldRules) -> dict[str, Any]:
    """Return the areas under the ROC curve and what is fitted to the predictions."""
    fold, logit = align_out_of_fold(predictions, labels, run, rules.folds)
    return _fit_scores(run.title, fold, logit, labels, rules)


def _fit_baseline(path: Path, labels: Labels, rules: FoldRules) -> dict[str, Any]:
    kind, fold, logit = read_out_of_fold_scores(path, labels, rules.folds, BASELINE)
    return {"baseline": kind, **_fit_scores(f"the baseline {kind}", fold, logit, labels, rules)}


def _fit_scores(
    title: str, fold: np.ndarray, logit: np.ndarray, labels: Labels, rules: FoldRules
) -> dict[str, Any]:
    images = labels.positive, logit, fold
    by_rule = fit_thresholds(*images, cost_ratio=rules.cost_ratio, title=title)
    return {
        "auc_fold_mean": fold_mean_auc(labels.positive, logit, fold),
        "auc_pooled": roc_auc(labels.positive, logit),
        "thresholds": by_rule[rules.threshold_rule],
        "thresholds_by_rule": by_rule,
        "calibration": fit_calibrations(*images, method=rules.calibration, title=title),
    }


def _epochs_of(run: Run, best_epochs: dict[tuple[Run, int], int], folds: int) -> list[int]:
    for number in range(folds):
        if (run, number) not in best_epochs:
            raise UserError(
                f"{run.title} has no run.json of fold {number}",
                where=f"runs/{run.folder}/fold{number}/run.json",
                expected="run.json beside out_of_fold.csv",
                remedy=f"remove runs/{run.folder}/fold{number} and run snakemake again",
            )
    return [best_epochs[run, number] for number in range(folds)]


def _read_best_epochs(run_jsons: list[Path]) -> dict[tuple[Run, int], int]:
    contents = map(read_owned_json, run_jsons)
    return {(Run.of(content), content["fold"]): content["best_epoch"] for content in contents}


def _hash_inputs(parts: list[Predictions], labels: Labels, baselines: list[Path]) -> str:
    digest = hashlib.sha256(labels.path.read_bytes())
    for predictions in parts:
        for run in sorted(predictions):
            for fold in sorted(predictions[run]):
                digest.update(predictions[run][fold].path.read_bytes())
    # In the order of their content: neither the order nor the place of the files may matter.
    for content in sorted(path.read_bytes() for path in baselines):
        digest.update(content)
    return digest.hexdigest()
