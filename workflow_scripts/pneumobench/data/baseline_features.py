"""What the simplest models see: a radiograph's format, a thumbnail, the border of the image.

No one reads pneumonia from these. A network that does not beat models of them (the baselines) shows
nothing beyond the way the radiographs of the two classes were made.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

METADATA = ("width", "height", "aspect", "bytes", "mean", "standard_deviation")
# Images in memory at once as float64: 26 MB at 224 pixels.
BLOCK = 64
# Cells between the edge of the image and the inner edge of its border.
BORDER_CELLS = 3


def metadata_features(manifest: pd.DataFrame, images: np.ndarray) -> np.ndarray:
    """Return what is known of a radiograph without looking at its content.

    Width, height (pixels of the decoded image), aspect (width over height) and bytes (size of the
    file) come from the manifest. Mean and standard deviation of the grey values (0 to 255) are
    those of the packed image, which is what networks see: with `resize: pad` its bars count.

    Parameters
    ----------
    manifest
        Rows of accepted images, in the order of `images`.
    images
        uint8 [N, S, S].

    Returns
    -------
    numpy.ndarray
        float32 [N, 6], columns as in `METADATA`.

    Raises
    ------
    ValueError
        If there are not as many rows as images.
    """
    if len(manifest) != len(images):
        raise ValueError(f"{len(manifest)} rows of the manifest, {len(images)} images")
    width, height, size = (
        manifest[name].to_numpy(np.float64) for name in ("width", "height", "bytes")
    )
    grey = [(block.mean(axis=(1, 2)), block.std(axis=(1, 2))) for block in _blocks(images)]
    mean, deviation = np.concatenate(grey, axis=1)
    columns = (width, height, width / height, size, mean, deviation)
    return np.stack(columns, axis=1).astype(np.float32)


def thumbnail_features(images: np.ndarray, side: int = 16) -> np.ndarray:
    """Return thumbnails with mean 0 and standard deviation 1; an image of one grey gives zeros.

    Parameters
    ----------
    images
        uint8 [N, S, S].
    side
        Side of the thumbnail, whose pixels are means over equal areas of the image.

    Returns
    -------
    numpy.ndarray
        float32 [N, side * side], row by row.
    """
    small = _area_means(images, side).reshape(len(images), -1)
    small -= small.mean(axis=1, keepdims=True)
    deviation = small.std(axis=1, keepdims=True)
    # Below a thousandth of a grey level there is rounding only.
    small /= np.where(deviation > 1e-3, deviation, np.inf)
    return small.astype(np.float32)


def border_features(images: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Return grey values of the image's border alone, 0 to 1, and nothing from inside.

    The border is three cells wide; a cell's value is the mean over its area. It keeps its absolute
    grey, since black bars and collimation are what a border tells.

    Parameters
    ----------
    images
        uint8 [N, S, S].
    share
        Width of the border on each of the four sides, as a share of the side, at most 0.4; rounded
        so that a whole number of cells fills the side.

    Returns
    -------
    numpy.ndarray
        float32 [N, features], 324 features at a share of 0.1; row by row.

    Raises
    ------
    ValueError
        If the share is out of range.
    """
    if not 0 < share <= 0.4:
        raise ValueError(f"share is {share!r}, expected more than 0 and at most 0.4")
    cells = round(BORDER_CELLS / share)
    border = np.ones((cells, cells), dtype=bool)
    border[BORDER_CELLS:-BORDER_CELLS, BORDER_CELLS:-BORDER_CELLS] = False
    return (_area_means(images, cells)[:, border] / 255.0).astype(np.float32)


def _area_means(images: np.ndarray, side: int) -> np.ndarray:
    """Return means over `side` x `side` equal areas, float64 [N, side, side], 0 to 255.

    A pixel on the edge between two areas counts in both by its shares.
    """
    size = images.shape[1]
    edge, pixel = np.arange(side + 1)[:, None] * (size / side), np.arange(size)
    overlap = np.minimum(edge[1:], pixel + 1) - np.maximum(edge[:-1], pixel)
    weights = overlap.clip(0) * (side / size)
    return np.concatenate([weights @ block @ weights.T for block in _blocks(images)])


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield some images at a time as float64 [n, S, S]."""
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK].astype(np.float64)
