"""Normalisation inside the network, so that images travel as grey values in [0, 1]."""

import torch
from torch import Tensor, nn

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of ImageNet's red, green and blue, as torchvision's weights expect."""

HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Grey values in [-1, 1], as Xception's weights expect."""


class Normalise(nn.Module):
    """Expand a grey image to three channels and standardise each with its own mean and deviation.

    Parameters
    ----------
    statistics
        Mean and standard deviation of the three channels, in units of the grey range.
    """

    def __init__(self, statistics: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
        super().__init__()
        mean, deviation = (torch.tensor(values).view(1, -1, 1, 1) for values in statistics)
        # Constants of the architecture, not weights: they stay out of the state dictionary.
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("deviation", deviation, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 1, S, S] in [0, 1] to [B, 3, S, S]; broadcasting repeats the grey."""
        return (images - self.mean) / self.deviation
