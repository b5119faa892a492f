"""From the bytes of a file to an 8-bit grey image, to a square of a given size, and to a hash."""

import io
import math
import re
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from pneumobench.data.dicom_parts.header import is_dicom
from pneumobench.data.doorkeeper import UnreadableImageError, check_size
from pneumobench.data.image_parts.damage import damaged
from pneumobench.data.image_parts.grey import read_deep
from pneumobench.data.image_parts.jpeg import check_jpeg, find_end
from pneumobench.data.image_parts.others import (
    check_bmp,
    check_colour,
    check_gif,
    check_ppm,
    check_webp,
    palette_size,
)
from pneumobench.data.image_parts.png import SIGNATURE, check_chunks, check_png, without_pixels
from pneumobench.data.image_parts.tiff import check_tiff
from pneumobench.data.image_parts.unsupported import unsupported
from pneumobench.data.image_parts.upright import orientation, turn_upright

RESIZE_MODES = ("squash", "pad", "crop")
HASH_SIDE = 16

# Without this limit Pillow would try every format it knows, PostScript (an external program) too.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

# Sizes are checked here, against the limit of the configuration.
Image.MAX_IMAGE_PIXELS = None
# Pillow keeps the memory (up to 16 MB each) of so many images for the next ones: it is returned to
# the system and fetched again for each otherwise, which takes a quarter of the time of small ones.
Image.core.set_blocks_max(4)

# Enough of a file to tell DICOM from other formats, in bytes.
_SIGNATURE = 1024
# Values of EXIF's orientation with which width and height are exchanged.
_ON_ITS_SIDE = range(5, 9)


@dataclass(frozen=True)
class Picture:
    """A decoded image file.

    Attributes
    ----------
    image
        Mode L, or RGB where the file has colours, even if they are all grey.
    mode
        Pillow's name of the pixel format in the file (L, RGB, I;16, ...), or a DICOM file's, as in
        "DICOM MONOCHROME2 12 bit".
    bits
        Bits for each grey value or channel in the file; of a palette, those that count its colours.
    needed
        The fewest bits, one of `pneumobench.data.image_parts.grey.DEPTHS`, that hold its largest
        value, where the file has more than 8 and does not state how many of them are in use.
    """

    image: Image.Image
    mode: str
    bits: int
    needed: int | None = None

    @cached_property
    def grey(self) -> Image.Image:
        """The picture in grey: mode L, 0 (black) to 255."""
        return self.image if self.image.mode == "L" else self.image.convert("L")


def decode_grey(content: bytes, depth: int | None = None) -> tuple[np.ndarray, str]:
    """Decode an image file completely to 8-bit grey: `read_grey` as uint8 [height, width]."""
    image, mode = read_grey(content, depth)
    return np.asarray(image), mode


def read_grey(content: bytes, depth: int | None = None) -> tuple[Image.Image, str]:
    """Decode an image file completely to an 8-bit grey image of Pillow: the grey of `read_picture`.

    Parameters
    ----------
    content
        The bytes of the file.
    depth
        As of `read_picture`: the column `depth` of the manifest.

    Returns
    -------
    image
        Mode L, 0 (black) to 255.
    mode
        Pillow's name of the pixel format in the file (L, RGB, I;16, ...), or a DICOM file's.

    Raises
    ------
    UnreadableImageError
        As `read_picture`.
    """
    picture = read_picture(content, depth=depth)
    return picture.grey, picture.mode


