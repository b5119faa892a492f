"""Test predictions with batch normalisation that takes its statistics from the test images.

It needs all test images before it answers about any: such predictions stand apart, are chosen from
nothing and never ranked.
"""

import logging

import numpy as np
import pandas as pd
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.prediction.predict import BATCH_SIZE, logit_columns
from pneumobench.prediction.repredict import FinishedFold, PlainPredictions

logger = logging.getLogger(__name__)

# Of the order in which the images are seen: by name a batch would hold one class.
SEED = 0


def predict(fold: FinishedFold, plain: PlainPredictions) -> pd.DataFrame:
    """Return the plain predictions with other logits, `RENORMALISED` as tta.

    They are the same where the network has no batch normalisation. The fold's network is changed.
    """
    plain.check(fold.read(plain.rows))
    layers = take_statistics(fold.model, fold.images, plain.rows)
    logger.info("%d layers of batch normalisation", layers)
    table = plain.table.assign(tta=RENORMALISED)
    # Without such layers nothing has changed, not even by rounding.
    return table.assign(**logit_columns(fold.read(plain.rows))) if layers else table


@torch.inference_mode()
def take_statistics(model: torch.nn.Module, images: torch.Tensor, rows: np.ndarray) -> int:
    """Replace the statistics of batch normalisation by those of images (Li et al. 2016, AdaBN).

    Each layer gets the mean over batches, all of about one size, of the batches' means and
    variances; the layers before it normalise by the batch meanwhile (Nado et al. 2020).

    Parameters
    ----------
    model
        Changed in place, left in evaluation mode.
    images, rows
        As `predict_readings` takes them; the images where the model is.

    Returns
    -------
    int
        How many layers there are.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    if not layers:
        return 0
    model.eval()
    momentum = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    order = np.random.default_rng(SEED).permutation(rows)
    for part in np.array_split(order, -(-len(order) // BATCH_SIZE)):
        model(images[torch.from_numpy(part)].unsqueeze(1) / 255.0)
    for layer, own in zip(layers, momentum, strict=True):
        layer.momentum = own
    model.eval()
    return len(layers)
