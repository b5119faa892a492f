"""How the figures came about: settings, machines, thresholds, origins."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.wording import EN_DASH, listing

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Files, rejections, duplicates, warnings", "dataset/audit.json", "audit_dataset"),
    ("Folds, test set, early-stopping parts", "dataset/splits.csv", "split_dataset"),
    ("Training curves", "runs/.../fold*/history.csv", "train_fold"),
    ("Devices, precision, versions, epochs", "runs/.../fold*/run.json", "train_fold"),
    ("Scores of the baselines", "baselines/*/out_of_fold.csv, test.csv", "score_baselines"),
    ("Thresholds and ranking", "selection/selection.json", "freeze_selection"),
    ("Curves", "runs/.../scores.csv", "evaluate_run"),
    ("Counts, sensitivity by subtype", "runs/.../metrics.json", "evaluate_run"),
    ("Ranked table, intervals, cost", "comparison/comparison.csv", "compare_runs"),
    ("n, baselines, ensembles", "comparison/comparison.json", "compare_runs"),
)


def read_runs(run_jsons: Iterable[str | Path]) -> dict[str, list[dict[str, Any]]]:
    """Read run.json files, by their run's folder, folds in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for content in map(read_owned_json, map(Path, run_jsons)):
        run = Run(content["model"], content["recipe"], int(content["seed"]))
        found.setdefault(run.folder, []).append(content)
    return {folder: sorted(folds, key=lambda fold: fold["fold"]) for folder, folds in found.items()}


def environment_rows(runs: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Return what all training jobs ran on; several values where the jobs differ."""
    folds = [fold for run in runs.values() for fold in run]
    rows = [
        ("Training jobs", str(len(folds))),
        ("Device", values_of(folds, "device")),
        ("Precision", values_of(folds, "precision")),
        ("Numeric threads of a job", values_of(folds, "numeric_threads")),
        ("Image size (px)", values_of(folds, "image_size")),
        ("Git commit", values_of(folds, "git_commit")),
        ("Data (SHA-256)", values_of(folds, "data_hash")),
    ]
    return [*rows, ("Versions", versions_of(folds))]


def versions_of(folds: list[dict[str, Any]]) -> str:
    """Return the versions of all packages that the training jobs ran with."""
    packages = sorted({name for fold in folds for name in fold["versions"]})
    versions = [fold["versions"] for fold in folds]
    return ", ".join(f"{name} {values_of(versions, name)}" for name in packages)


def training_rows(
    comparison: pd.DataFrame,
    runs: dict[str, list[dict[str, Any]]],
    selection: dict[str, Any],
) -> list[dict[str, str]]:
    """Return epochs, thresholds and early stopping of every complete run, as text."""
    thresholds = {
        Run(entry["model"], entry["recipe"], int(entry["seed"])).folder: entry["thresholds"]
        for entry in selection["runs"]
    }
    rows = []
    for _, row in complete_runs(comparison).iterrows():
        folds = runs[row["run"].folder]
        cuts = thresholds[row["run"].folder]
        rows.append(
            {
                "Run": row["label"],
                "Recipe": row["recipe"],
                "Seed": str(row["seed"]),
                "Trained epochs": _span([fold["epochs"] for fold in folds]),
                "Kept epoch, by fold": ", ".join(str(fold["best_epoch"]) for fold in folds),
                "Threshold (logit), by fold": ", ".join(f"{cut:.2f}" for cut in cuts),
                "Early stopping": listing(sorted({fold["early_stopping"] for fold in folds})),
            }
        )
    return rows


def flatten(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted key, value) pairs in their own order.

    >>> flatten({"split": {"folds": 5, "seed": None}})
    [('split.folds', '5'), ('split.seed', 'null')]
    """
    pairs: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            pairs += flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", _plain(value)))
    return pairs


def _plain(value: object) -> str:
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)


def values_of(contents: list[dict[str, Any]], key: str) -> str:
    """Return the values of a key over run.json files, several where they differ."""
    return " / ".join(sorted({_plain(content.get(key)) for content in contents}))


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}{EN_DASH}{high}"
