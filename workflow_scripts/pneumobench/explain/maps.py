"""Maps on the grid of a layer, enlarged and joined."""

import torch.nn.functional as functional
from torch import Tensor


def enlarge(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Enlarge maps [B, h, w] bilinearly to [B, size, size], or to (height, width)."""
    return functional.interpolate(
        maps.unsqueeze(1), size=size, mode="bilinear", align_corners=False
    ).squeeze(1)


def join(maps: list[Tensor]) -> Tensor:
    """Sum the raw maps of several branches, [B, h, w] each, on the largest of their grids.

    They are summed before any scaling: a branch that moves the score little stays faint.
    """
    grid = max((one.shape[-2:] for one in maps), key=lambda shape: shape[0] * shape[1])
    return sum(one if one.shape[-2:] == grid else enlarge(one, tuple(grid)) for one in maps)
