"""A box around both lungs, found on each radiograph alone, without any label.

A drawn pattern (two dark lungs, bright mediastinum, heart, chest wall and abdomen) is laid over the
radiograph in a thousand places and sizes; the box is that of the patterns most like the image, by
weighted correlation (template matching by normalised cross-correlation). What is outside the body
is painted as bright as tissue first, or air beside the child would pass for lung.
"""

import threading
from functools import cache
from typing import NamedTuple

import numpy as np

from pneumobench.data.body import body_mask, without_bars
from pneumobench.data.images import resize_square
from pneumobench.data.preprocessing.boxes import Box, within

# The radiograph is matched on a grid of this side, each cell drawn with this many points a side.
_GRID, _POINTS = 32, 3
# Few grey levels, each as frequent: with whole numbers as small as these, sums are exact in
# float32, and the box is the same on every machine.
_LEVELS = 32
_TISSUE = 75  # the percentile of the body's greys that counts as the grey of tissue
# Usual boxes of lungs and their spread, as shares of the image: middle down and across, height,
# width. Places further than the square root of this from the usual, in spreads, are not tried.
_USUAL = np.array([0.5, 0.5, 0.7, 0.78])
_SPREAD = np.array([0.1, 0.06, 0.15, 0.13])
_FURTHEST = 6.0
# How much likeness a unit of that distance costs, and from which on the next best counts little.
_COST, _SHARPNESS = 0.015, 0.02
# Shares of the image added at top, bottom and sides: a lung cut off costs more than some abdomen.
_MARGINS = (0.05, 0.09, 0.03)
# Below this correlation nothing on the radiograph looks like a chest.
_LEAST_LIKENESS = 0.4


class LungEstimate(NamedTuple):
    """A box in shares of the radiograph, and how like a chest it looks, -1 to 1."""

    top: float
    bottom: float
    left: float
    right: float
    likeness: float


class _Patterns(NamedTuple):
    """Chests drawn in many places: what each cell should look like, and how much it counts."""

    boxes: np.ndarray  # float64 [n, 4]: top, bottom, left, right as shares
    shapes: np.ndarray  # float32 [n, cells], bright less dark points, whole numbers
    weights: np.ndarray  # float32 [n, cells], bright and dark points, whole numbers
    mean: np.ndarray  # float64 [n], weighted
    variation: np.ndarray  # float64 [n], weighted sum of squares about the mean
    cost: np.ndarray  # float64 [n], of likeness for being unusual


def lung_box(image: np.ndarray) -> Box:
    """Return a box around both lungs; on a radiograph unlike a chest the usual one, as a fallback.

    The usual box instead of the whole image: an image that is not masked at all would show that its
    lungs could not be found, and with it how ill they are.

    Parameters
    ----------
    image
        uint8 [S, S].
    """
    radiograph = without_bars(image)
    found = estimate_lungs(image[radiograph])
    if found.likeness >= _LEAST_LIKENESS:
        return within(radiograph, *_widened(found[:4]))
    return within(radiograph, *_widened(_corners(*_USUAL)))._replace(fallback=True)


def estimate_lungs(radiograph: np.ndarray) -> LungEstimate:
    """Return where both lungs are, without any margin.

    Parameters
    ----------
    radiograph
        uint8 [height, width], without black bars.
    """
    patterns = _patterns()
    greys = _even_greys(radiograph)
    seen = (patterns.shapes @ greys).astype(np.float64)
    sums = (patterns.weights @ np.stack([greys, greys**2], axis=1)).astype(np.float64)
    covariance = seen - patterns.mean * sums[:, 0]
    variation = sums[:, 1] - sums[:, 0] ** 2 / patterns.weights.sum(axis=1, dtype=np.float64)
    # A radiograph of one grey is like nothing.
    likeness = covariance / np.sqrt(np.maximum(variation * patterns.variation, 1.0))
    worth = likeness - patterns.cost
    # The mean of the best, not the best: it moves less with the grain of the radiograph.
    shares = np.exp((worth - worth.max()) / _SHARPNESS)
    shares /= shares.sum()
    return LungEstimate(*(shares @ patterns.boxes).tolist(), float(shares @ likeness))


