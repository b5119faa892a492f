"""Test predictions with batch normalisation that takes its statistics from the test images.

It needs all test images before it answers about any: such predictions stand apart, are chosen from
nothing and never ranked.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from pneumobench.core.files import write_table
from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.prediction.finished import check_plain, open_fold
from pneumobench.prediction.predict import BATCH_SIZE, logit_columns, predict_readings

logger = logging.getLogger(__name__)

# Of the order in which the images are seen: by name a batch would hold one class.
SEED = 0


def predict_renormalised(run_folder: Path, images: Path, splits: Path, renormalised: Path) -> None:
    """Predict the test images with a finished fold's network, its statistics taken from them.

    Parameters
    ----------
    run_folder
        The fold's folder: run.json, weights.safetensors and test.csv. Nothing in it is changed.
    images, splits
        Packed images, uint8 [N, S, S], and splits.csv, its rows those of the images.
    renormalised
        The file to write: the rows of test.csv with other logits, `RENORMALISED` as tta. They are
        the same where the network has no batch normalisation.

    Raises
    ------
    UserError
        If the plain predictions cannot be repeated: weights, images and predictions then are not
        of one training.
    """
    fold = open_fold(run_folder, images, splits)
    path = run_folder / "test.csv"
    plain, rows = fold.read_plain(path)
    logits = logit_columns(predict_readings(fold.model, fold.images, rows, fold.device))
    check_plain(logits["logit"], plain, path)
    layers = take_statistics(fold.model, fold.images, rows, fold.device)
    if layers:
        logits = logit_columns(predict_readings(fold.model, fold.images, rows, fold.device))
    table = plain.assign(tta=RENORMALISED)
    # Without such layers nothing has changed, not even by rounding.
    write_table(renormalised, table.assign(**logits) if layers else table)
    logger.info("%s: %d images, %d layers", renormalised.name, len(rows), layers)


@torch.inference_mode()
def take_statistics(
    model: torch.nn.Module, images: torch.Tensor, rows: np.ndarray, device: torch.device
) -> int:
    """Replace the statistics of batch normalisation by those of images (Li et al. 2016, AdaBN).

    Each layer gets the mean over batches, all of about one size, of the batches' means and
    variances; the layers before it normalise by the batch meanwhile (Nado et al. 2020).

    Parameters
    ----------
    model
        Changed in place, left in evaluation mode.
    images, rows, device
        As `predict_readings` takes them.

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
        model(images[torch.from_numpy(part)].to(device).unsqueeze(1) / 255.0)
    for layer, own in zip(layers, momentum, strict=True):
        layer.momentum = own
    model.eval()
    return len(layers)
