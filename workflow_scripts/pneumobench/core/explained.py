"""What explained.csv and maps.npz are to those who write and those who read them.

A row of explained.csv is a map. A run whose network has no maps has both files all the same:
explained.csv without rows, and in maps.npz the reason.
"""

from pathlib import Path

import numpy as np
import pandas as pd

# Why an image was chosen: for this sample, or for its place among those of one outcome.
SAMPLE = "sample"
TEXT_COLUMNS = ("image_id", "path", "label", "subtype", "outcome", "chosen", "target")
COLUMNS = (
    "image_id", "fold", "logit", "label", "subtype", "path", "depth", "threshold", "outcome",
    "chosen", "probability", "target", "peak", "empty",
)  # fmt: skip
_REASON = "reason"


def arrays_without_maps(reason: str) -> dict[str, np.ndarray]:
    """Return the content of maps.npz of a run whose network has no maps."""
    return {_REASON: np.array(reason), "joint": np.zeros((0, 1, 1), np.float32)}


def why_no_maps(maps: str | Path) -> str:
    """Return why a run has no maps, by its maps.npz; empty where it has."""
    with np.load(maps) as arrays:
        return str(arrays[_REASON]) if _REASON in arrays.files else ""


def in_sample(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the sample of each subtype, which is the same for all runs."""
    sampled = [SAMPLE in chosen.split("+") for chosen in table["chosen"]]
    return table.loc[np.array(sampled, dtype=bool)]
