"""How much a prediction hangs on what a map marks: insertion, deletion and ROAD."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu
from torch import Tensor

from pneumobench.explain.smoothing import filtered, gaussian_window

Predict = Callable[[Tensor], Tensor]
"""Probability of the explained class, float32 [B] in [0, 1], of images float32 [B, 1, S, S]."""

STEPS = 50
PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90)

# Streams keep the draws of different purposes apart.
TIES, NOISE = range(2)

BLUR_DEVIATION = 0.1
"""Standard deviation of the blur from which insertion starts, as a share of the side."""

NOISE_DEVIATION = 0.01
"""Standard deviation of ROAD's noise in grey values of [0, 1], as in the authors' code."""

# ROAD, section 4.2: a pixel is the mean of its eight neighbours, the direct ones twice as heavy.
NEIGHBOURS = {
    (down, right): 1 / 6 if down == 0 or right == 0 else 1 / 12
    for down in (-1, 0, 1)
    for right in (-1, 0, 1)
    if (down, right) != (0, 0)
}


@torch.no_grad()
def insertion_deletion(
    predict: Predict, images: Tensor, maps: Tensor, *, steps: int = STEPS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas under the insertion and the deletion curve (Petsiuk et al., 2018, RISE).

    The curves give the probability of the explained class over the share of pixels that have been
    inserted or deleted, the most important first (https://arxiv.org/abs/1806.07421). A good map has
    a large insertion and a small deletion area.

    Deletion puts the image's own mean grey in place of its pixels: black reads as air on an image,
    and a blurred radiograph still shows a consolidation, which is coarse. Insertion starts from the
    blurred image (Gaussian, standard deviation `BLUR_DEVIATION` of the side, mirrored at the
    borders), as in the paper: on an even ground the first patch would have edges that are not the
    radiograph's.

    Parameters
    ----------
    predict
        Called `steps + 1` times for each curve.
    images
        Grey images float32 [B, 1, S, S] in [0, 1].
    maps
        Importance of each pixel, float32 [B, S, S]; see `importance_ranks` for equal values.
    steps
        Number of equal portions in which the pixels change, 1 or more.
    seed
        Decides the order of equally important pixels.

    Returns
    -------
    tuple
        Insertion and deletion, float64 [B] in [0, 1]: trapezoids over the share of pixels from 0
        to 1, both ends included.
    """
    ranks = importance_ranks(maps, seed).unsqueeze(1)
    blurred, mean = _blurred(images), images.mean((2, 3), keepdim=True)
    pixels = ranks[0].numel()
    counts = np.arange(steps + 1) * pixels // steps
    curves = np.empty((2, steps + 1, len(images)))
    for step, count in enumerate(counts.tolist()):
        changed = ranks < count
        curves[0, step] = _probabilities(predict, torch.where(changed, images, blurred))
        curves[1, step] = _probabilities(predict, torch.where(changed, mean, images))
    insertion, deletion = np.trapezoid(curves, counts / pixels, axis=1)
    return insertion, deletion


@torch.no_grad()
def road(
    predict: Predict,
    images: Tensor,
    maps: Tensor,
    *,
    percentiles: Sequence[int] = PERCENTILES,
    seed: int = 0,
    noise: float = NOISE_DEVIATION,
) -> np.ndarray:
    """Return the combined score of ROAD, remove and debias (Rong et al., 2022).

    At each percentile p the p % least important pixels are kept and the others imputed (most
    relevant first), then the p % most important kept and the others imputed (least relevant first;
    https://arxiv.org/abs/2202.00449). The score is half the mean difference of the probabilities,
    least minus most relevant first, as `ROADCombined` of the grad-cam package. Above 0 the marked
    pixels matter more than the others; a map that knows nothing has about 0.

    Imputed pixels solve a linear system (`impute`) and get Gaussian noise, so that smoothness does
    not tell what was removed. The noise of a percentile and direction follows from the seed and is
    the same for all images, which makes a score independent of the others in the batch. As in the
    authors' code nothing is clipped to [0, 1].

    Parameters
    ----------
    predict
        Called twice for each percentile.
    images
        Grey images float32 [B, 1, S, S] in [0, 1].
    maps
        Importance of each pixel, float32 [B, S, S]; see `importance_ranks` for equal values. The
        package removes equal values together, at worst all pixels; here the number is exact.
    percentiles
        Shares of pixels that are kept, in per cent, above 0 and below 100.
    seed
        Decides the noise, and the order of equally important pixels.
    noise
        Standard deviation of the noise in grey values; 0 for none.

    Returns
    -------
    float64 [B] in [-0.5, 0.5].

    Raises
    ------
    ValueError
        If a percentile keeps nothing or everything.
    """
    if not all(0 < percentile < 100 for percentile in percentiles):
        raise ValueError(f"percentiles must lie between 0 and 100, not {list(percentiles)}")
    ranks = importance_ranks(maps, seed).cpu().numpy()
    pixels = ranks[0].size
    generator = np.random.default_rng((seed, NOISE))
    total = np.zeros(len(images))
    for percentile in percentiles:
        # As many pixels as lie below the interpolated percentile of distinct values.
        kept = math.ceil((pixels - 1) * percentile / 100)
        for sign, removed in ((-1, ranks < pixels - kept), (1, ranks >= kept)):
            grain = noise * generator.standard_normal(ranks.shape[1:])
            total += sign * _probabilities(predict, _imputed(images, removed, grain))
    return total / (2 * len(percentiles))