def read_picture(
    content: bytes, maximum_megapixels: float = math.inf, depth: int | None = None
) -> Picture:
    """Decode an image file completely; one that is damaged in any way that shows is refused.

    Colour becomes luminance (ITU-R BT.601), transparency black, and the orientation that a camera
    noted is applied. Values of more than 8 bits are scaled from the number of bits that the file
    states, else from `depth`: see `pneumobench.data.image_parts.grey`; those of DICOM files as
    their header says, see `pneumobench.data.dicom`. Nothing is decoded at reduced size (no draft
    mode): shrinking is left to `resize_square`.

    Parameters
    ----------
    content
        The bytes of the file.
    maximum_megapixels
        Larger images are refused by their header. Without it, only for files that were let in.
    depth
        Bits in use by the values of the image's data set, for files that do not state their own.
        None: as few as this image needs, which is for an image that stands alone.

    Raises
    ------
    UnreadableImageError
        If the file is empty, no image, too large, truncated, damaged, of an unsupported format,
        deeper than `depth`, or holds several pictures.
    """
    if not content:
        raise UnreadableImageError("the file is empty")
    # Imported only here: most data sets hold no DICOM file.
    if is_dicom(content):
        from pneumobench.data.dicom import read_dicom

        return Picture(*read_dicom(content, maximum_megapixels))
    try:
        _check_parts(content)
        image = _open(content)
        check_size(*image.size, maximum_megapixels)
        _check_one_picture(image)
        mode, bits = image.mode, _bits(image)
        _check_damage(content, image, maximum_megapixels)
        if (deep := read_deep(content, image, partial(_open, content))) is not None:
            needed = None if deep.stated else deep.needed
            grey = deep.to_8_bits(deep.stated or depth or deep.needed)
            return Picture(grey, mode, bits, needed)
        colours = palette_size(content, image)
        image.load()
        if colours:
            check_colour(image.getextrema()[1], colours)
        turn_upright(image)
        return Picture(_grey_or_colour(image), mode, bits)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(unsupported(content)) from None
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise any kind on damaged content
        raise damaged(str(error) or type(error).__name__) from None


def _open(content: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _check_parts(content: bytes) -> None:
    """Refuse what Pillow would not open or take minutes to: damage, or millions of parts."""
    if content.startswith(SIGNATURE):
        check_chunks(content)
    elif content.startswith(b"\xff\xd8\xff"):
        find_end(content)


def _check_damage(content: bytes, image: ImageFile.ImageFile, maximum_megapixels: float) -> None:
    """Refuse what Pillow would overlook."""
    match image.format:
        case "JPEG" | "MPO":
            if image.mode == "CMYK" and "adobe" not in image.info:
                raise UnreadableImageError("it does not say whether its inks are inverted")
            check_jpeg(content, image.size)
        case "PNG":
            check_png(content)
        case "TIFF":
            check_tiff(content, image, maximum_megapixels)
        case "GIF":
            check_gif(content, image)
        case "WEBP":
            check_webp(content)
        case "BMP":
            check_bmp(content, image)
        case "PPM":
            check_ppm(content, image)
        case other:
            raise UnreadableImageError(f"a picture in the format {other} is not supported")


@dataclass(frozen=True)
class Outline:
    """What of a `Picture` is known without its pixels; width and height once it is upright."""

    mode: str
    bits: int
    width: int
    height: int
    needed: int | None = None


def read_header(path: Path, maximum_megapixels: float, depth: int | None = None) -> Outline:
    """Return what the header of an image file tells; it is the same that `read_picture` tells.

    A DICOM file is decoded all the same: its pixels may be packed in a way that its header does not
    tell. So is one of more than 8 bits: how many are in use, its header does not tell.

    Raises
    ------
    UnreadableImageError
        If the header is none of an image, or says that it is too large or holds several pictures.
    """
    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.read(_SIGNATURE)):
                stream.seek(0)
                image = Image.open(stream, formats=FORMATS)
                check_size(*image.size, maximum_megapixels)
                _check_one_picture(image)
                if (bits := _bits(image)) <= 8:
                    return Outline(image.mode, bits, *_upright_size(image, stream))
        picture = read_picture(path.read_bytes(), maximum_megapixels, depth)
        return Outline(picture.mode, picture.bits, *picture.image.size, picture.needed)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(unsupported(path.read_bytes())) from None
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise any kind on damaged content
        said = str(error) or type(error).__name__
        raise UnreadableImageError(f"the image cannot be read ({said})") from None


