"""Labels of the development images, in the order of the packed images."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import broken, read_table
from pneumobench.core.task import SUBTYPES


def development_labels(path: Path, splits: pd.DataFrame) -> np.ndarray:
    """Return bool [N], True for pneumonia; rows that are not development images are False.

    Parameters
    ----------
    path
        development_labels.csv.
    splits
        Columns image_id and role of splits.csv, its rows those of the packed images.

    Raises
    ------
    UserError
        If a development image has no label, or an image has two.
    """
    return (_labels(path, splits, "label") == "pneumonia").to_numpy()


def development_subtypes(path: Path, splits: pd.DataFrame) -> np.ndarray:
    """Return int64 [N], positions in `SUBTYPES`; rows that are not development images are 0.

    Parameters and errors are those of `development_labels`.
    """
    places = {name: place for place, name in enumerate(SUBTYPES)}
    return _labels(path, splits, "subtype", places).fillna(0).to_numpy(np.int64)


def _labels(
    path: Path, splits: pd.DataFrame, column: str, places: dict[str, int] | None = None
) -> pd.Series:
    """Return a column of labels in the order of the splits, its names replaced by `places`."""
    table = read_table(path, text=("image_id",)).set_index("image_id")
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise broken(path, f"{twice[0]} has two rows")
    labels = table[column].reindex(splits["image_id"])
    labels = labels.map(places) if places else labels
    unlabelled = splits["image_id"][labels.isna().to_numpy() & (splits["role"] == "cv").to_numpy()]
    if len(unlabelled):
        raise UserError(
            f"{len(unlabelled)} images of the folds have no {column}, such as {unlabelled.iloc[0]}",
            where=str(path),
            expected="one row for each image with role cv in splits.csv",
            remedy="remove splits.csv and the labels beside it and run snakemake again",
        )
    return labels
