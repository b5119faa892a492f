"""What external.json says of every run and baseline."""

from typing import Any

from pneumobench.core.estimates import record_with
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.shift import Shifted

TITLES = DATASET_TITLES | {"external": "External radiographs"}


def estimate_of(row: Shifted, metric: str) -> dict[str, Any]:
    """Return a metric of one run or baseline: out_of_fold, test, external and difference."""
    return record_with(row.record["estimates"], "external.json: estimates", metric=metric)