def _upright_size(image: ImageFile.ImageFile, stream: io.BufferedReader) -> tuple[int, int]:
    """Return width and height of an opened image once its orientation is applied."""
    if image.format == "TIFF":
        # Pillow tells the size of TIFF files upright.
        return image.size
    if image.format == "PNG":
        # The orientation may stand behind the pixels.
        image = _open(without_pixels(stream))
    return image.size[::-1] if orientation(image) in _ON_ITS_SIDE else image.size


def _check_one_picture(image: Image.Image) -> None:
    """Refuse several pages or frames: nothing tells which of them is the radiograph."""
    # Not n_frames, which goes through all of them, millions in a file made to do harm.
    if getattr(image, "is_animated", False):
        raise UnreadableImageError("the file holds several pictures, expected one")


def _bits(image: Image.Image) -> int:
    """Return the bits for each channel of an opened image that is not yet loaded."""
    if image.mode == "1":
        return 1
    bits = 16 if image.mode.startswith("I") else 8
    for tile in image.tile:
        options = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if tile.codec_name == "gif":
            bits = min(bits, options[0])
        elif tile.codec_name.startswith("ppm"):
            bits = int(options[1]).bit_length()
        # Pillow names a format by its bits: L;4, P;2, I;16B. BGR;15 are three channels of 5.
        elif isinstance(options[0], str) and (found := re.match(r"(\w+);(\d+)", options[0])):
            whole = found[1] == "BGR" and int(found[2]) in (15, 16)
            bits = 5 if whole else min(int(found[2]), 16)
    if image.mode == "P":
        if image.palette is None:
            raise damaged("its palette is missing")
        colours = len(image.palette.palette) // len(image.palette.mode)
        bits = min(bits, max(1, (colours - 1).bit_length()))
    return bits


def _grey_or_colour(image: Image.Image) -> Image.Image:
    """Return a loaded image in mode L or RGB."""
    if image.mode == "F":
        raise UnreadableImageError("floating point pixels are not supported; save as 8 or 16 bit")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if not image.getextrema()[3][1]:
            raise UnreadableImageError("the image is wholly transparent; save it without alpha")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    if image.mode in ("1", "L"):
        return image if image.mode == "L" else image.convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def resize_square(radiograph: np.ndarray | Image.Image, size: int, resize: str) -> np.ndarray:
    """Bring a grey image to a square with an antialiased bilinear filter.

    Parameters
    ----------
    radiograph
        uint8 [height, width], or an image of mode L, which saves two copies of the radiograph.
    size
        Side of the square in pixels.
    resize
        squash: both sides to `size`, aspect ratio lost; pad: longer side to `size`, black bars on
        both sides of the shorter; crop: the central square of the shorter side's length.

    Returns
    -------
    numpy.ndarray
        uint8 [size, size].

    Raises
    ------
    ValueError
        If `resize` is none of the three.
    """
    if resize not in RESIZE_MODES:
        raise ValueError(f"resize is {resize!r}, expected one of {', '.join(RESIZE_MODES)}")
    image = radiograph if isinstance(radiograph, Image.Image) else Image.fromarray(radiograph)
    width, height = image.size
    # Pillow widens the filter's support with the reduction, which is the antialiasing.
    if resize == "squash":
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    if resize == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))
    longer = max(height, width)
    inner_height = max(1, round(height * size / longer))
    inner_width = max(1, round(width * size / longer))
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    square = np.zeros((size, size), dtype=np.uint8)
    square[top : top + inner_height, left : left + inner_width] = np.asarray(
        image.resize((inner_width, inner_height), Image.Resampling.BILINEAR)
    )
    return square


def difference_hash(pixels: np.ndarray) -> str:
    """Return the horizontal difference hash: 256 bits as 64 hexadecimal digits.

    The usual 64 bits do not tell chest images apart: among the 5,856 images of Kermany et al.
    nearly 200,000 pairs of different patients differ in two bits or fewer. With 256 bits resized
    and recompressed copies of an image differ in 0 to 4 bits, other patients' images in 7 or more.

    Parameters
    ----------
    pixels
        uint8 [height, width].
    """
    image = Image.fromarray(pixels)
    small = np.asarray(image.resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BILINEAR))
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()
