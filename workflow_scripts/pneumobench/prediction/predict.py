"""Logits of packed images."""

import numpy as np
import torch

BATCH_SIZE = 64


def positive_logit(logits: torch.Tensor) -> torch.Tensor:
    """Return the logit of pneumonia [B] from one logit [B, 1], or from one a class [B, 2].

    The difference of two logits has the probability of their softmax.
    """
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


@torch.inference_mode()
def predict_logits(
    model: torch.nn.Module, images: torch.Tensor, rows: np.ndarray, device: torch.device
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

    Returns
    -------
    float32 [n]; logits of pneumonia.
    """
    model.eval()
    parts = [
        model(
            images[torch.from_numpy(rows[start : start + BATCH_SIZE])].to(device).unsqueeze(1)
            / 255.0
        )
        for start in range(0, len(rows), BATCH_SIZE)
    ]
    logits = positive_logit(torch.cat(parts)) if parts else torch.empty(0)
    return logits.float().cpu().numpy()
