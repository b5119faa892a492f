"""What is decided before the test set is looked at: thresholds, ranking, the best run."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import content_sha256, read_json, write_json
from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.statistics.ensemble_members import fit_ensembles
from pneumobench.statistics.fold_fits import fit_calibrations, fit_thresholds
from pneumobench.statistics.fold_scores import BASELINE, read_out_of_fold_scores
from pneumobench.statistics.metrics import roc_auc
from pneumobench.statistics.predictions import (
    FoldPredictions,
    Labels,
    align_out_of_fold,
    read_labels,
    read_predictions,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldRules:
    """How thresholds and calibrations are fitted: see `freeze_selection`."""

    folds: int
    threshold_rule: str
    cost_ratio: float
    calibration: str


def freeze_selection(
    out_of_fold: list[Path],
    development_labels: Path,
    selection: Path,
    *,
    folds: int,
    threshold_rule: str,
    cost_ratio: float,
    calibration: str,
    run_jsons: list[Path],
    out_of_fold_views: list[Path],
    views: str,
    baselines: list[Path],
    ensembles: list[str],
) -> None:
    """Fit the thresholds and rank the runs on out-of-fold predictions, and write that down.

    No argument leads to the test set: nothing of it can enter the selection.

    Parameters
    ----------
    out_of_fold
        out_of_fold.csv of every fold of every run.
    development_labels
        Labels of the cross-validation images.
    selection
        selection.json to write. Its bytes depend on the content of the inputs, not on their order
        or their paths.
    folds
        Number of folds.
    threshold_rule
        The main one of `thresholds.RULES`; one threshold for each fold's model, from its own
        out-of-fold images. Those of the other rules are written down beside it.
    cost_ratio
        How many times a false alarm a missed pneumonia costs, for the rule `cost`.
    calibration
        How logits become probabilities, one of `calibration.METHODS`.
    run_jsons
        run.json of every fold of every run, for the epochs that were kept.
    out_of_fold_views, views
        Out-of-fold predictions averaged over a set of views, and its name; no files and `none`
        without test-time augmentation. They get thresholds of their own and have no say in the
        ranking.
    baselines
        out_of_fold.csv of every baseline. They get thresholds like runs and are not ranked.
    ensembles
        Kinds of ensembles of all runs, see `ensemble_members.fit_ensembles`. Each fold's is fitted
        to the other folds; they get thresholds like runs and are not ranked.

    Raises
    ------
    UserError
        If a run lacks a fold or its predictions do not fit the labels.
    """
    labels = read_labels(development_labels)
    predictions = read_predictions(out_of_fold)
    if not predictions:
        raise UserError(
            "there is no run to select from",
            where=str(selection),
            expected="at least one run with out-of-fold predictions of all folds",
            remedy="run snakemake again; if training failed, its log under logs/ says why",
        )
    averaged = read_predictions(out_of_fold_views, tta=views)
    rules = FoldRules(folds, threshold_rule, cost_ratio, calibration)
    best_epochs = _read_best_epochs(run_jsons)
    entries = []
    for run in sorted(predictions):
        entry = _identity(run) | _fit(run, predictions[run], labels, rules)
        entry["best_epochs"] = _epochs_of(run, best_epochs, folds)
        paths = [part.path for part in predictions[run].values()]
        entry["out_of_fold_sha256"] = hash_files(paths)
        if views != "none":
            fitted = _fit(run, averaged.get(run, {}), labels, rules)
            entry["test_time_augmentation"] = {"views": views, **fitted}
        entries.append(entry)
    # A stable sort of sorted runs: equal areas are ranked by name, whatever came first.
    entries.sort(key=lambda entry: -entry["auc_fold_mean"])
    for rank, entry in enumerate(entries, start=1):
        entry["rank"] = rank
    best = {key: entries[0][key] for key in ("model", "recipe", "seed")}
    fitted_baselines = [_fit_baseline(path, labels, rules) for path in baselines]
    fitted_baselines.sort(key=lambda entry: entry["baseline"])
    combined = [
        ensemble.entry
        | _fit_scores(f"the ensemble {ensemble.kind}", ensemble.fold, ensemble.score, labels, rules)
        for ensemble in fit_ensembles(ensembles, predictions, labels, folds)
    ]
    logger.info("best of %d runs by out-of-fold AUC: %s", len(entries), Run(**best).title)
    write_json(
        selection,
        {
            "threshold_rule": threshold_rule,
            "cost_ratio": cost_ratio,
            "calibration": calibration,
            "runs": entries,
            "best": best,
            "baselines": fitted_baselines,
            "ensembles": combined,
            "inputs_sha256": _hash_inputs([predictions, averaged], labels, baselines),
        },
    )


def find_selected(selection: Path, run: Run, views: str = "none") -> tuple[str, list[float]]:
    """Return the threshold rule and the thresholds (logits, one a fold) that were frozen for a run.

    Parameters
    ----------
    selection
        selection.json.
    run
        The run.
    views
        `none` for the thresholds of plain predictions, or a set of views for those of predictions
        averaged over it.

    Raises
    ------
    UserError
        If the selection does not know the run, or not with these views.
    """
    content, entry = find_fitted(selection, run)
    part = entry if views == "none" else entry.get("test_time_augmentation", {})
    if part.get("views", "none") != views:
        wanted = f"{run.title} with the views {views}"
        raise _not_selected(selection, wanted, "every run that is evaluated")
    return content["threshold_rule"], part["thresholds"]


def find_fitted(selection: Path, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the whole selection.json and its entry for a run.

    Raises
    ------
    UserError
        If the selection does not know the run.
    """
    content = read_json(selection)
    for entry in content["runs"]:
        if Run(entry["model"], entry["recipe"], entry["seed"]) == run:
            return content, entry
    raise _not_selected(selection, run.title, "every run that is evaluated")


