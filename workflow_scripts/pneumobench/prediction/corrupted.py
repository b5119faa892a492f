"""What a fold's network says of its own out-of-fold images when they are corrupted.

An image is corrupted before all that the recipe does to it: where images are preprocessed, the
corrupted ones are preprocessed anew, as radiographs of such a kind would be.
"""

import logging
from functools import partial

import numpy as np
import pandas as pd
import torch

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.ownership import IDENTITY
from pneumobench.data.preprocess import preprocess
from pneumobench.prediction.corruptions import corrupt
from pneumobench.prediction.predict import BATCH_SIZE, logit_columns
from pneumobench.prediction.repredict import FinishedFold, PlainPredictions

logger = logging.getLogger(__name__)


def predict(
    fold: FinishedFold, plain: PlainPredictions, *, strengths: list[int], seed: int
) -> pd.DataFrame:
    """Return the logits under every corruption: a block for each, with its name and strength.

    Parameters
    ----------
    fold
        With images as they were packed, not preprocessed.
    strengths
        From 1 to 3, each in a block of its own with all corruptions.
    seed
        What is random in corruptions follows from it.
    """
    # Strength 0 changes nothing.
    plain.check(_read_corrupted(fold, plain.rows, next(iter(CORRUPTIONS)), 0, seed))
    identity = plain.table[[*IDENTITY, "image_id"]]
    blocks = [
        identity.assign(
            corruption=name,
            strength=strength,
            **logit_columns(_read_corrupted(fold, plain.rows, name, strength, seed)),
        )
        for strength in strengths
        for name in CORRUPTIONS
    ]
    return pd.concat(blocks, ignore_index=True)


def _read_corrupted(
    fold: FinishedFold, rows: np.ndarray, name: str, strength: int, seed: int
) -> np.ndarray:
    """Return what the network says of corrupted images, float32 [n] or [n, 3]."""
    method = fold.record["settings"]["preprocessing"]
    fallbacks = []

    def corrupted(batch: torch.Tensor, image_ids: list[str]) -> torch.Tensor:
        images, number = _preprocessed(corrupt(batch, name, strength, image_ids, seed), method)
        fallbacks.append(number)
        return images

    # What is random follows from the images' names, so each batch is a call of its own.
    parts = [rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE)]
    found = [
        fold.read(part, partial(corrupted, image_ids=fold.image_ids[part].tolist()))
        for part in parts
    ]
    if any(fallbacks):
        logger.warning(
            "%s, strength %d: %s has no plausible estimate for %d of %d images",
            name, strength, method, sum(fallbacks), len(rows),
        )  # fmt: skip
    return np.concatenate(found)


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
