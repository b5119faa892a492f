"""Logits of packed images."""

from collections.abc import Callable

import numpy as np
import torch

from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES

BATCH_SIZE = 64

View = Callable[[torch.Tensor], torch.Tensor]
"""What a network is shown of an image: float32 [B, 1, S, S] in [0, 1] in and out."""


def as_it_is(batch: torch.Tensor) -> torch.Tensor:
    """Return the images themselves."""
    return batch


def positive_logit(logits: torch.Tensor) -> torch.Tensor:
    """Return the logit of pneumonia [B] from one logit [B, 1], or from one a class [B, 2 or 3].

    The difference of two logits has the probability of their softmax. Of the three of subtypes it
    is log(p_bacterial + p_viral) - log(p_normal), in the precision of the logits.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    if logits.shape[1] == len(SUBTYPES):
        return torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
    return logits[:, 1] - logits[:, 0]


def readings(logits: torch.Tensor) -> torch.Tensor:
    """Return what is kept of logits: [B, 3] of subtypes, else those of pneumonia, [B]."""
    return logits if logits.shape[1] == len(SUBTYPES) else positive_logit(logits)


def logit_columns(found: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of logits of a file of predictions, each float32 [n].

    Parameters
    ----------
    found
        float32 [n], logits of pneumonia; or [n, 3], those of subtypes, which get columns of their
        own beside the logit of pneumonia that follows from them.
    """
    if found.ndim == 1:
        return {"logit": found}
    pneumonia = positive_logit(torch.from_numpy(found)).numpy()
    return {"logit": pneumonia} | dict(zip(LOGIT_COLUMNS, found.T, strict=True))


def predict_logits(
    model: torch.nn.Module,
    images: torch.Tensor,
    rows: np.ndarray,
    device: torch.device,
    view: View = as_it_is,
) -> np.ndarray:
    """Return the logits of pneumonia alone, float32 [n]; parameters as for `predict_readings`."""
    return logit_columns(predict_readings(model, images, rows, device, view))["logit"]


@torch.inference_mode()
def predict_readings(
    model: torch.nn.Module,
    images: torch.Tensor,
    rows: np.ndarray,
    device: torch.device,
    view: View = as_it_is,
) -> np.ndarray:
    """Predict images without augmentation, in float32, whatever the training's precision.

    Parameters
    ----------
    model
        Takes float32 [B, 1, S, S] in [0, 1]; left in evaluation mode.
    images
        uint8 [N, S, S].
    rows
        int64 [n]; which images, in which order.
    device
        Where the model is.
    view
        What the model is shown of each image.

    Returns
    -------
    float32 [n], logits of pneumonia; [n, 3] of networks that tell subtypes apart.
    """
    model.eval()
    parts = [
        model(
            view(
                images[torch.from_numpy(rows[start : start + BATCH_SIZE])].to(device).unsqueeze(1)
                / 255.0
            )
        )
        for start in range(0, len(rows), BATCH_SIZE)
    ]
    logits = readings(torch.cat(parts)) if parts else torch.empty(0)
    return logits.float().cpu().numpy()
