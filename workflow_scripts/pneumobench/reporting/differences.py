"""Every pair of runs, as differences.csv has them."""

from pathlib import Path

import pandas as pd

from pneumobench.core.files import read_table
from pneumobench.core.run import Run

_SIDES = ("first", "second")


def read_differences(path: str | Path) -> pd.DataFrame:
    """Read differences.csv, with the runs of each pair as `first` and `second`."""
    text = tuple(f"{side}_{key}" for side in _SIDES for key in ("model", "recipe"))
    table = read_table(path, text=(*text, "dataset", "noise_floor"))
    for side in _SIDES:
        keys = (table[f"{side}_{key}"] for key in ("model", "recipe", "seed"))
        table[side] = [
            Run(model, recipe, int(seed)) for model, recipe, seed in zip(*keys, strict=True)
        ]
    return table
