"""Packed images as a recipe's network sees them: grey values spread, or all but a box masked."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pneumobench.core.files import write_json
from pneumobench.core.packed import PackedImages
from pneumobench.data.preprocessing.boxes import Box, inner_box, keep_box
from pneumobench.data.preprocessing.clahe import equalise_clahe
from pneumobench.data.preprocessing.grey_values import equalise_histogram, standardise
from pneumobench.data.preprocessing.lungs import lung_box
from pneumobench.data.squares import write_squares

logger = logging.getLogger(__name__)

# Each takes an image, uint8 [S, S]: these return another one, those what is to be kept of it.
_GREY_VALUES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "histogram": equalise_histogram,
    "clahe": equalise_clahe,
    "standardised": standardise,
}
_BOXES: dict[str, Callable[[np.ndarray], Box]] = {
    "border_masked": inner_box,
    "lung_masked": lung_box,
}
METHODS = (*_GREY_VALUES, *_BOXES)


class Preprocessed(NamedTuple):
    """An image, uint8 [S, S], and whether its method had no estimate and did the usual instead."""

    image: np.ndarray
    fallback: bool


def preprocess(image: np.ndarray, method: str) -> Preprocessed:
    """Return an image as networks see it.

    Parameters
    ----------
    image
        uint8 [S, S].
    method
        A name of `METHODS`.

    Raises
    ------
    ValueError
        If `method` is none of them.
    """
    if method in _GREY_VALUES:
        return Preprocessed(_GREY_VALUES[method](image), fallback=False)
    if method not in _BOXES:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    box = _BOXES[method](image)
    return Preprocessed(keep_box(image, box), box.fallback)


def preprocess_images(
    images: Path,
    preprocessed: Path,
    preprocessed_digest: Path,
    *,
    method: str,
    workers: int,
) -> None:
    """Write the packed images as networks see them, in the same order.

    Parameters
    ----------
    images
        Packed images, uint8 [N, S, S], with the .json file that describes them beside.
    preprocessed, preprocessed_digest
        The .npy and the .json file to write, of the same kind; the latter also has the method, and
        in `fallbacks` the number of images for which it had no estimate.
    method
        A name of `METHODS`.
    workers
        Number of threads; the result does not depend on it.

    Raises
    ------
    ValueError
        If `method` is none of them.
    """
    source = PackedImages(images)
    packed = source.all()
    count, size, _ = packed.shape
    fallbacks = np.zeros(count, bool)

    def square(row: int) -> np.ndarray:
        image, fallbacks[row] = preprocess(packed[row], method)
        return image

    # The names of the rows are those of the source's, which stand there as a digest alone.
    record = write_squares(preprocessed, range(count), size, square, workers)
    described = {
        "preprocessing": method,
        "fallbacks": int(fallbacks.sum()),
        "sha256": record["sha256"],
        "blocks": record["blocks"],
        "numpy": np.__version__,
    }
    write_json(preprocessed_digest, source.record | described)
    logger.info("%d images of %d x %d pixels, preprocessed: %s", count, size, size, method)
    if fallbacks.any():
        logger.warning(
            "%s has no plausible estimate for %d of %d images and took the usual place instead",
            method, fallbacks.sum(), count,
        )  # fmt: skip
