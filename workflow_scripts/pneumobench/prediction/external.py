"""External radiographs, predicted by the networks of a finished fold; their labels are not read."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pneumobench.core.files import read_table, write_table
from pneumobench.core.packed import PackedImages
from pneumobench.prediction.finished import check_plain, open_fold
from pneumobench.prediction.predict import (
    BATCH_SIZE,
    logit_columns,
    predict_logits,
    predict_readings,
)

logger = logging.getLogger(__name__)


def predict_external(
    run_folder: Path,
    images: Path,
    splits: Path,
    external_images: Path,
    external_splits: Path,
    external: Path,
) -> None:
    """Predict all external radiographs with a finished fold's network, as it is.

    Parameters
    ----------
    run_folder
        The fold's folder: run.json, weights.safetensors and test.csv. Nothing in it is changed.
    images, splits
        Packed images that the fold was trained on, uint8 [N, S, S], and splits.csv, its rows those
        of the images: one batch of the test images is predicted again, to hold it against test.csv.
    external_images, external_splits
        The same of the external radiographs.
    external
        The file to write: columns as test.csv, a row for each external radiograph.

    Raises
    ------
    UserError
        If plain predictions cannot be repeated: weights, images and predictions then are not of one
        training.
    """
    fold = open_fold(run_folder, images, splits)
    path = run_folder / "test.csv"
    plain, rows = fold.read_plain(path)
    known = predict_logits(fold.model, fold.images, rows[:BATCH_SIZE], fold.device)
    check_plain(known, plain.iloc[:BATCH_SIZE], path)
    packed, names = _read_packed(external_images, external_splits)
    readings = predict_readings(fold.model, packed, np.arange(len(names)), fold.device)
    identity = plain.iloc[0][["model", "recipe", "seed", "fold", "tta"]]
    table = pd.DataFrame({"image_id": names} | logit_columns(readings)).assign(**identity)
    write_table(external, table[plain.columns])
    logger.info("%s: %d radiographs", external.name, len(table))


def _read_packed(images: Path, splits: Path) -> tuple[torch.Tensor, np.ndarray]:
    """Return the packed images, mapped and not on a device as there may be many, and their names."""
    names = read_table(splits, text=("image_id", "inner", "group"))["image_id"].to_numpy(dtype=str)
    return torch.from_numpy(PackedImages(images, names).all()), names
