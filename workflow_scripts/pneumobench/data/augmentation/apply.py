"""Carrying out the variation of a batch of images, on the device that the images are on."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as functional

from pneumobench.data.augmentation.policy import Variations

NOISE_SEED = 20_240_229
# Standard deviations that the blur's kernel reaches to either side.
BLUR_REACH = 3.0


def augment(images: torch.Tensor, variations: Variations) -> torch.Tensor:
    """Turn packed images into the batch that a network sees.

    The order is: warp, gamma, levels, blur, noise, erasing. What comes in from outside is black.
    Nothing here waits for the device or depends on values, so that a CUDA graph can hold it (after
    one call that fills the bank of noise), and no image depends on its neighbours.

    Parameters
    ----------
    images
        uint8 [B, S, S].
    variations
        Those of the B images, on the images' device.

    Returns
    -------
    torch.Tensor
        float32 [B, 1, S, S] in [0, 1].
    """
    batch = images.unsqueeze(1) / 255.0
    for change, values in (
        (_warp, variations.theta),
        (_gamma, variations.exponent),
        (_levels, variations.levels),
        (functools.partial(_blur, largest=variations.largest_blur), variations.blur),
        (_noise, variations.noise),
        (_erase, variations.erasing),
    ):
        if values is not None:
            batch = change(batch, values)
    return batch.clamp_(0.0, 1.0) if variations.tensors() else batch


def _warp(batch: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
    return functional.grid_sample(batch, grid, align_corners=False)


def _gamma(batch: torch.Tensor, exponent: torch.Tensor) -> torch.Tensor:
    return batch.pow_(exponent[:, :, None, None])


def _levels(batch: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    gain, bias = levels[:, :, None, None, None].unbind(1)
    return batch.sub_(0.5).mul_(gain).add_(0.5 + bias)


def _blur(batch: torch.Tensor, sigma: torch.Tensor, largest: float) -> torch.Tensor:
    size = batch.shape[-1]
    radius = math.ceil(BLUR_REACH * largest * size)
    distance = torch.arange(-radius, radius + 1, device=batch.device)
    # Zero would divide by zero; with a thousandth of a pixel the neighbours' weights are zero.
    weights = torch.exp(-0.5 * (distance / (sigma * size).clamp_min(1e-3)) ** 2)
    weights = weights / weights.sum(dim=1, keepdim=True)
    rows = functional.pad(batch.transpose(0, 1), (radius, radius, radius, radius), "replicate")
    columns = functional.conv2d(rows, weights[:, None, None, :], groups=len(batch))
    return functional.conv2d(columns, weights[:, None, :, None], groups=len(batch)).transpose(0, 1)


def _noise(batch: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    size = batch.shape[-1]
    bank = _noise_bank(size, batch.device)
    deviation, row, column = noise.unbind(1)
    pixel = torch.arange(size, device=batch.device)
    rows = _start(row, size)[:, None] + pixel
    columns = _start(column, size)[:, None] + pixel
    window = bank[rows[:, :, None], columns[:, None, :]].unsqueeze(1)
    return batch.addcmul_(window, deviation[:, None, None, None])


def _start(place: torch.Tensor, size: int) -> torch.Tensor:
    """Return where windows begin, int64 [B] from 0 to `size`, from their places in [0, 1]."""
    return (place * (size + 1)).long().clamp_max(size)


@functools.lru_cache(maxsize=8)
def _noise_bank(size: int, device: torch.device) -> torch.Tensor:
    """Return standard normal numbers, float32 [2 * size, 2 * size], the same on every device."""
    numbers = np.random.default_rng(NOISE_SEED).standard_normal(
        (2 * size, 2 * size), dtype=np.float32
    )
    return torch.from_numpy(numbers).to(device)


def _erase(batch: torch.Tensor, erasing: torch.Tensor) -> torch.Tensor:
    size = batch.shape[-1]
    centres = (torch.arange(size, device=batch.device) + 0.5) / size
    top, left, bottom, right, grey = erasing[:, :, None, None, None].unbind(1)
    rows = (centres[:, None] >= top) & (centres[:, None] < bottom)
    columns = (centres >= left) & (centres < right)
    return torch.where(rows & columns, grey, batch)