def check_frozen_on(selection: Path, run: Run, out_of_fold: list[Path]) -> None:
    """Check that a run's thresholds were frozen on these out-of-fold predictions.

    Raises
    ------
    UserError
        If the selection has another hash for them: what was chosen on other predictions must not
        judge these.
    """
    frozen, found = find_fitted(selection, run)[1]["out_of_fold_sha256"], hash_files(out_of_fold)
    if frozen != found:
        raise UserError(
            f"the selection was frozen on other out-of-fold predictions of {run.title}",
            where=f"{selection} and runs/{run.folder}/fold*/out_of_fold.csv",
            expected=f"predictions with the hash {frozen[:12]}..., not {found[:12]}...",
            remedy=f"remove {selection} and run snakemake again: rule freeze_selection writes it "
            "anew, and all that follows from it",
        )


def check_judged_with(selection: Path, judged: dict[Path, str]) -> None:
    """Check that results were made with this selection.

    Parameters
    ----------
    selection
        selection.json.
    judged
        For each result's folder the hash of the selection.json that it was made with.

    Raises
    ------
    UserError
        Naming the first folder whose result was made with another selection.
    """
    now = content_sha256(selection)
    for folder, then in sorted(judged.items()):
        if then != now:
            raise UserError(
                "the metrics were computed with another selection",
                where=f"{folder}/metrics.json and {selection}",
                expected=f"metrics made with the selection {now[:12]}..., not {then[:12]}...",
                remedy=f"remove {folder}/metrics.json and run snakemake again: rule evaluate_run "
                "computes it anew",
            )


def find_selected_baseline(selection: Path, kind: str) -> list[float]:
    """Return the thresholds (logits, one a fold) that were frozen for a baseline.

    Raises
    ------
    UserError
        If the selection does not know the baseline.
    """
    return _find(selection, "baseline", kind)["thresholds"]


def find_selected_ensemble(selection: Path, kind: str) -> dict[str, Any]:
    """Return what was frozen of an ensemble: members, each fold's weights and threshold.

    Raises
    ------
    UserError
        If the selection does not know the ensemble.
    """
    return _find(selection, "ensemble", kind)


def hash_files(paths: list[Path]) -> str:
    """Return one SHA-256 for the content of several files, whatever their order and places."""
    return hashlib.sha256("".join(sorted(map(content_sha256, paths))).encode()).hexdigest()


def fold_mean_auc(positive: np.ndarray, logit: np.ndarray, fold: np.ndarray) -> float:
    """Return the mean over the folds of the area under the ROC curve inside each fold."""
    areas = [roc_auc(positive[fold == number], logit[fold == number]) for number in np.unique(fold)]
    return float(np.mean(areas))


def _identity(run: Run) -> dict[str, Any]:
    return {"model": run.model, "recipe": run.recipe, "seed": run.seed}


def _fit(
    run: Run,
    predictions: dict[int, FoldPredictions],
    labels: Labels,
    rules: FoldRules,
) -> dict[str, Any]:
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


def _find(selection: Path, name: str, kind: str) -> dict[str, Any]:
    """Return the entry of a baseline or an ensemble."""
    for entry in read_json(selection)[f"{name}s"]:
        if entry[name] == kind:
            return entry
    raise _not_selected(selection, f"the {name} {kind}", f"every {name} that is compared")


def _not_selected(selection: Path, wanted: str, expected: str) -> UserError:
    return UserError(
        f"the selection does not hold {wanted}",
        where=str(selection),
        expected=expected,
        remedy=f"remove {selection} and run snakemake again: rule freeze_selection writes it anew",
    )


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
    return {
        (Run(content["model"], content["recipe"], content["seed"]), content["fold"]): content[
            "best_epoch"
        ]
        for content in contents
    }


def _hash_inputs(
    parts: list[dict[Run, dict[int, FoldPredictions]]], labels: Labels, baselines: list[Path]
) -> str:
    digest = hashlib.sha256(labels.path.read_bytes())
    for predictions in parts:
        for run in sorted(predictions):
            for fold in sorted(predictions[run]):
                digest.update(predictions[run][fold].path.read_bytes())
    # In the order of their content: neither the order nor the place of the files may matter.
    for content in sorted(path.read_bytes() for path in baselines):
        digest.update(content)
    return digest.hexdigest()
