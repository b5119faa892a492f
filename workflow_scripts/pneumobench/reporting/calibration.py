"""What calibration.json says of a run's probabilities."""

from typing import Any


def measured(content: dict[str, Any], dataset: str, measure: str) -> dict[str, Any]:
    """Return a measure's record of calibration.json: before, after and their difference."""
    (found,) = [
        record
        for record in content["measures"]
        if (record["dataset"], record["measure"]) == (dataset, measure)
    ]
    return found
