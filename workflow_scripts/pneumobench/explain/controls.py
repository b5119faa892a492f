"""Maps that know nothing of the network: what an explanation has to beat."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pneumobench.explain.maps import enlarge

CENTRE_DEVIATION = 0.25
"""Standard deviation of the centred blob as a share of the side."""


def random_maps(keys: Sequence[str], side: int, size: int, seed: int) -> Tensor:
    """Return smooth noise, as coarse as a class activation map, that follows from the image's id.

    Each map is drawn from (seed, image id) alone: neither the order nor the number of the images
    changes it.

    Parameters
    ----------
    keys
        Image ids.
    side
        Side of the grid of independent uniform numbers; that of the explained layer makes control
        and explanation equally smooth.
    size
        Side of the maps in pixels.
    seed
        Everything random follows from it.

    Returns
    -------
    Tensor
        float32 [n, size, size] in [0, 1), on the CPU.
    """
    drawn = np.empty((len(keys), side, side), np.float32)
    for key, grid in zip(keys, drawn, strict=True):
        _generator(seed, key).random(dtype=np.float32, out=grid)
    return enlarge(torch.from_numpy(drawn), size)


def centre_maps(count: int, size: int) -> Tensor:
    """Return one centred Gaussian blob `count` times: where anything on an image is likely to lie.

    Its standard deviation is `CENTRE_DEVIATION` of the side.

    Parameters
    ----------
    count
        Number of maps.
    size
        Side of the maps in pixels.

    Returns
    -------
    Tensor
        float32 [count, size, size] in (0, 1], on the CPU.
    """
    places = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / (CENTRE_DEVIATION * size)
    profile = torch.exp(-(places**2) / 2)
    return torch.outer(profile, profile).float().repeat(count, 1, 1)


def _generator(seed: int, key: str) -> np.random.Generator:
    name = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return np.random.default_rng((seed, name))
