"""What a fold's network says of its own out-of-fold images when they are made worse."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import write_table
from pneumobench.data.preprocess import preprocess
from pneumobench.prediction.corruptions import corrupt
from pneumobench.prediction.finished import FinishedFold, check_plain, open_fold
from pneumobench.prediction.predict import BATCH_SIZE, logit_columns, predict_readings

logger = logging.getLogger(__name__)


def predict_corrupted(
    run_folder: Path,
    images: Path,
    splits: Path,
    corrupted: Path,
    *,
    strengths: list[int],
    seed: int,
) -> None:
    """Predict a finished fold's out-of-fold images under every corruption.

    A image is made worse before all that the recipe does to it: where images are preprocessed, the
    corrupted ones are preprocessed anew, as radiographs of such a kind would be.

    Parameters
    ----------
    run_folder
        The fold's folder: run.json, weights.safetensors and out_of_fold.csv. Nothing in it is
        changed, and test images are not looked at.
    images, splits
        Packed images as they came, not preprocessed, uint8 [N, S, S], and splits.csv, its rows
        those of the images.
    corrupted
        The CSV file to write: model, recipe, seed, fold, image_id, corruption, strength, logit, and
        the logits of subtypes where there are any.
    strengths
        From 1 to 3, each in a block of its own with all corruptions.
    seed
        What is random in corruptions follows from it.

    Raises
    ------
    UserError
        If the plain predictions cannot be repeated: weights, images and predictions then are not
        of one training.
    """
    fold = open_fold(run_folder, images, splits)
    path = run_folder / "out_of_fold.csv"
    plain, rows = fold.read_plain(path)
    # Strength 0 changes nothing.
    again = _corrupted_logits(fold, rows, next(iter(CORRUPTIONS)), 0, seed)
    check_plain(again["logit"], plain, path)
    identity = plain[["model", "recipe", "seed", "fold", "image_id"]]
    blocks = [
        identity.assign(
            corruption=name,
            strength=strength,
            **_corrupted_logits(fold, rows, name, strength, seed),
        )
        for strength in strengths
        for name in CORRUPTIONS
    ]
    write_table(corrupted, pd.concat(blocks, ignore_index=True))
    logger.info("%s: %d images, %d kinds", corrupted.name, len(rows), len(blocks))


def _corrupted_logits(
    fold: FinishedFold, rows: np.ndarray, name: str, strength: int, seed: int
) -> dict[str, np.ndarray]:
    """Return the columns of logits of corrupted images, float32 [n]."""
    method = fold.record["settings"]["preprocessing"]
    fallbacks = []

    def worse(batch: torch.Tensor, image_ids: list[str]) -> torch.Tensor:
        radiographs, number = _preprocessed(corrupt(batch, name, strength, image_ids, seed), method)
        fallbacks.append(number)
        return radiographs

    # What is random follows from the images' names, so each batch is a call of its own.
    parts = [rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE)]
    logits = np.concatenate(
        [
            predict_readings(
                fold.model, fold.images, part, fold.device,
                partial(worse, image_ids=fold.image_ids[part].tolist()),
            )
            for part in parts
        ]
    )  # fmt: skip
    if any(fallbacks):
        logger.warning(
            "%s, strength %d: %s has no plausible estimate for %d of %d images",
            name, strength, method, sum(fallbacks), len(rows),
        )  # fmt: skip
    return logit_columns(logits)


def _preprocessed(batch: torch.Tensor, method: str) -> tuple[torch.Tensor, int]:
    """Return images as the recipe preprocesses them, and for how many there was no estimate.

    float32 [B, 1, S, S] in [0, 1], as the batch.
    """
    if method == "none":
        return batch, 0
    # The methods count grey values, of which packed images have 256.
    squares = (batch[:, 0] * 255.0).round().to(torch.uint8).cpu().numpy()
    found = [preprocess(square, method) for square in squares]
    images = torch.from_numpy(np.stack([one.image for one in found]))
    return images.to(batch.device).unsqueeze(1) / 255.0, sum(one.fallback for one in found)
