"""Deep values, of more than 8 bits, at the depth that a file states or its data set has.

A 16-bit file may hold values of 10, 12 or 14 bits and not say so. Taken from the brightest pixel of
each image, the scale would change from one to the next, and exposure with it. So the depth is
decided once for a data set: see `pneumobench.data.index`.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

from pneumobench.data.doorkeeper import UnreadableImageError
from pneumobench.data.image_parts.others import deep_colours, states_nothing
from pneumobench.data.image_parts.png import significant_bits
from pneumobench.data.image_parts.tiff import is_signed, is_white_zero
from pneumobench.data.image_parts.upright import turn_upright

DEPTHS = (8, 10, 12, 14, 16, 20, 24, 32)
# Pillow takes the higher byte of colours of 16 bits; named the other way round it takes the lower.
_LOWER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_COLOURS = re.compile(r"(RGB|RGBX|RGBA);16([LBN])")
# Grey and transparency, which Pillow reads as four channels.
_GREY_ALPHA = "LA;16B"


@dataclass(frozen=True)
class Deep:
    """The deep values of an image.

    Attributes
    ----------
    values
        Integers from 0 on, [height, width] in grey or [height, width, 3] in colours.
    stated
        Bits that the file states; None where it states no more than the size of its numbers.
    white_is_zero
        Whether small values are light.
    """

    values: np.ndarray
    stated: int | None
    white_is_zero: bool = False

    @property
    def needed(self) -> int:
        """The fewest bits, one of `DEPTHS`, that hold the largest value."""
        return fewest_bits(int(self.values.max()))

    def to_8_bits(self, depth: int) -> Image.Image:
        """Return the values as shares of the largest of `depth` bits, mode L or RGB, rounded.

        Raises
        ------
        UnreadableImageError
            If a value has more bits.
        """
        largest = int(self.values.max())
        if largest >= 2**depth:
            raise UnreadableImageError(
                f"a grey value of {largest}, more than the {depth} bits of its data set hold"
            )
        full = 2**depth - 1
        if depth <= 16:
            table = ((np.arange(2**depth) * 255 + full // 2) // full).astype(np.uint8)
            pixels = table[self.values]
        else:
            pixels = ((self.values.astype(np.int64) * 255 + full // 2) // full).astype(np.uint8)
        return Image.fromarray(255 - pixels if self.white_is_zero else pixels)


def fewest_bits(largest: int) -> int:
    """Return the fewest bits, one of `DEPTHS`, that hold a value.

    >>> fewest_bits(1023), fewest_bits(1024), fewest_bits(65535)
    (10, 12, 16)
    """
    return next(bits for bits in DEPTHS if largest < 2**bits)


def read_deep(
    content: bytes, image: ImageFile.ImageFile, open_again: Callable[[], ImageFile.ImageFile]
) -> Deep | None:
    """Decode the values of an image of more than 8 bits, None of any other.

    What is transparent becomes black, and the orientation is applied.

    Parameters
    ----------
    content
        The bytes of the file, which the checks of its format let in.
    image
        Opened and not yet loaded; it stays so if the answer is None.
    open_again
        Opens it once more.

    Raises
    ------
    UnreadableImageError
        If the image is in colours that Pillow does not read at their depth, or has negative values.
    """
    raw, full = _raw_mode(image), image.format == "PPM" and states_nothing(image)
    if full and len(image.getbands()) > 1:
        values = deep_colours(content, image)
    elif image.mode == "I" or image.mode.startswith("I;16"):
        values = _grey_values(image)
    elif len(image.getbands()) > 1 and re.search(r";16[LBN]$", raw):
        values = _colour_values(open_again, raw)
    else:
        return None
    if (clear := image.info.get("transparency")) is not None and image.format == "PNG":
        hidden = values == np.asarray(clear)
        values[hidden.all(axis=-1) if values.ndim == 3 else hidden] = 0
    if image.format == "PPM":
        # Pillow has brought them from the largest value that the file states to 16 bits.
        stated = None if full else 16
    elif image.format == "PNG" and (bits := significant_bits(content)):
        # The standard wants them shifted up to 16 bits; some programs leave them where they are.
        stated = 16 if may_be_shifted(values, bits) else bits
    else:
        stated = 12 if raw == "I;12" else None
    return Deep(values, stated, is_white_zero(image))


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """Return how the values are stored, in Pillow's words."""
    args = image.tile[0].args if image.tile else ""
    return str(args[0] if isinstance(args, tuple) else args)


def _loaded(image: ImageFile.ImageFile, raw: str) -> np.ndarray:
    """Return the pixels of an opened image, turned upright, read as if they were stored so."""
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
        for tile in image.tile
    ]
    image.load()
    turn_upright(image)
    return np.asarray(image)


def _grey_values(image: ImageFile.ImageFile) -> np.ndarray:
    signed = is_signed(image)
    values = _loaded(image, _raw_mode(image))
    if values.dtype == np.int32 and image.format == "TIFF" and not signed:
        values = values.view(np.uint32)
    if values.min() < 0:
        raise UnreadableImageError("grey values below zero are not supported")
    return values.astype(np.uint16 if values.max() < 2**16 else np.uint32)


def _colour_values(open_again: Callable[[], ImageFile.ImageFile], raw: str) -> np.ndarray:
    if raw == _GREY_ALPHA:
        halves = _loaded(open_again(), "RGBA").astype(np.uint16)
        values, alpha = halves[..., 0] << 8 | halves[..., 1], halves[..., 2]
    elif found := _COLOURS.fullmatch(raw):
        higher = _loaded(open_again(), raw).astype(np.uint16)
        values = higher << 8 | _loaded(open_again(), f"{found[1]};16{_LOWER[found[2]]}")
        if found[1] != "RGBA":
            return values
        values, alpha = values[..., :3], higher[..., 3:]
    else:
        raise UnreadableImageError(f"colours of 16 bits as {raw} are not supported")
    if not alpha.any():
        raise UnreadableImageError("the image is wholly transparent; save it without alpha")
    return (values.astype(np.uint32) * alpha // 255).astype(np.uint16)


def may_be_shifted(values: np.ndarray, bits: int) -> bool:
    """Tell whether values of `bits` significant bits may have been shifted up to 16 bits.

    Values above those of `bits` bits must have been. Smaller ones may, as those of a dark image, if
    all are what shifting leaves: zeros in the lowest bits, or shares of the largest value that 8 to
    `bits` bits can express. The brightest alone does not tell: it differs from image to image.
    """
    found = np.unique(values).astype(np.int64)
    if found[-1] >= 2**bits or not (found % 2 ** (16 - bits)).any():
        return True
    steps = [65535 / (2**depth - 1) for depth in range(min(bits, 8), bits + 1)]
    return any((np.abs(found - np.rint(found / step) * step) <= 1).all() for step in steps)
