"""Adaptive average pooling that every device repeats to the bit."""

import torch
from torch import Tensor, nn


class AdaptiveAveragePool(nn.Module):
    """`nn.AdaptiveAvgPool2d` to a square, with a deterministic gradient.

    torch has no deterministic gradient of adaptive pooling on CUDA. Pooling is linear in each
    direction, so two small matrix products do the same; where the map has the size already nothing
    is computed.

    Parameters
    ----------
    size
        Side of the pooled map.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, features: Tensor) -> Tensor:
        """Pool [B, C, H, W] to [B, C, size, size]."""
        height, width = features.shape[-2:]
        if (height, width) == (self.size, self.size):
            return features
        rows, columns = (self._shares(side, features) for side in (height, width))
        return rows @ features @ columns.T

    def _shares(self, side: int, like: Tensor) -> Tensor:
        """Return the matrix [size, side] whose row i averages the pixels of pooled cell i."""
        cells = torch.arange(self.size, device=like.device).unsqueeze(1)
        pixels = torch.arange(side, device=like.device)
        first = cells * side // self.size
        behind = ((cells + 1) * side + self.size - 1) // self.size
        inside = ((pixels >= first) & (pixels < behind)).to(like.dtype)
        return inside / (behind - first)
