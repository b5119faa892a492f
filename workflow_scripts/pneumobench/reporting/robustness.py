"""Runs against corruptions: robustness.csv of every run."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_table
from pneumobench.reporting.inputs import files_by_run, paths_in_order

AS_IT_IS = "clean"


def read_robustness(
    comparison: pd.DataFrame, tables: Iterable[str | Path]
) -> list[tuple[pd.Series, pd.DataFrame]]:
    """Read robustness.csv of all runs.

    Returns
    -------
    list of tuple
        In order of rank each run's row of the comparison and its table.
    """
    return [
        (row, read_table(path, text=("model", "recipe", "corruption")))
        for row, (path,) in paths_in_order(comparison, files_by_run(tables, depth=1))
    ]


def strengths_of(table: pd.DataFrame) -> list[int]:
    """Return the strengths of robustness.csv in their order; that of images as they are is none."""
    return [int(strength) for strength in table["strength"].unique() if strength]


def at_strength(table: pd.DataFrame, strength: int) -> pd.DataFrame:
    """Return the rows of robustness.csv at one strength, the images as they are first, by title."""
    titles = {"none": AS_IT_IS} | {name: kind.title for name, kind in CORRUPTIONS.items()}
    rows = table[table["strength"].isin((0, strength))]
    return rows.assign(title=rows["corruption"].map(titles)).set_index("title")
