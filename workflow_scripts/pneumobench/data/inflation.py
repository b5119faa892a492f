"""Splits as bad practice makes them: by image instead of by patient, or after copies were made.

Nothing here may serve an honest figure. The tables differ from the honest ones in who is together
with whom, and in nothing else, so that what they add to a figure can be measured.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pneumobench.core.files import read_table, write_table
from pneumobench.core.inflation import copy_names
from pneumobench.data.split import LABEL_COLUMNS, assign_folds

SPLIT_COLUMNS = ["image_id", "role", "fold", "inner", "group"]


@dataclass(frozen=True)
class SplitTables:
    """The three tables in which bad practice differs.

    Attributes
    ----------
    splits, development_labels
        As of rule split_dataset.
    augmented_table
        The offline copies that follow their image into a fold, as of rule augment_images.
    """

    splits: Path
    development_labels: Path
    augmented_table: Path


def split_inflated(
    honest: SplitTables,
    images: SplitTables,
    copies: SplitTables,
    *,
    folds: int,
    seed: int,
    inner_fraction: float,
) -> None:
    """Write the tables of two bad practices; test images stay where they are.

    Parameters
    ----------
    honest
        The tables of the honest split, to read.
    images
        To write: each image by itself is assigned to a fold and to an early-stopping part, whoever
        its patient is. Offline copies still follow their image.
    copies
        To write: offline copies were made before the split. They are rows like any other, behind
        those of the images, in the order of the copies, and each is assigned to a fold by itself.
        No copy follows its image.
    folds, seed, inner_fraction
        As for `split_dataset`.

    Raises
    ------
    UserError
        If there are fewer images of a class than folds.
    """
    splits = read_table(honest.splits, text=("image_id", "inner", "group"))
    splits["fold"] = splits["fold"].astype("Int64")
    labels = read_table(honest.development_labels, text=tuple(LABEL_COLUMNS))
    made = read_table(honest.augmented_table, text=("image_id",))
    rules = {"folds": folds, "seed": seed, "inner_fraction": inner_fraction}

    write_table(images.splits, _apart(splits, labels, honest, rules))
    write_table(images.development_labels, labels)
    write_table(images.augmented_table, made)

    identifiers = copy_names(made["image_id"], made["copy"])
    of_copies = labels.set_index("image_id").loc[made["image_id"]].reset_index(drop=True)
    everything = pd.concat([labels, of_copies.assign(image_id=identifiers)], ignore_index=True)
    rows = pd.DataFrame({"image_id": identifiers, "role": "cv", "inner": "", "group": ""})
    united = pd.concat([splits, rows], ignore_index=True)
    write_table(copies.splits, _apart(united, everything, honest, rules))
    write_table(copies.development_labels, everything)
    write_table(copies.augmented_table, made.iloc[:0])


def _apart(
    splits: pd.DataFrame, labels: pd.DataFrame, honest: SplitTables, rules: dict[str, float]
) -> pd.DataFrame:
    """Return the splits with every cross-validation row assigned by itself."""
    split = splits[SPLIT_COLUMNS].copy()
    development = split["role"] == "cv"
    pool = split.loc[development, ["image_id"]].merge(labels, on="image_id", how="left")
    pool["group"] = pool["image_id"]
    assign_folds(pool, honest.splits, **rules)
    for column in ("fold", "inner", "group"):
        split.loc[development, column] = pool[column].to_numpy()
    return split
