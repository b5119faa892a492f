"""What a file must be to be let in as a radiograph, and the plain reason where it is not."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

MEGA = 1_000_000

# Of 5,920 real radiographs none has more than 0.82 of its pixels within 8 of two grey values, as a
# mask has even where it was compressed, and none has fewer than 113 values.
TWO_VALUES, NEAR, APART, FEW_VALUES = 0.95, 8, 64, 8


class UnreadableImageError(ValueError):
    """A file that is no readable image; its text is the reason in plain words."""


@dataclass(frozen=True)
class Limits:
    """What is let in; `data.checks` of the configuration.

    Attributes
    ----------
    minimum_px
        Smallest length of the shorter side, in pixels.
    maximum_megapixels
        Largest width x height, in millions; asked of the header, before anything is decoded.
    minimum_bits
        Smallest number of bits for each grey value or colour channel in the file.
    minimum_spread
        Smallest standard deviation of the grey values (0 to 255); below, an image is blank.
    maximum_colour
        Largest mean difference between the largest and the smallest colour channel (0 to 1).
    maximum_megabytes
        Largest file, in millions of bytes; asked before it is read.
    """

    minimum_px: int
    maximum_megapixels: float
    minimum_bits: int
    minimum_spread: float
    maximum_colour: float
    maximum_megabytes: float


def check_file(path: Path, maximum_megabytes: float) -> None:
    """Refuse a file that is too large, or no file at all; nothing of it is read.

    Raises
    ------
    UnreadableImageError
        If it is too large, no regular file (a pipe, a device), or cannot be asked.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("this is no regular file")
    if status.st_size > maximum_megabytes * MEGA:
        raise UnreadableImageError(
            f"the file has {status.st_size / MEGA:.1f} megabytes, more than {maximum_megabytes:g}"
        )


def read_content(path: Path, maximum_megabytes: float) -> bytes:
    """Return the bytes of a file that `check_file` lets in.

    Raises
    ------
    UnreadableImageError
        As `check_file`.
    """
    check_file(path, maximum_megabytes)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read ({error.strerror})") from None


def check_size(width: int, height: int, maximum_megapixels: float) -> None:
    """Refuse a picture that is too large, by what its header says of it, in pixels.

    Raises
    ------
    UnreadableImageError
        If it is.
    """
    if width * height > maximum_megapixels * MEGA:
        raise UnreadableImageError(
            f"{width}x{height} pixels are {width * height / MEGA:.1f} megapixels, "
            f"more than {maximum_megapixels:g}"
        )


def check_header(width: int, height: int, bits: int, limits: Limits) -> None:
    """Refuse a picture with a side, in pixels, that is too short, or with too few bits.

    Raises
    ------
    UnreadableImageError
        If it is so.
    """
    if min(width, height) < limits.minimum_px:
        raise UnreadableImageError(
            f"{width}x{height} pixels, a side is shorter than {limits.minimum_px}"
        )
    if bits < limits.minimum_bits:
        raise UnreadableImageError(f"grey values of {bits} bits, fewer than {limits.minimum_bits}")


def check_picture(picture: Image.Image, grey: Image.Image, bits: int, limits: Limits) -> None:
    """Refuse a decoded picture that can be no radiograph.

    Parameters
    ----------
    picture
        The picture, mode L or RGB.
    grey
        The same in mode L.
    bits
        Bits for each grey value or channel in its file.
    limits
        What is let in.

    Raises
    ------
    UnreadableImageError
        If a side is too short, or the picture of too few grey values, blank, of two grey values
        only, or coloured.
    """
    check_header(*picture.size, bits, limits)
    counts = np.array(grey.histogram(), dtype=np.float64)
    if (spread := grey_spread(counts)) < limits.minimum_spread:
        raise UnreadableImageError(
            f"blank: the grey values have a standard deviation of {spread:.2f}, "
            f"less than {limits.minimum_spread:g}"
        )
    if (values := int(np.count_nonzero(counts))) <= FEW_VALUES:
        raise UnreadableImageError(f"{values} grey values only: a mask, no radiograph")
    if (share := _two_valued_share(counts)) > TWO_VALUES:
        raise UnreadableImageError(
            f"{share:.1%} of its pixels have one of two grey values: a mask, no radiograph"
        )
    if (colour := colourfulness(picture)) > limits.maximum_colour:
        raise UnreadableImageError(
            f"a colour picture: its channels differ by {colour:.3f} on average, "
            f"more than {limits.maximum_colour:g}"
        )


def grey_spread(counts: np.ndarray) -> float:
    """Return the standard deviation of the grey values that are counted, [256], 0 to 127.5."""
    values, pixels = np.arange(len(counts)), counts.sum()
    mean = values @ counts / pixels
    return float(np.sqrt((values - mean) ** 2 @ counts / pixels))


def _two_valued_share(counts: np.ndarray) -> float:
    """Return the largest share (0 to 1) of pixels near two grey values that are far apart."""
    sums = np.concatenate(([0], counts.cumsum()))
    width = 2 * NEAR + 1
    near = sums[width:] - sums[:-width]
    before = np.maximum.accumulate(near)
    return float((near[APART:] + before[:-APART]).max() / sums[-1])


def colourfulness(picture: Image.Image) -> float:
    """Return the mean difference of the largest and the smallest channel, 0 (grey) to 1.

    Parameters
    ----------
    picture
        Mode L, which is grey, or RGB.
    """
    if picture.mode == "L":
        return 0.0
    red, green, blue = picture.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        return 0.0
    lightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    counts = np.array(ImageChops.difference(lightest, darkest).histogram(), dtype=np.float64)
    return float(np.average(np.arange(256), weights=counts) / 255)
