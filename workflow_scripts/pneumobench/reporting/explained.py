"""What was explained: the files of the explanations as figures and report read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.explained import (
    IMAGES,
    SAMPLE,
    TEXT_COLUMNS,
    in_sample,
    read_maps,
    why_no_maps,
)
from pneumobench.core.files import read_table
from pneumobench.core.output_names import plain_names
from pneumobench.core.packed import PackedImages
from pneumobench.reporting.inputs import files_by_run, paths_in_order
from pneumobench.reporting.words import Words

SUBTYPES = ("normal", "bacterial", "viral")
# Maps with fewer cells a side say nothing about places inside a lung.
SMALLEST_SIDE = 7


def read_explained(explained: str | Path, maps: str | Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read explained.csv and the joint maps of maps.npz, float32 [rows, h, w].

    Raises
    ------
    UserError
        If the two files are not of the same images, or as `read_maps`.
    """
    table = read_table(explained, text=TEXT_COLUMNS)
    with read_maps(Path(maps)) as arrays:
        joint = arrays["joint"]
        named = arrays[IMAGES].tolist() if IMAGES in arrays.files else table["image_id"].tolist()
    if len(table) != len(joint) or table["image_id"].tolist() != named:
        raise UserError(
            f"{len(joint)} maps for {len(table)} explained images, or of others",
            where=f"{maps} and {explained}",
            expected="one map for each row",
            remedy="remove both files and run snakemake again",
        )
    return table, joint


@dataclass(frozen=True)
class ExplainedRun:
    """What was explained of a run.

    Attributes
    ----------
    label
        Its name for people.
    folder
        Its folder, `slug/recipe/seed`.
    table
        explained.csv with image_id as index, and `position`, the place of a row's map.
    joint
        float32 [rows, h, w].
    maps
        maps.npz, for the other maps.
    """

    label: str
    folder: str
    table: pd.DataFrame
    joint: np.ndarray
    maps: Path

    @property
    def coarse(self) -> bool:
        """Whether its maps have too few cells for any claim about places."""
        return is_coarse(self.joint.shape[1:])

    @property
    def sample(self) -> pd.DataFrame:
        """Return the rows of the sample, which is the same for all runs."""
        return in_sample(self.table)


def read_explained_runs(
    comparison: pd.DataFrame, explained: Iterable[str | Path], maps: Iterable[str | Path]
) -> list[ExplainedRun]:
    """Read explained.csv and maps.npz of all runs that have maps, in order of rank."""
    maps_by_run, runs = files_by_run(maps, depth=1), []
    for row, (path,) in paths_in_order(comparison, files_by_run(explained, depth=1)):
        (of_run,) = maps_by_run[row["run"].folder]
        if why_no_maps(of_run):
            continue
        table, joint = read_explained(path, of_run)
        table = table.assign(position=range(len(table)))
        table = table.set_index("image_id", drop=False).rename_axis(None)
        runs.append(ExplainedRun(row["label"], row["run"].folder, table, joint, of_run))
    return runs


def runs_without_maps(comparison: pd.DataFrame, maps: Iterable[str | Path]) -> dict[str, str]:
    """Return why runs have no maps, by their names for people, in order of rank."""
    rows = paths_in_order(comparison, files_by_run(maps, depth=1))
    reasons = {row["label"]: why_no_maps(path) for row, (path,) in rows}
    return {label: reason for label, reason in reasons.items() if reason}


def notes_without_maps(comparison: pd.DataFrame, maps: Iterable[str | Path]) -> list[str]:
    """Return lines on runs that have no maps, for the foot of a figure."""
    return [
        f"Maps not available: {label} ({reason})"
        for label, reason in runs_without_maps(comparison, maps).items()
    ]


def shared_sample(runs: list[ExplainedRun]) -> pd.DataFrame:
    """Return the radiographs of the sample that all runs explained, as rows of the first run.

    Raises
    ------
    UserError
        If there is none.
    """
    shared = set.intersection(*(set(run.sample.index) for run in runs))
    found = runs[0].table[runs[0].table.index.isin(shared)]
    if found.empty:
        raise UserError(
            "no radiograph of the sample was explained by all runs",
            where=", ".join(run.label for run in runs),
            expected=f"rows chosen as {SAMPLE!r} with the same image_id in every explained.csv",
            remedy="explain all runs with the same settings",
        )
    return found


def read_squares(images: str | Path, splits: str | Path, image_ids: pd.Index) -> list[np.ndarray]:
    """Return packed images by their names, uint8 [S, S] each."""
    names = read_table(splits, text=("image_id", "inner"))["image_id"]
    return list(PackedImages(images, names)[image_ids])


def outcomes(words: Words) -> dict[str, str]:
    """Return what outcomes are called, mistakes first: they are what people look for."""
    return {
        "false_negative": f"missed {words.positive}",
        "false_positive": "false alarm",
        "true_positive": f"{words.positive} detected",
        "true_negative": f"correctly called {words.negative}",
    }


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

    The name is {outcome}_{label}_{image stem}.png, plain and short (see `plain_names`); of images
    of one name, in different folders, all but the first have their number added.
    """
    chosen = np.array([bool(reasons(chosen)) for chosen in table["chosen"]], dtype=bool)
    rows = table.loc[chosen].copy()
    stems = rows["path"].map(lambda path: Path(path).stem)
    rows["panel"] = plain_names(rows["outcome"] + "_" + rows["label"] + "_" + stems, ".png")
    return rows


def is_coarse(shape: tuple[int, ...]) -> bool:
    """Tell whether a map has too few cells for any claim about places."""
    return min(shape) < SMALLEST_SIDE


def cells_note(shape: tuple[int, ...]) -> str:
    """Say how many cells a map has: `7 x 7 cells`."""
    return f"{shape[0]} x {shape[1]} cells"


def size_note(shape: tuple[int, int]) -> str:
    """Say how many cells a map has, and what cannot be read off one with few."""
    note = f"map of {cells_note(shape)}"
    return f"{note}: no claim about places" if is_coarse(shape) else note
