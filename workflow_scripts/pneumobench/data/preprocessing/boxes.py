"""What lies outside a box of an image is masked, so that nothing can be read there."""

from typing import NamedTuple

import numpy as np

from pneumobench.data.body import without_bars

# Masked on each of the four sides, as a share of the radiograph's side.
MARGIN = 0.1


class Box(NamedTuple):
    """Rows and columns of an image, and whether there was no estimate to take them from."""

    rows: slice
    columns: slice
    fallback: bool = False


def keep_box(image: np.ndarray, box: Box) -> np.ndarray:
    """Return an image whose pixels outside a box have the mean grey value of those inside.

    Not that of the whole image: what is masked has no influence on the result then. Nothing is
    moved or enlarged, so that maps, lesion masks and boxes of lesions stay where they are.

    Parameters
    ----------
    image
        uint8 [S, S].
    box
        What is kept; not empty.

    Returns
    -------
    numpy.ndarray
        uint8 [S, S].
    """
    kept = image[box.rows, box.columns]
    masked = np.full_like(image, np.rint(kept.mean()).astype(np.uint8))
    masked[box.rows, box.columns] = kept
    return masked


def inner_box(image: np.ndarray) -> Box:
    """Return an image without a margin of 10 % on each side.

    Black bars beside an image, as of `resize: pad`, are no part of it: the margin begins behind
    them.

    Parameters
    ----------
    image
        uint8 [S, S].
    """
    return within(without_bars(image), MARGIN, 1 - MARGIN, MARGIN, 1 - MARGIN)


def within(
    radiograph: tuple[slice, slice], top: float, bottom: float, left: float, right: float
) -> Box:
    """Return the pixels of a part of a radiograph.

    Parameters
    ----------
    radiograph
        Rows and columns of the radiograph.
    top, bottom, left, right
        Shares of its height and width; what lies beyond it is cut off. Pixels count that lie inside
        by half or more, one at least.
    """
    rows, columns = (
        _pixels(side, first, last)
        for side, first, last in zip(radiograph, (top, left), (bottom, right), strict=True)
    )
    return Box(rows, columns)


def _pixels(side: slice, first: float, last: float) -> slice:
    start, length = side.start, side.stop - side.start
    # Shares are rounded: those that differ in their last bits give the same pixels.
    low, high = (round(round(share, 9) * length) for share in (first, last))
    low = min(max(low, 0), length - 1)
    return slice(start + low, start + min(max(high, low + 1), length))
