"""Labels of the development images, in the order of the packed images."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table


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
        If a development image has no label.
    """
    table = read_table(path, text=("image_id",)).set_index("image_id")
    labels = table["label"].reindex(splits["image_id"])
    unlabelled = splits["image_id"][labels.isna().to_numpy() & (splits["role"] == "cv").to_numpy()]
    if len(unlabelled):
        raise UserError(
            f"{len(unlabelled)} images of the folds have no label, such as {unlabelled.iloc[0]}",
            where=str(path),
            expected="one row for each image with role cv in splits.csv",
            remedy="remove splits.csv and the labels beside it and run snakemake again",
        )
    return (labels == "pneumonia").to_numpy()
