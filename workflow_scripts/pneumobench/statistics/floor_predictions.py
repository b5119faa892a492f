"""The floors' predictions: read, checked and brought into the order of the labels."""

from pathlib import Path

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.statistics.predictions import Labels

_COLUMNS = ("floor", "fold", "image_id", "logit")


def read_floor_out_of_fold(
    path: Path, labels: Labels, folds: int
) -> tuple[str, np.ndarray, np.ndarray]:
    """Read what a floor says of the development images.

    Parameters
    ----------
    path
        out_of_fold.csv of one floor.
    labels
        The development images.
    folds
        Number of folds.

    Returns
    -------
    tuple
        The floor's name; fold, [images] int, whose model had not seen the image; logit, [images]
        float32, of that model.

    Raises
    ------
    UserError
        If the file is damaged or of other images.
    """
    kind, logits = _read(path, labels, folds, models=1)
    fold = np.isfinite(logits).argmax(axis=0)
    return kind, fold, logits[fold, np.arange(len(fold))]


def read_floor_test(path: Path, labels: Labels, folds: int) -> tuple[str, np.ndarray]:
    """Read what a floor says of the test images: its name and [folds, images] float32 logits.

    Parameters and errors are those of `read_floor_out_of_fold`.
    """
    return _read(path, labels, folds, models=folds)


def _read(path: Path, labels: Labels, folds: int, models: int) -> tuple[str, np.ndarray]:
    """Return the floor's name and its logits, [folds, images]; NaN of models that say nothing."""
    table = read_table(path, text=("floor", "image_id"))
    if not set(_COLUMNS) <= set(table) or table["floor"].nunique() != 1:
        raise _damaged(path, "lacks columns or mixes floors", f"{', '.join(_COLUMNS)} of one floor")
    if table.duplicated(["fold", "image_id"]).any():
        raise _damaged(path, "holds an image twice", "each image once a fold")
    # Rows and columns come out in ascending order, which is that of the labels.
    grid = table.pivot(index="fold", columns="image_id", values="logit")
    if grid.index.tolist() != list(range(folds)):
        raise _damaged(path, "is of other folds", f"the folds 0 to {folds - 1}")
    if grid.columns.tolist() != labels.image_id.tolist():
        raise _damaged(path, "is of other images", f"the images of {labels.path}")
    logits = grid.to_numpy(np.float32)
    if (np.isfinite(logits).sum(axis=0) != models).any():
        raise _damaged(path, "lacks logits or has too many", f"{models} finite for each image")
    return table["floor"].iloc[0], logits


def _damaged(path: Path, problem: str, expected: str) -> UserError:
    return UserError(
        f"the file of a floor's scores {problem}",
        where=str(path),
        expected=expected,
        remedy=f"remove {path} and run snakemake again: rule score_floors writes it anew",
    )
