"""Where on a radiograph the body is, lungs included, and where the radiograph is on its square."""

import numpy as np
from scipy import ndimage

_SMOOTHING = 0.01
_GREY_LEVELS = 256
_CLASSES = (3, 4, 5)
_SMALLEST_PART = 0.05


def body_mask(image: np.ndarray) -> np.ndarray:
    """Tell the body, lungs included, from the air and the collimation around it.

    The smoothed image's grey levels are split into three classes by Otsu's criterion (Otsu 1979,
    IEEE Trans Syst Man Cybern 9:62): air, lungs and soft tissue, bone. With two classes the cut
    falls between lungs and mediastinum. What is of the darkest class and connected with the edge is
    outside. Where that reaches the middle of the image it would be lung, and more classes are
    tried; an image without a dark surround is all body. Small bright islands (markers, labels) are
    outside.

    On thin, dark images the shoulders may count as outside, on images cut off inside the lungs some
    of the lung; a bright collimator edge of more than a few per cent of the image counts as body.

    Parameters
    ----------
    image
        uint8 [S, S].

    Returns
    -------
    numpy.ndarray
        bool [S, S].
    """
    radiograph = without_bars(image)
    height, width = image[radiograph].shape
    blur = _SMOOTHING * max(height, width)
    smooth = ndimage.gaussian_filter(image[radiograph].astype(np.float32), blur, mode="nearest")
    grey = smooth.round().astype(np.uint8)
    middle = tuple(slice(side // 4, side - side // 4) for side in (height, width))
    body = np.zeros(image.shape, bool)
    for classes in _CLASSES:
        outside = _connected_with_the_edge(grey <= _lowest_threshold(grey, classes))
        if not outside[middle].any():
            parts, _ = ndimage.label(~outside)
            sizes = np.bincount(parts[parts > 0])
            body[radiograph] = np.isin(parts, np.flatnonzero(sizes >= _SMALLEST_PART * sizes.max()))
            return body
    body[radiograph] = True
    return body


def without_bars(image: np.ndarray) -> tuple[slice, slice]:
    """Return rows and columns of an image without the black bars of `pad`, which are no part of it.

    They would take the darkest class for themselves. All of an image that is black altogether.
    """
    if not image.any():
        return slice(0, len(image)), slice(0, image.shape[1])
    lit = [np.flatnonzero(image.any(axis=axis)) for axis in (1, 0)]
    return tuple(slice(places[0], places[-1] + 1) for places in lit)


def _connected_with_the_edge(region: np.ndarray) -> np.ndarray:
    parts, _ = ndimage.label(region)
    edge = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return np.isin(parts, edge[edge > 0])


def _lowest_threshold(grey: np.ndarray, classes: int) -> int:
    """Return the highest grey of the darkest class, -1 if there are fewer greys than classes.

    Otsu's criterion for several classes: the variance between them is largest. Solved exactly, by
    the best split of all greys below each one into one class more at a time.
    """
    counts = np.bincount(grey.ravel(), minlength=_GREY_LEVELS).astype(float)
    pixels = np.append(0, np.cumsum(counts))
    total = np.append(0, np.cumsum(counts * np.arange(_GREY_LEVELS)))
    # Of the class of greys from row to below column; its part of the variance, save a constant.
    inside, greys = (sums - sums[:, np.newaxis] for sums in (pixels, total))
    gain = np.where(inside > 0, greys**2 / np.maximum(inside, 1), -np.inf)
    best, first = gain[0], np.arange(_GREY_LEVELS + 1)
    for _ in range(classes - 1):
        split = best[:, np.newaxis] + gain
        last = split.argmax(axis=0)
        best, first = split.max(axis=0), first[last]
    return int(first[-1]) - 1 if np.isfinite(best[-1]) else -1
