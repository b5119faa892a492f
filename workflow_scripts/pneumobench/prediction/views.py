"""Test-time augmentation: logits averaged over several views of each image, without retraining."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pneumobench.core.files import write_table
from pneumobench.core.views import MIRRORED, PLAIN, VIEW_SETS
from pneumobench.data.augmentation.apply import vary
from pneumobench.data.augmentation.policy import Variations
from pneumobench.prediction.finished import check_plain, open_fold
from pneumobench.prediction.predict import View, as_it_is, logit_columns, predict_readings

logger = logging.getLogger(__name__)


def moved(
    batch: torch.Tensor, *, right: float = 0.0, down: float = 0.0, size: float = 1.0
) -> torch.Tensor:
    """Return images that are shifted or changed in size about their centre; outside is black.

    Parameters
    ----------
    batch
        float32 [B, 1, S, S].
    right, down
        Shift as a share of the side.
    size
        Enlargement; below 1 the image is reduced.
    """
    # From output to input, in coordinates from -1 to 1, where a share t of the side is 2 t.
    theta = batch.new_tensor([[1 / size, 0, -2 * right / size], [0, 1 / size, -2 * down / size]])
    return vary(batch.clone(), Variations(theta=theta.expand(len(batch), 2, 3)))


VIEWS: dict[str, View] = {
    PLAIN: as_it_is,
    MIRRORED: partial(torch.flip, dims=(3,)),
    "mirrored top to bottom": partial(torch.flip, dims=(2,)),
    "turned left by 90 degrees": partial(torch.rot90, dims=(2, 3)),
    "moved left by 2 %": partial(moved, right=-0.02),
    "moved right by 2 %": partial(moved, right=0.02),
    "moved up by 2 %": partial(moved, down=-0.02),
    "moved down by 2 %": partial(moved, down=0.02),
    "reduced to 95 %": partial(moved, size=0.95),
    "enlarged to 105 %": partial(moved, size=1.05),
}


def predict_views(
    run_folder: Path, images: Path, splits: Path, out_of_fold: Path, test: Path, *, views: str
) -> None:
    """Predict a finished fold's images again, each from several views, and average the logits.

    Parameters
    ----------
    run_folder
        The fold's folder: run.json, weights.safetensors, out_of_fold.csv and test.csv. Nothing in
        it is changed.
    images, splits
        Packed images, uint8 [N, S, S], and splits.csv, its rows those of the images.
    out_of_fold, test
        The files to write: the rows of the plain predictions, with `views` as tta.
    views
        A name of `VIEW_SETS`.

    Raises
    ------
    UserError
        If the plain predictions cannot be repeated: weights, images and predictions then are not
        of one training.
    """
    fold = open_fold(run_folder, images, splits)
    for path, averaged in (
        (run_folder / "out_of_fold.csv", out_of_fold),
        (run_folder / "test.csv", test),
    ):
        plain, rows = fold.read_plain(path)
        logits = view_logits(fold.model, fold.images, rows, fold.device, views)
        check_plain(logit_columns(logits[0])["logit"], plain, path)
        mean = logits.mean(axis=0, dtype=np.float64).astype(np.float32)
        write_table(averaged, plain.assign(tta=views, **logit_columns(mean)))
        logger.info("%s: %d images, %d views", averaged.name, len(rows), len(logits))


def view_logits(
    model: torch.nn.Module, images: torch.Tensor, rows: np.ndarray, device: torch.device, views: str
) -> np.ndarray:
    """Return the logits of images in each view of a set, the plain ones first.

    float32 [views, n], or [views, n, 3] of networks that tell subtypes apart.

    Parameters
    ----------
    model, images, rows, device
        As `predict_readings` takes them.
    views
        A name of `VIEW_SETS`.
    """
    return np.stack(
        [predict_readings(model, images, rows, device, VIEWS[name]) for name in VIEW_SETS[views]]
    )
