"""How the results came about: settings, machines, thresholds."""

from typing import Any

import pandas as pd

from pneumobench.core.run import Run
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.run_records import flatten, values_of, versions_of
from pneumobench.reporting.section import Heading, Paragraph, Section
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import EN_DASH, listing
from pneumobench.reporting.words import Words, known_subtypes

ORIGINS = (
    ("Files, rejections, duplicates, warnings", "dataset/audit.json", "audit_dataset"),
    ("Folds, test set, early-stopping parts", "dataset/splits.csv", "split_dataset"),
    ("Training curves", "runs/.../fold*/history.csv", "train_fold"),
    ("Devices, precision, versions, epochs", "runs/.../fold*/run.json", "train_fold"),
    ("Scores of the baselines", "baselines/*/out_of_fold.csv, test.csv", "score_baselines"),
    ("Thresholds and ranking", "selection/selection.json", "freeze_selection"),
    ("Curves", "runs/.../scores.csv", "evaluate_run"),
    ("Counts at the thresholds", "runs/.../metrics.json", "evaluate_run"),
    ("Ranked table, intervals, cost", "comparison/comparison.csv", "compare_runs"),
    ("n, baselines, ensembles", "comparison/comparison.json", "compare_runs"),
)


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section."""
    settings = flatten(files.settings)
    folds = max(map(len, files.runs.values()))
    subtypes = known_subtypes(entry["subtype"] for entry in files.audit["by_split_label_subtype"])
    classes = f"{listing([words.negative, *subtypes])} radiographs" if subtypes else "either class"
    return Section(
        name="methods",
        title="How were the results obtained?",
        short="Methods",
        blocks=(
            Paragraph(
                f"{folds}-fold cross-validation; each patient's images lie in one fold, and each "
                f"fold has its share of {classes}. Each fold's model predicts its own fold "
                "(out-of-fold) and the test set. Ranking and thresholds come from out-of-fold "
                "predictions alone; labels of the test set are read only after both are frozen. On "
                "the test set, decisions are those of the mean of the fold models' logits, each "
                "minus its own threshold. Intervals come from a bootstrap over patients, within "
                "folds where there are folds: those of AUC and average precision are symmetric on "
                "the logit scale; those of sensitivity, specificity and other proportions are "
                "Wilson's, with the effective number of observations; those of differences and of "
                "all else are percentiles."
            ),
            Heading("Machine and versions"),
            Table("environment", "Machine and versions", _environment(files.runs)),
            Heading("Training"),
            Table(
                "training",
                "Training",
                _training(files.comparison, files.runs, files.json("selection")),
                notes=(
                    "Each fold's model is another network with a threshold of its own, found on "
                    "the out-of-fold images of its fold, so the thresholds of a run differ. An "
                    "image may therefore be called negative by one fold at a probability at which "
                    "another calls it positive. Logits above 0 are probabilities above 0.5.",
                ),
            ),
            Heading(f"All settings of this experiment ({len(settings)})"),
            Table(
                "settings", "Settings", [{"Key": key, "Value": value} for key, value in settings]
            ),
        ),
        origins=ORIGINS,
    )


def _environment(runs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Cell]]:
    """Return what all training jobs ran on; several values where the jobs differ."""
    folds = [fold for run in runs.values() for fold in run]
    keys = {
        "Device": "device",
        "Precision": "precision",
        "Numeric threads of a job": "numeric_threads",
        "Image size (px)": "image_size",
        "Git commit": "git_commit",
        "Data (SHA-256)": "data_hash",
    }
    found = {"Training jobs": str(len(folds))}
    found |= {title: values_of(folds, key) for title, key in keys.items()}
    found["Versions"] = versions_of(folds)
    return [{"What": title, "Value": value} for title, value in found.items()]


def _training(
    comparison: pd.DataFrame,
    runs: dict[str, list[dict[str, Any]]],
    selection: dict[str, Any],
) -> list[dict[str, Cell]]:
    """Return epochs, thresholds and early stopping of every complete run."""
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


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}{EN_DASH}{high}"
