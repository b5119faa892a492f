"""Test-time augmentation: plain predictions and those averaged over views, side by side."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.views import VIEW_SETS
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.table import Table
from pneumobench.reporting.wording import interval_note

# Column of comparison.csv, its title for people; the plain ones stand in any comparison.
COLUMNS = {
    "out_of_fold_roc_auc": "Out-of-fold AUC, plain",
    "tta_out_of_fold_roc_auc": "Out-of-fold AUC, averaged",
    "tta_out_of_fold_roc_auc_difference": "Difference, out-of-fold",
    "test_roc_auc": "Test AUC, plain",
    "tta_test_roc_auc": "Test AUC, averaged",
    "tta_test_roc_auc_difference": "Difference, test",
}


def view_columns(comparison: pd.DataFrame) -> list[str]:
    """Return the columns of averaged predictions that the comparison has, without their bounds."""
    return [name for name in COLUMNS if name.startswith("tta_") and name in comparison]


def view_table(comparison: pd.DataFrame, facts: dict[str, Any]) -> Table | None:
    """Return plain and averaged AUC of every complete run; None without averages."""
    if not view_columns(comparison):
        return None
    rows = [
        {"Run": row["label"]}
        | {title: Estimate.of_row(row, name) for name, title in COLUMNS.items()}
        for _, row in complete_runs(comparison).iterrows()
    ]
    notes = tuple(_notes(facts))
    return Table("views", "Test-time augmentation", rows, notes=notes, narrow=True)


def _notes(facts: dict[str, Any]) -> list[str]:
    views = facts["test_time_augmentation"]
    shown = VIEW_SETS[views]
    notes = [
        "Out-of-fold: mean of the folds; test: mean prediction of the fold models. "
        + interval_note(facts),
        f"Averaged: mean of the logits of {len(shown)} views of each image (test-time augmentation "
        f"{views}): {', '.join(shown)}. The weights are those of the plain predictions.",
        "Difference: AUC averaged minus plain, paired by patient. Its interval is not adjusted for "
        "the number of runs.",
        "Ranking, best run and everything else follow from the plain predictions. The averaged "
        "ones have thresholds of their own, found on out-of-fold predictions; their other metrics "
        "are in `comparison/comparison.csv`, in columns that begin with `tta_`.",
    ]
    if views == "seeds":
        notes.append(
            "Two of these views are anatomically wrong: no chest radiograph looks like them."
        )
    return notes
