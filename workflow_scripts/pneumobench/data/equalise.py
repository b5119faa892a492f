"""Packed images with their grey values spread, globally or locally, or brought to one mean.

The first two methods are OpenCV's (`equalizeHist` and `createCLAHE`), byte for byte, in NumPy: they
are what work on chest radiographs means by these names, and OpenCV is a large library for two
functions.
"""

import logging
from pathlib import Path

import numpy as np

from pneumobench.core.files import read_json, write_json
from pneumobench.data.squares import write_squares

logger = logging.getLogger(__name__)

GREYS = 256
# Of CLAHE: tiles along each side, and how often its fair share a grey value may count in a tile.
TILES = 8
CLIP_LIMIT = 2.0
# Of standardised images: five standard deviations fill the range of greys, what lies beyond is cut.
MEAN, STANDARD_DEVIATION = 127.5, 51.0


def equalise_images(
    images: Path,
    digest: Path,
    equalised: Path,
    equalised_digest: Path,
    *,
    method: str,
    workers: int,
) -> None:
    """Write the packed images with their grey values spread, in the same order.

    Parameters
    ----------
    images, digest
        Packed images, uint8 [N, S, S], and the .json file that describes them.
    equalised, equalised_digest
        The .npy and the .json file to write, of the same kind.
    method
        A name of `METHODS`.
    workers
        Number of threads; the result does not depend on it.

    Raises
    ------
    ValueError
        If `method` is none of them.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    packed, spread = np.load(images, mmap_mode="r"), METHODS[method]
    count, size, _ = packed.shape
    sha256 = write_squares(equalised, count, size, lambda row: spread(packed[row]), workers)
    write_json(
        equalised_digest,
        read_json(digest) | {"equalisation": method, "sha256": sha256, "numpy": np.__version__},
    )
    logger.info("%d images of %d x %d pixels, equalised by %s", count, size, size, method)


def equalise_histogram(image: np.ndarray) -> np.ndarray:
    """Spread the grey values of an image so that each occurs about as often as any other.

    The darkest value becomes 0, the brightest 255. An image of one grey value stays as it is.

    Parameters
    ----------
    image
        uint8 [S, S].

    Returns
    -------
    numpy.ndarray
        uint8 [S, S].
    """
    below = np.bincount(image.ravel(), minlength=GREYS).cumsum()
    darkest = below[image.min()]
    if darkest == image.size:
        return image.copy()
    scale = np.float32(GREYS - 1) / np.float32(image.size - darkest)
    table = np.rint((below - darkest).astype(np.float32) * scale)
    return table.clip(0, GREYS - 1).astype(np.uint8)[image]


def equalise_clahe(image: np.ndarray) -> np.ndarray:
    """Spread the grey values of an image locally, with limited contrast.

    Each of 8 x 8 tiles has a table of its own, made from its clipped histogram; a pixel's new value
    is interpolated between those of the four nearest tiles (CLAHE; Zuiderveld, "Contrast limited
    adaptive histogram equalization", Graphics Gems IV, 1994). An image of one grey value stays as
    it is.

    Parameters
    ----------
    image
        uint8 [S, S], S at least 8.

    Returns
    -------
    numpy.ndarray
        uint8 [S, S].
    """
    if image.min() == image.max():
        return image.copy()
    size = len(image)
    tile = -(-size // TILES)
    tables = _tile_tables(np.pad(image, (0, tile * TILES - size), mode="reflect"), tile)
    place = np.arange(size, dtype=np.float32) * np.float32(1 / tile) - np.float32(0.5)
    before = np.floor(place)
    share = place - before
    first = before.clip(0).astype(np.intp)
    second = (before + 1).clip(max=TILES - 1).astype(np.intp)

    def along_rows(down: np.ndarray) -> np.ndarray:
        """Interpolate from left to right between the tables of the tile row of each pixel."""
        tile_row = down[:, None] * TILES
        left, right = tables[tile_row + first, image], tables[tile_row + second, image]
        return left * (1 - share) + right * share

    share_down = share[:, None]
    spread = along_rows(first) * (1 - share_down) + along_rows(second) * share_down
    return np.rint(spread).astype(np.uint8)


def standardise(image: np.ndarray) -> np.ndarray:
    """Bring the grey values of an image to mean 127.5 and standard deviation 51.

    What exposure and contrast make of a whole film is gone then, and with it whatever they tell of
    the film's origin. Values beyond black and white are cut. An image of one grey value stays as it
    is.

    Parameters
    ----------
    image
        uint8 [S, S].

    Returns
    -------
    numpy.ndarray
        uint8 [S, S].
    """
    grey = np.arange(GREYS)
    share = np.bincount(image.ravel(), minlength=GREYS) / image.size
    mean = share @ grey
    deviation = np.sqrt(share @ (grey - mean) ** 2)
    if deviation == 0:
        return image.copy()
    table = np.rint(MEAN + STANDARD_DEVIATION * (grey - mean) / deviation)
    return table.clip(0, GREYS - 1).astype(np.uint8)[image]


def _tile_tables(image: np.ndarray, tile: int) -> np.ndarray:
    """Return the new grey values of each tile's old ones, float32 [TILES * TILES, GREYS]."""
    position = np.arange(len(image)) // tile
    number = position[:, None] * TILES + position
    codes = (number * GREYS + image).ravel()
    counts = np.bincount(codes, minlength=TILES * TILES * GREYS).reshape(-1, GREYS)
    limit = max(int(CLIP_LIMIT * tile * tile / GREYS), 1)
    # What is clipped goes to all grey values alike, the remainder to values at equal distances.
    excess = (counts - limit).clip(0).sum(axis=1, keepdims=True)
    everywhere, remainder = excess // GREYS, excess % GREYS
    step, grey = GREYS // remainder.clip(1), np.arange(GREYS)
    counts = counts.clip(max=limit) + everywhere
    counts += (grey % step == 0) & (grey // step < remainder)
    scale = np.float32(GREYS - 1) / np.float32(tile * tile)
    return np.rint(counts.cumsum(axis=1).astype(np.float32) * scale)


METHODS = {"histogram": equalise_histogram, "clahe": equalise_clahe, "standardised": standardise}