def importance_ranks(maps: Tensor, seed: int) -> Tensor:
    """Return each pixel's place by importance, int64 [B, S, S]; 0 is the most important.

    Equal values, of which a map may have large areas, come in a random order of the positions that
    follows from the seed and the size of the map alone: no corner and no side comes first, the
    pixels of an area are spread evenly, and an image has the same order in every batch. An empty
    map thus ranks its pixels at random.

    Parameters
    ----------
    maps
        [B, S, S].
    seed
        Decides the order of equal values.
    """
    flat = maps.flatten(1)
    shuffled = np.random.default_rng((seed, TIES)).permutation(flat.shape[1])
    positions = torch.from_numpy(shuffled).to(maps.device)
    by_value = flat[:, positions].argsort(dim=1, descending=True, stable=True)
    places = torch.arange(flat.shape[1], device=maps.device).expand_as(by_value)
    return torch.empty_like(by_value).scatter_(1, positions[by_value], places).view(maps.shape)


def impute(image: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """Fill the removed pixels of an image so that each is the weighted mean of its neighbours.

    Neighbours outside the image are left out of the mean (Rong et al., 2022, section 4.2). The
    system is symmetric and positive definite; it is solved directly.

    Parameters
    ----------
    image
        Floating point [H, W].
    removed
        bool [H, W]; at least one pixel removed and one kept.

    Returns
    -------
    ndarray
        float64 [H, W]; kept pixels as they were.
    """
    rows, columns = np.nonzero(removed)
    unknowns = np.full(removed.shape, -1)
    unknowns[removed] = np.arange(len(rows))
    known_sum, weight_sum = np.zeros((2, len(rows)))
    entries = []
    for (down, right), weight in NEIGHBOURS.items():
        row, column = rows + down, columns + right
        inside = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
        equation, row, column = np.flatnonzero(inside), row[inside], column[inside]
        weight_sum[equation] += weight
        unknown = unknowns[row, column]
        known = unknown < 0
        known_sum[equation[known]] += weight * image[row[known], column[known]]
        entries.append((equation[~known], unknown[~known], -weight))
    system = _assembled(entries, weight_sum)
    filled = image.astype(np.float64)
    # The ordering for symmetric systems, without pivoting: twice as fast as the default.
    solver = splu(
        system,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    filled[removed] = solver.solve(known_sum)
    return filled


def _assembled(
    entries: list[tuple[np.ndarray, np.ndarray, float]], diagonal: np.ndarray
) -> csc_array:
    places = np.arange(len(diagonal))
    rows = np.concatenate([places, *(equation for equation, _, _ in entries)])
    columns = np.concatenate([places, *(unknown for _, unknown, _ in entries)])
    values = [np.full(len(equation), weight) for equation, _, weight in entries]
    shape = (len(diagonal), len(diagonal))
    return csc_array((np.concatenate([diagonal, *values]), (rows, columns)), shape=shape)


def _imputed(images: Tensor, removed: np.ndarray, grain: np.ndarray) -> Tensor:
    """Return images [B, 1, S, S] with the removed pixels, bool [B, S, S], imputed and noisy."""
    pairs = zip(images[:, 0].cpu().numpy(), removed, strict=True)
    filled = [impute(image, gone) + grain * gone for image, gone in pairs]
    return torch.from_numpy(np.stack(filled)).unsqueeze(1).to(images)


def _blurred(images: Tensor) -> Tensor:
    deviation = BLUR_DEVIATION * images.shape[-1]
    radius = math.floor(3 * deviation)
    padded = functional.pad(images, [radius] * 4, mode="reflect")
    return filtered(padded, gaussian_window(radius, deviation))


def _probabilities(predict: Predict, images: Tensor) -> np.ndarray:
    return predict(images).cpu().double().numpy()
