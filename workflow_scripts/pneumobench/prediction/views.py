"""Test-time augmentation: logits averaged over several views of each image, without retraining."""

from functools import partial

import numpy as np
import pandas as pd
import torch

from pneumobench.core.views import MIRRORED, PLAIN, VIEW_SETS
from pneumobench.data.augmentation.apply import vary
from pneumobench.data.augmentation.policy import Variations
from pneumobench.prediction.predict import View, as_it_is, logit_columns
from pneumobench.prediction.repredict import FinishedFold, PlainPredictions


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


def predict(fold: FinishedFold, plain: PlainPredictions, *, views: str) -> pd.DataFrame:
    """Return the plain predictions with the mean logits of several views of each image.

    Parameters
    ----------
    views
        A name of `VIEW_SETS`, and the column tta.
    """
    logits = read_views(fold, plain.rows, views)
    plain.check(logits[0])
    mean = logits.mean(axis=0, dtype=np.float64).astype(np.float32)
    return plain.table.assign(tta=views, **logit_columns(mean))


def read_views(fold: FinishedFold, rows: np.ndarray, views: str) -> np.ndarray:
    """Return the logits of images in each view of a set, the plain ones first.

    float32 [views, n], or [views, n, 3] of networks that tell subtypes apart.
    """
    return np.stack([fold.read(rows, VIEWS[name]) for name in VIEW_SETS[views]])