def _even_greys(radiograph: np.ndarray) -> np.ndarray:
    """Return ranks of the radiograph's greys on the grid, float32 [cells], 0 to `_LEVELS` - 1."""
    small = resize_square(radiograph, _GRID, "squash").copy()
    body = body_mask(small)
    small[~body] = np.percentile(small[body], _TISSUE)
    rank = np.bincount(small.ravel(), minlength=256).cumsum()
    return ((rank * (_LEVELS - 1)) // small.size)[small].ravel().astype(np.float32)


def _patterns() -> _Patterns:
    """Return the patterns, drawn once though several threads may ask."""
    with _LOCK:
        return _drawn_patterns()


_LOCK = threading.Lock()


@cache
def _drawn_patterns() -> _Patterns:
    boxes, distance = _places()
    point = (np.arange(_GRID * _POINTS) + 0.5) / (_GRID * _POINTS)
    cells = (len(boxes), _GRID * _GRID)
    shapes, weights = np.empty(cells, np.float32), np.empty(cells, np.float32)
    for number, (top, bottom, left, right) in enumerate(boxes):
        chest = _chest((point - left) / (right - left), (point[:, None] - top) / (bottom - top))
        parts = chest.reshape(_GRID, _POINTS, _GRID, _POINTS)
        shapes[number] = parts.sum(axis=(1, 3)).ravel()
        weights[number] = np.abs(parts).sum(axis=(1, 3)).ravel()
    count = weights.sum(axis=1, dtype=np.float64)
    mean = shapes.sum(axis=1, dtype=np.float64) / count
    squares = np.divide(shapes**2, weights, out=np.zeros(cells), where=weights > 0).sum(axis=1)
    return _Patterns(boxes, shapes, weights, mean, squares - count * mean**2, _COST * distance)


def _places() -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes to try, float64 [n, 4], and how far from the usual each is, [n]."""
    cells = np.arange(-2, _GRID + 4, 2) / _GRID
    top, height, left, width = (values.ravel() for values in np.meshgrid(*[cells] * 4))
    boxes = np.stack([top, top + height, left, left + width], axis=1)
    usual = np.stack([top + height / 2, left + width / 2, height, width], axis=1)
    distance = (((usual - _USUAL) / _SPREAD) ** 2).sum(axis=1)
    inside = (boxes[:, 0] >= 0) & (boxes[:, 1] <= 1)
    tried = (distance <= _FURTHEST) & inside
    return boxes[tried], distance[tried]


def _chest(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Draw a chest, int [rows, columns]: -1 lung, 1 what is brighter, 0 what may be anything.

    `across` and `down` are 0 and 1 at the edges of the box around both lungs.
    """
    beside = np.abs(across - 0.5)
    narrowing = 0.5 * np.clip(1 - down, 0, 1) ** 2.2
    apex = np.clip(down / 0.15, 0, 1) ** 0.25
    wall = 0.5 * (1 - narrowing) * apex
    heart = np.where(
        across > 0.5,
        0.14 * np.exp(-(((down - 0.78) / 0.22) ** 2)),
        0.05 * np.exp(-(((down - 0.7) / 0.25) ** 2)),
    )
    middle = 0.1 + heart
    dome = 1 - 0.16 * np.clip(1 - ((beside - 0.02) / 0.48) ** 2, 0, 1)
    lung = (down >= 0) & (down <= dome) & (beside > middle) & (beside < wall)
    bright = (down >= -0.12) & (down <= 1.2) & (beside <= middle)
    bright |= (down > dome) & (down <= 1.2) & (beside < 0.5)
    bright |= (down >= 0.12) & (down <= 1.1) & (beside >= wall) & (beside < wall + 0.08)
    bright |= (down >= -0.12) & (down < 0) & (beside < 0.35)
    return np.where(lung, -1, bright.astype(int))


def _corners(down: float, across: float, height: float, width: float) -> tuple[float, ...]:
    return down - height / 2, down + height / 2, across - width / 2, across + width / 2


def _widened(box: tuple[float, ...]) -> tuple[float, ...]:
    above, below, beside = _MARGINS
    return box[0] - above, box[1] + below, box[2] - beside, box[3] + beside
