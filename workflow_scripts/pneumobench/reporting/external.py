"""What external.json says of every run and baseline."""

from typing import Any

from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.shift import Shifted

METRICS = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
TITLES = DATASET_TITLES | {"external": "External radiographs"}


def estimate_of(row: Shifted, metric: str) -> dict[str, Any]:
    """Return a metric of one run or baseline: out_of_fold, test, external and difference."""
    (found,) = [part for part in row.record["estimates"] if part["metric"] == metric]
    return found
