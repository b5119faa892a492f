"""scores.csv of runs, read again: scores with the labels that were joined to them."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.statistics.predictions import Labels

DATASETS = ("out_of_fold", "test")


def read_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the out-of-fold rows and the test set's mean predictions, sorted by image_id."""
    table = read_table(path, text=("dataset", "image_id", "patient", "label", "subtype"))
    mean = table["fold"].isna()
    return {
        name: table[(table["dataset"] == name) & (mean == is_mean)].sort_values("image_id")
        for name, is_mean in (("out_of_fold", False), ("test", True))
    }


def read_test_logits(path: Path) -> np.ndarray:
    """Return the test logits of each fold's model, [folds, images] float32, by image_id."""
    table = read_table(path, text=("dataset", "image_id"))
    of_models = table[(table["dataset"] == "test") & table["fold"].notna()]
    return of_models.pivot(index="fold", columns="image_id", values="logit").to_numpy(np.float32)


def labels_of(path: Path, table: pd.DataFrame) -> Labels:
    """Return the reference standard that one data set's rows of a scores.csv hold."""
    text = {name: table[name].to_numpy(dtype=str) for name in ("image_id", "subtype", "patient")}
    return Labels(path=path, positive=(table["label"] == "pneumonia").to_numpy(), **text)


def check_same_images(path: Path, table: pd.DataFrame, standard: Labels) -> None:
    """Check that a run has the images and labels of another, whose labels are the standard.

    Raises
    ------
    UserError
        If it has not.
    """
    found = labels_of(path, table)
    same = np.array_equal(found.image_id, standard.image_id) and np.array_equal(
        found.positive, standard.positive
    )
    if not same:
        raise different_scores(path, standard, "are of different images or labels")


def different_scores(path: Path, standard: Labels, problem: str) -> UserError:
    """Return the error of two runs that cannot be compared."""
    return UserError(
        f"the scores of two runs {problem}",
        where=f"{standard.path} and {path}",
        expected="the same images, labels and folds for all runs",
        remedy=f"remove the folder {path.parent} and run snakemake again: the run is trained anew",
    )
