"""Repeated cross-validation: the development patients are divided into folds anew."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.data.split import LABEL_COLUMNS, assign_folds, derived_seed

# Sets the random numbers of repeat 1, 2, ... apart from those of folds and of the hold-out.
_REPEAT = 2_000_000


def split_repeat(
    splits: Path,
    development_labels: Path,
    written: Path,
    *,
    repeat: int,
    folds: int,
    seed: int,
    inner_fraction: float,
) -> None:
    """Divide the development set into folds once more, in the same way with other random numbers.

    Parameters
    ----------
    splits, development_labels
        splits.csv of the first division, which is repeat 0, and the labels of its images.
    written
        The CSV file to write: as splits.csv, its rows those of the same images, groups and test set
        the same. The folds are numbered on: repeat r has the folds r * folds to
        r * folds + folds - 1.
    repeat
        1, 2, ...
    folds, seed, inner_fraction
        As for `split_dataset`.

    Raises
    ------
    UserError
        If there are so few patients that it is a division that an earlier repeat has, or as
        `assign_folds`.
    """
    table = read_table(splits, text=("image_id", "inner", "group"))
    table["fold"] = table["fold"].astype("Int64")
    labels = read_table(development_labels, text=tuple(LABEL_COLUMNS))
    development = (table["role"] == "cv").to_numpy()
    pool = table.loc[development, ["image_id", "group"]].merge(
        labels.drop(columns="group", errors="ignore"), on="image_id", how="left"
    )
    rules = {"folds": folds, "inner_fraction": inner_fraction}
    there = [_division(table.loc[development, "fold"])]
    for number in range(1, repeat + 1):
        assign_folds(pool, splits, seed=derived_seed(seed, _REPEAT + number), **rules)
        found = _division(pool["fold"])
        if found in there:
            raise _nothing_new(number, there.index(found), splits, len(set(pool["group"])))
        there.append(found)
    shift = repeat * folds
    table.loc[development, "fold"] = pool["fold"].to_numpy() + shift
    table.loc[development, "inner"] = [
        " ".join(str(int(fold) + shift) for fold in entry.split()) for entry in pool["inner"]
    ]
    write_table(written, table)


def _division(fold: pd.Series) -> bytes:
    """Return which images are together, whatever the numbers of their folds."""
    return np.asarray(pd.factorize(fold)[0]).tobytes()


def _nothing_new(repeat: int, earlier: int, splits: Path, groups: int) -> UserError:
    same = "the first division" if earlier == 0 else f"repeat {earlier}"
    return UserError(
        f"repeat {repeat} divides the {groups} patients of the development set as {same} does",
        where=f"{splits} (split.repeats)",
        expected="so many patients that they can be divided anew each time",
        remedy="lower split.repeats, or add images of more patients",
    )
