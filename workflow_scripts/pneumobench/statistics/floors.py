"""What a model must beat: floors that need no network."""

from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.estimates import summarise


def majority_floor(
    positive: np.ndarray, majority: bool, resamples: Resamples, confidence: float
) -> dict[str, Any]:
    """Return the accuracy of calling every image what most development images are.

    Parameters
    ----------
    positive
        [images] bool of the data set that is judged.
    majority
        Whether most development images are positive. The test set has no say in it.
    resamples
        Replicates of this data set.
    confidence
        Level of the interval.

    Returns
    -------
    dict
        `majority_accuracy`, `low`, `high`, and `class`, the class that is called.
    """
    right = np.stack([positive == majority, np.ones_like(positive)], axis=1)
    hits = resamples.sums(right, np.arange(len(positive)))
    summary = summarise(hits[:, 0] / hits[:, 1], confidence)
    return {
        "class": "pneumonia" if majority else "normal",
        "majority_accuracy": summary["value"],
        "low": summary["low"],
        "high": summary["high"],
    }
