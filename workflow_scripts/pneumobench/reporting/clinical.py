"""What the figures mean for children: missed pneumonias and false alarms."""

from typing import Any

import pandas as pd

from pneumobench.reporting.inputs import complete_runs, confusion_counts
from pneumobench.reporting.wording import EMPTY, EN_DASH, count, is_missing, with_interval
from pneumobench.statistics.proportions import wilson


def error_rates(comparison: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return missed pneumonias and false alarms per 100 radiographs, with their intervals.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    dataset
        `out_of_fold` or `test`.

    Returns
    -------
    pandas.DataFrame
        One row a complete run: `label`, `missed` and `false_alarms` with `_low` and `_high`, per
        100 radiographs with and without pneumonia, at the out-of-fold threshold. The intervals are
        those of sensitivity and specificity, turned round.
    """
    rows = complete_runs(comparison)
    table = rows[["label"]].copy()
    for name, metric in (("missed", "sensitivity"), ("false_alarms", "specificity")):
        column = f"{dataset}_{metric}"
        table[name] = 100 * (1 - rows[column])
        table[f"{name}_low"] = 100 * (1 - rows[f"{column}_high"])
        table[f"{name}_high"] = 100 * (1 - rows[f"{column}_low"])
    return table


def clinical_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]], dataset: str
) -> list[dict[str, str]]:
    """Return the clinical reading of every complete run as text, in order of rank.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    metrics
        From `inputs.read_metrics`.
    dataset
        `out_of_fold` or `test`.
    """
    cells = []
    rates = error_rates(comparison, dataset)
    for (_, row), (_, rate) in zip(
        complete_runs(comparison).iterrows(), rates.iterrows(), strict=True
    ):
        counts = confusion_counts(metrics[row["run"].folder], dataset)
        confidence = metrics[row["run"].folder]["interval"]["confidence"]
        with_pneumonia = counts["true_positive"] + counts["false_negative"]
        without = counts["true_negative"] + counts["false_positive"]
        cells.append(
            {
                "Run": row["label"],
                "Missed pneumonias": (
                    f"{count(counts['false_negative'])} of {count(with_pneumonia)}"
                ),
                "per 100 with pneumonia": _per_hundred(rate, "missed"),
                "Wilson, missed": _wilson(counts["false_negative"], with_pneumonia, confidence),
                "False alarms": f"{count(counts['false_positive'])} of {count(without)}",
                "per 100 without": _per_hundred(rate, "false_alarms"),
                "Wilson, alarms": _wilson(counts["false_positive"], without, confidence),
                "PPV": _predictive(row, f"{dataset}_ppv"),
                "NPV": _predictive(row, f"{dataset}_npv"),
            }
        )
    return cells


# Title, data set, aggregate, threshold and metric of what is said of patients.
_PATIENT_CELLS = (
    ("Out-of-fold AUC", "out_of_fold", "fold_mean", "none", "roc_auc"),
    ("Out-of-fold sensitivity", "out_of_fold", "pooled", "out_of_fold", "sensitivity"),
    ("Out-of-fold specificity", "out_of_fold", "pooled", "out_of_fold", "specificity"),
    ("Test AUC", "test", "mean_prediction", "none", "roc_auc"),
    ("Test sensitivity", "test", "mean_prediction", "out_of_fold", "sensitivity"),
    ("Test specificity", "test", "mean_prediction", "out_of_fold", "specificity"),
)


def patient_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]]
) -> list[dict[str, str]]:
    """Return what every complete run says of patients instead of images, as text."""
    cells = []
    for _, row in complete_runs(comparison).iterrows():
        found = {
            tuple(entry[key] for key in ("dataset", "aggregate", "threshold", "metric")): entry
            for entry in metrics[row["run"].folder]["patients"]
        }
        cells.append(
            {"Run": row["label"]}
            | {
                title: with_interval(found[key]["value"], found[key]["low"], found[key]["high"])
                for title, *parts in _PATIENT_CELLS
                for key in [tuple(parts)]
            }
        )
    return cells


def subtype_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]], dataset: str
) -> list[dict[str, str]]:
    """Return the sensitivity of every complete run by subtype, as text; none if none is known."""
    cells = []
    for _, row in complete_runs(comparison).iterrows():
        found = [
            entry
            for entry in metrics[row["run"].folder]["subgroups"]
            if entry["dataset"] == dataset and entry["threshold"] == "out_of_fold"
        ]
        if {entry["subtype"] for entry in found} <= {"unknown"}:
            return []
        cells.append(
            {"Run": row["label"]}
            | {
                f"{entry['subtype']} (n = {count(entry['n'])})": with_interval(
                    entry["sensitivity"], entry["low"], entry["high"]
                )
                for entry in found
            }
        )
    return cells


def _per_hundred(rate: pd.Series, name: str) -> str:
    return with_interval(rate[name], rate[f"{name}_low"], rate[f"{name}_high"], digits=1)


def _wilson(errors: int, n: int, confidence: float) -> str:
    low, high = (100 * float(bound) for bound in wilson(errors, n, confidence))
    return f"{low:.1f}{EN_DASH}{high:.1f}"


def _predictive(row: pd.Series, column: str) -> str:
    if is_missing(row[column]):
        return EMPTY
    return with_interval(row[column], row[f"{column}_low"], row[f"{column}_high"])
