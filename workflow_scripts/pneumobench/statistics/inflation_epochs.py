"""epochs.csv of the trainings by bad practice: read, checked, in the order of the labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.core.inflation import ARMS, is_copy
from pneumobench.statistics.predictions import Labels

# Which labels the parts of a fold have.
_STANDARD = {"inner": "out_of_fold", "out_of_fold": "out_of_fold", "test": "test"}


@dataclass(frozen=True)
class FoldEpochs:
    """What one fold's network says after each epoch.

    Attributes
    ----------
    kept
        Position of the epoch that honest training keeps.
    images
        For each part (`inner`, `out_of_fold`, `test`) [images] int, their positions in the labels.
    logits
        For each part [epochs, images] float32.
    """

    kept: int
    images: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]


def read_epochs(
    paths: list[Path], standards: dict[str, Labels], folds: int
) -> dict[str, list[FoldEpochs]]:
    """Read epochs.csv of every fold of every arm; offline copies are left out.

    Parameters
    ----------
    paths
        The files.
    standards
        Labels of the data sets `out_of_fold` and `test`.
    folds
        Number of folds.

    Returns
    -------
    dict
        By arm the folds in their order.

    Raises
    ------
    UserError
        If a fold is missing, an image has no label or is listed twice, a logit is not a number, or
        the folds of an arm do not hold every development image once.
    """
    found: dict[tuple[str, int], FoldEpochs] = {}
    for path in paths:
        table = read_table(path, text=("arm", "model", "recipe", "part", "image_id"))
        arm, fold = table["arm"].iloc[0], int(table["fold"].iloc[0])
        found[arm, fold] = _read_fold(path, table[~table["image_id"].map(is_copy)], standards)
    missing = [f"{arm}/fold{n}" for arm in ARMS for n in range(folds) if (arm, n) not in found]
    if missing:
        raise _wrong(f"there are no epochs of {', '.join(missing)}", "inflation/", "all folds")
    arms = {arm: [found[arm, number] for number in range(folds)] for arm in ARMS}
    for arm, parts in arms.items():
        held_out = np.sort(np.concatenate([part.images["out_of_fold"] for part in parts]))
        if not np.array_equal(held_out, np.arange(len(standards["out_of_fold"].image_id))):
            raise _wrong(
                "images are out of fold in no fold, or in several", f"inflation/{arm}/",
                f"every image of {standards['out_of_fold'].path} once",
            )  # fmt: skip
    return arms


def _read_fold(path: Path, table: pd.DataFrame, standards: dict[str, Labels]) -> FoldEpochs:
    if not np.isfinite(pd.to_numeric(table["logit"], errors="coerce")).all():
        raise _wrong("logits are not finite", str(path), "a finite logit for every image")
    if table.duplicated(["epoch", "part", "image_id"]).any():
        raise _wrong("images are listed twice", str(path), "every image once an epoch")
    images, logits = {}, {}
    for part, standard in _STANDARD.items():
        wide = table[table["part"] == part].pivot(index="image_id", columns="epoch", values="logit")
        images[part] = pd.Index(standards[standard].image_id).get_indexer(wide.index)
        logits[part] = wide.to_numpy(np.float32).T
        if (images[part] < 0).any() or np.isnan(logits[part]).any():
            raise _wrong(
                f"{part} images have no label, or are not predicted after every epoch", str(path),
                f"the images of {standards[standard].path}",
            )  # fmt: skip
    epochs = table.groupby("epoch")["kept"].max()
    return FoldEpochs(int(np.argmax(epochs)), images, logits)


def _wrong(what: str, where: str, expected: str) -> UserError:
    return UserError(
        what, where=where, expected=expected,
        remedy="remove the file or folder and run snakemake again: rule train_inflated writes it",
    )  # fmt: skip
