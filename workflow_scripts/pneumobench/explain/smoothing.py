"""Gaussian windows and the filtering of images with them."""

import torch
import torch.nn.functional as functional
from torch import Tensor


def gaussian_window(radius: int, deviation: float) -> Tensor:
    """Return weights float64 [2 radius + 1] that sum to 1; radius and deviation in pixels."""
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-(places**2) / (2 * deviation**2))
    return weights / weights.sum()


def filtered(images: Tensor, window: Tensor) -> Tensor:
    """Filter images along both axes with one symmetric window, where it lies wholly inside.

    Parameters
    ----------
    images
        [B, 1, H, W], floating point.
    window
        [n], n odd and at most H and W.

    Returns
    -------
    Tensor
        [B, 1, H - n + 1, W - n + 1], as the images.
    """
    weights = window.to(images)
    down = functional.conv2d(images, weights.view(1, 1, -1, 1))
    return functional.conv2d(down, weights.view(1, 1, 1, -1))
