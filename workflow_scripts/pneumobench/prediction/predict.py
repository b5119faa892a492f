"""Logits of packed images."""

from collections.abc import Callable

import numpy as np
import torch

BATCH_SIZE = 64

View = Callable[[torch.Tensor], torch.Tensor]
"""What a network is shown of an image: float32 [B, 1, S, S] in [0, 1] in and out."""


def as_it_is(batch: torch.Tensor) -> torch.Tensor:
    """Return the images themselves."""
    return batch


def positive_logit(logits: torch.Tensor) -> torch.Tensor:
    """Return the logit of pneumonia [B] from one logit [B, 1], or from one a class [B, 2].

    The difference of two logits has the probability of their softmax.
    """
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


@torch.inference_mode()
def predict_logits(
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
    float32 [n]; logits of pneumonia.
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
    logits = positive_logit(torch.cat(parts)) if parts else torch.empty(0)
    return logits.float().cpu().numpy()
