"""What calibration.json says of a run's probabilities."""

from typing import Any

from pneumobench.core.estimates import record_with


def measured(content: dict[str, Any], dataset: str, measure: str) -> dict[str, Any]:
    """Return a measure's record of calibration.json: before, after and their difference."""
    where = "calibration.json: measures"
    return record_with(content["measures"], where, dataset=dataset, measure=measure)
