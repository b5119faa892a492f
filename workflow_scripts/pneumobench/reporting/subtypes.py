"""What subtypes.json says of every run."""

from typing import Any

import pandas as pd

from pneumobench.core.run import Run
from pneumobench.statistics.subtypes import BACTERIAL_AGAINST_VIRAL, runs_of

AREAS = {
    "macro_auc": "Macro AUC",
    "auc_normal": "Normal",
    "auc_bacterial": "Bacterial",
    "auc_viral": "Viral",
    BACTERIAL_AGAINST_VIRAL: "Bacterial against viral",
}


def in_rank(comparison: pd.DataFrame, content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the runs of subtypes.json with their labels, in order of the comparison's rank."""
    found = {
        Run(entry["model"], entry["recipe"], entry["seed"]): entry for entry in runs_of(content)
    }
    return [
        (row["label"], found[row["run"]]) for _, row in comparison.iterrows() if row["run"] in found
    ]
