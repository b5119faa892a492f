"""What was explained: the files of the explanations as figures and report read them."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table

SAMPLE = "sample"
SUBTYPES = ("normal", "bacterial", "viral")
# Mistakes first: they are what people look for.
OUTCOMES = {
    "false_negative": "a missed pneumonia",
    "false_positive": "a false alarm",
    "true_positive": "a pneumonia found",
    "true_negative": "a normal film recognised",
}
# Maps with fewer cells a side say nothing about places inside a lung.
SMALLEST_SIDE = 7

_TEXT_COLUMNS = ("image_id", "path", "label", "subtype", "outcome", "chosen", "target")


def read_explained(explained: str | Path, maps: str | Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read explained.csv and the joint maps of maps.npz, float32 [rows, h, w].

    Raises
    ------
    UserError
        If the two files do not hold the same number of rows.
    """
    table = read_table(explained, text=_TEXT_COLUMNS)
    with np.load(maps) as arrays:
        joint = arrays["joint"]
    if len(table) != len(joint):
        raise UserError(
            f"{len(joint)} maps for {len(table)} explained images",
            where=f"{maps} and {explained}",
            expected="one map for each row",
            remedy="remove both files and run snakemake again",
        )
    return table, joint


def said_class(outcome: str) -> str:
    """Return the class that the network's decision named."""
    return "pneumonia" if outcome.endswith("positive") else "normal"


def reasons(chosen: str) -> list[str]:
    """Return why an image was chosen among those of its outcome: `["least certain"]`.

    Empty for an image that only the sample holds.
    """
    return [
        part.rpartition(":")[2].replace("_", " ") for part in chosen.split("+") if part != SAMPLE
    ]


def panel_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were chosen by outcome, with the file name of their `panel`.

    The name is {outcome}_{label}_{image stem}.png; films of the same name in different folders
    have the beginning of their image_id added.
    """
    rows = table[[bool(reasons(chosen)) for chosen in table["chosen"]]].copy()
    stems = [Path(path).stem for path in rows["path"]]
    names = rows["outcome"] + "_" + rows["label"] + "_" + pd.Series(stems, index=rows.index)
    twice = names.duplicated(keep=False)
    rows["panel"] = names.where(~twice, names + "_" + rows["image_id"].str[:12]) + ".png"
    return rows


def size_note(shape: tuple[int, int]) -> str:
    """Say how many cells a map has, and what cannot be read off one with few."""
    height, width = shape
    note = f"map of {height} x {width} cells"
    return f"{note}: no claim about places" if min(shape) < SMALLEST_SIDE else note
