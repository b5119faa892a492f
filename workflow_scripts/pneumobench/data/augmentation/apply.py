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
    return vary(images.unsqueeze(1).float().div_(255.0), variations)


def vary(batch: torch.Tensor, variations: Variations) -> torch.Tensor:
    """Carry out variations on a batch.

    The order is: warp, gamma, levels, blur, noise, erasing. What comes in from outside is black.
    Nothing here waits for the device or depends on values, so that a CUDA graph can hold it (after
    one call that fills the bank of noise), and no image depends on its neighbours.

    Parameters
    ----------
    batch
        float32 [B, 1, S, S] in [0, 1]; overwritten.
    variations
        Those of the B images, on the batch's device.

    Returns
    -------
    torch.Tensor
        float32 [B, 1, S, S] in [0, 1]; may be the memory of `batch`.
    """
    for change, values in (
        (_mirror, variations.mirrored),
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


def _mirror(batch: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    # At the weights 0 and 1, lerp gives one image or the other exactly.
    return batch.lerp_(batch.flip(-1), mirrored[:, :, None, None])


def _warp(batch: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    # affine_grid's numbers as two planes: seven times as fast on a CPU, and never rounded to TF32
    # by a matrix product on a GPU.
    centres = _centres(batch) * 2.0 - 1.0
    along_x, along_y, offset = theta[:, :, :, None, None].unbind(2)
    grid = along_x * centres + (along_y * centres[:, None] + offset)  # (B, 2, S, S)
    return functional.grid_sample(batch, grid.permute(0, 2, 3, 1), align_corners=False)


def _centres(batch: torch.Tensor) -> torch.Tensor:
    """Return the pixels' centres along one side, float32 [S] between 0 and 1."""
    size = batch.shape[-1]
    return (torch.arange(size, device=batch.device) + 0.5) / size


def _gamma(batch: torch.Tensor, exponent: torch.Tensor) -> torch.Tensor:
    # A power by logarithm takes a quarter of the time of pow; black stays black.
    return batch.log_().mul_(exponent[:, :, None, None]).exp_()


def _levels(batch: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    gain, bias = levels[:, :, None, None, None].unbind(1)
    return batch.mul_(gain).add_(0.5 + bias - 0.5 * gain)


def _blur(batch: torch.Tensor, deviation: torch.Tensor, largest: float) -> torch.Tensor:
    count, _, size, _ = batch.shape
    if count == 1:
        # A convolution of one group takes another path, with other last bits.
        return _blur(batch.repeat(2, 1, 1, 1), deviation.repeat(2, 1), largest)[:1]
    radius = math.ceil(BLUR_REACH * largest * size)
    distance = torch.arange(-radius, radius + 1, device=batch.device)
    # Zero would divide by zero; at a thousandth of a pixel the neighbours' weights are zero, too.
    weights = torch.exp(-0.5 * (distance / (deviation * size).clamp_min(1e-3)) ** 2)
    # Too small to count, and a CPU is ten times slower with numbers near the end of its range.
    weights = functional.threshold(weights, 1e-9, 0.0)
    weights = weights / weights.sum(dim=1, keepdim=True)
    # Each image is a channel of one image, and each channel a group with a kernel of its own.
    channels = functional.pad(batch.transpose(0, 1), (radius,) * 4, mode="replicate")
    channels = functional.conv2d(channels, weights[:, None, None, :], groups=count)
    channels = functional.conv2d(channels, weights[:, None, :, None], groups=count)
    return channels.transpose(0, 1)


def _noise(batch: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    size = batch.shape[-1]
    deviation, row, column = noise.unbind(1)
    windows = _noise_bank(size, batch.device).unfold(0, size, 1).unfold(1, size, 1)
    # A place just below 1 may round to 1, behind the last window.
    window = windows[tuple((place * (size + 1)).long().clamp_max(size) for place in (row, column))]
    return batch.addcmul_(window.unsqueeze(1), deviation[:, None, None, None])


@functools.cache
def _noise_bank(size: int, device: torch.device) -> torch.Tensor:
    """Return standard normal numbers, float32 [2 * size, 2 * size], the same on every device."""
    numbers = np.random.default_rng(NOISE_SEED).standard_normal(
        (2 * size, 2 * size), dtype=np.float32
    )
    return torch.from_numpy(numbers).to(device)


def _erase(batch: torch.Tensor, erasing: torch.Tensor) -> torch.Tensor:
    centres = _centres(batch)
    top, left, bottom, right, grey = erasing[:, :, None, None, None].unbind(1)
    rows = ((centres[:, None] >= top) & (centres[:, None] < bottom)).float()
    columns = ((centres >= left) & (centres < right)).float()
    return batch.lerp_(grey, rows * columns)
