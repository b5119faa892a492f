"""Whether acting on a run's probabilities does more good than harm, from calibration.json."""

from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.estimates import record_with
from pneumobench.reporting.wording import EN_DASH

NOWHERE = "nowhere"


def curve_of(content: dict[str, Any], dataset: str) -> pd.DataFrame:
    """Return a decision curve of calibration.json, a row for each probability to treat from."""
    where = "calibration.json: decision_curves"
    found = record_with(content["decision_curves"], where, dataset=dataset)
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    return pd.DataFrame(lists).astype(float)


def useful_range(curve: pd.DataFrame) -> str:
    """Say where a run adds to the better of treating all and none, by the interval's lower end.

    Where this is so in several parts, the longest is named.
    """
    useful = (curve["added_low"] > 0).to_numpy()
    # Where it begins and where it ends: the places at which neighbours differ.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], useful, [False]])))
    threshold = curve["threshold"].to_numpy()
    parts = edges.reshape(-1, 2)
    if len(parts) == 0:
        return NOWHERE
    first, last = parts[np.argmax(parts[:, 1] - parts[:, 0])]
    longest = f"{threshold[first]:.2f}{EN_DASH}{threshold[last - 1]:.2f}"
    return f"{longest} (of {len(parts)} parts)" if len(parts) > 1 else longest
