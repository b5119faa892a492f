"""Augmentation of a batch on the training device: one warp and one change of grey values."""

import torch
import torch.nn.functional as functional


def augment(
    images: torch.Tensor,
    theta: torch.Tensor | None,
    gain: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """Turn packed images into the batch a model sees.

    Parameters
    ----------
    images
        uint8 [B, S, S].
    theta
        float32 [B, 2, 3], output-to-input maps; None leaves all pixels in place.
    gain, bias
        float32 [B]; x in [0, 1] becomes (x - 0.5) * gain + 0.5 + bias.

    Returns
    -------
    float32 [B, 1, S, S] in [0, 1]; black comes in from outside.
    """
    batch = images.unsqueeze(1).float().div_(255.0)  # (B, S, S) -> (B, 1, S, S)
    if theta is not None:
        grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
        batch = functional.grid_sample(batch, grid, align_corners=False)
    gain, bias = gain.view(-1, 1, 1, 1), bias.view(-1, 1, 1, 1)
    return batch.sub_(0.5).mul_(gain).add_(0.5 + bias).clamp_(0.0, 1.0)
