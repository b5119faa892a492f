"""Grey values spread locally, with limited contrast.

OpenCV's `createCLAHE(2.0, (8, 8))`, byte for byte, in NumPy: that is what work on chest radiographs
means by the name, and OpenCV is a large library for one function.
"""

import numpy as np

from pneumobench.data.preprocessing.grey_values import GREYS

# Tiles along each side, and how often its fair share a grey value may count in a tile.
TILES = 8
CLIP_LIMIT = 2.0


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
