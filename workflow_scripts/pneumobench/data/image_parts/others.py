"""BMP, GIF, PPM and WebP: enough data and no more. None of them has a checksum."""

import re
import struct

import numpy as np
from PIL import Image

from pneumobench.data.doorkeeper import UnreadableImageError
from pneumobench.data.image_parts.damage import (
    check_rows,
    check_run,
    check_tail,
    damaged,
    unpacks_to,
)

_COMMENT = re.compile(rb"#[^\r\n]*")
# Pillow reads them value by value, in bytes.
LARGEST_TEXT, LARGEST_SCALED, LARGEST_GIF = 20_000_000, 40_000_000, 40_000_000
# The largest value of 16 bits.
FULL = 65535
_BREAKS_OFF = "it breaks off"


def check_bmp(content: bytes, image: Image.Image) -> None:
    """Refuse a BMP file that does not hold the rows that its header says.

    Raises
    ------
    UnreadableImageError
        If it does not, its end was lost, or its rows are compressed (gaps in them would be black).
    """
    (tile,) = image.tile
    if tile.codec_name != "raw":
        raise UnreadableImageError("a BMP file in run lengths is not supported")
    _check_raw(content, tile.offset, image.height, tile.args[1])


def palette_size(content: bytes, image: Image.Image) -> int | None:
    """Return how many colours an opened image has to choose from, None where pixels are no choice.

    Of GIF, `check_gif` looks. Palettes of BMP that are all greys, Pillow does not keep.
    """
    if image.format == "BMP" and content[14] >= 40 and image.mode in "LP":
        depth, used = struct.unpack_from("<H16xI", content, 28)
        # Greys of fewer bits are spread over all values.
        return (used or 1 << depth) if image.mode == "P" or depth == 8 else None
    if image.mode == "P" and image.palette is not None:
        return len(image.palette.palette) // len(image.palette.mode)
    return None


def check_colour(last: int, colours: int) -> None:
    """Refuse a picture whose `last` colour, counted from 0, is none of its palette.

    Raises
    ------
    UnreadableImageError
        If it is none.
    """
    # Without a palette, those of GIF are the program's own: greys.
    if colours and last >= colours:
        raise damaged(f"a pixel of colour {last}, its palette has {colours}")


def check_ppm(content: bytes, image: Image.Image) -> None:
    """Refuse a PPM or PGM file that does not hold the values that its header says.

    Raises
    ------
    UnreadableImageError
        If it does not, its end was lost, or a value is larger than the largest that it states.
    """
    (tile,) = image.tile
    bands = len(image.getbands())
    if tile.codec_name == "ppm_plain":
        if len(content) > LARGEST_TEXT:
            raise UnreadableImageError(
                f"grey values as text of more than {LARGEST_TEXT / 1e6:.0f} megabytes"
            )
        values = _text_values(content, tile.offset)
        if len(values) != image.width * image.height * bands and image.mode != "1":
            raise UnreadableImageError(
                f"{len(values):,} values in the file, not those of a picture"
            )
        return
    if image.mode == "1":
        _check_raw(content, tile.offset, image.height, (image.width + 7) // 8)
        return
    raw_mode, largest = tile.args[:2] if isinstance(tile.args, tuple) else (tile.args, 0)
    if tile.codec_name == "raw":
        largest = 65535 if str(raw_mode).endswith("16B") else 255
    depth = ">u2" if largest > 255 else "u1"
    width = image.width * bands * np.dtype(depth).itemsize
    if tile.codec_name == "ppm" and image.height * width > LARGEST_SCALED:
        raise UnreadableImageError(
            f"grey values up to {largest} of more than {LARGEST_SCALED / 1e6:.0f} megabytes; save "
            "them up to 255 or 65535"
        )
    rows = _check_raw(content, tile.offset, image.height, width)
    if (found := int(rows.view(depth).max())) > largest:
        raise damaged(f"a value of {found}, its header says at most {largest}")


def states_nothing(image: Image.Image) -> bool:
    """Tell whether an opened PPM or PGM file says that its largest value is 65535.

    Programs write so whatever the values are: it is the size of their numbers, as 16 bits of PNG.
    """
    (tile,) = image.tile
    return tile.args == "I;16B" or (isinstance(tile.args, tuple) and tile.args[1] == FULL)


def deep_colours(content: bytes, image: Image.Image) -> np.ndarray:
    """Return the values of an opened PPM file up to 65535, of which Pillow keeps the highest bits.

    Returns
    -------
    numpy.ndarray
        uint16 [height, width, 3].

    Raises
    ------
    UnreadableImageError
        If a value is none of 0 to 65535.
    """
    (tile,) = image.tile
    shape, number = (image.height, image.width, 3), image.height * image.width * 3
    if tile.codec_name == "ppm":
        return np.frombuffer(content, ">u2", number, tile.offset).reshape(shape).astype(np.uint16)
    values = np.array(_text_values(content, tile.offset)).astype(np.int64)
    if values.min() < 0 or values.max() > FULL:
        raise damaged(f"a value that is none of 0 to {FULL}")
    return values.reshape(shape).astype(np.uint16)


def _text_values(content: bytes, start: int) -> list[bytes]:
    return _COMMENT.sub(b"", content[start:]).split()


def _check_raw(content: bytes, start: int, height: int, width: int) -> np.ndarray:
    """Check uncompressed rows of `width` bytes; return them, uint8 [height, width]."""
    end = start + height * width
    if len(content) < end:
        raise damaged(f"{len(content):,} bytes, its header says {end:,}")
    check_tail(content, end)
    rows = np.frombuffer(content, np.uint8, height * width, start).reshape(height, width)
    check_rows(rows)
    return rows


def check_gif(content: bytes, image: Image.Image) -> None:
    """Refuse a GIF file without an end mark, or with a picture that is smaller than its screen.

    Raises
    ------
    UnreadableImageError
        If it is one, or its data have more or fewer pixels than the picture, or other colours than
        its palette.
    """
    if len(content) > LARGEST_GIF:
        raise UnreadableImageError(f"a GIF file of more than {LARGEST_GIF / 1e6:.0f} megabytes")
    (tile,) = image.tile
    if not tile.extents == (0, 0, *image.size) == (0, 0, *struct.unpack_from("<HH", content, 6)):
        raise UnreadableImageError("the picture of the GIF file does not fill its screen")
    position = 13 + _table(content[10])
    while (mark := content[position : position + 1]) != b";":
        if mark == b"!":
            position = _blocks(content, position + 2)[0]
        elif mark == b",":
            own = _table(content[position + 9])
            start = position + 10 + own
            position, data = _blocks(content, start + 1)
            check_run(data)
            codes, options = content[start + 1 : position], ("gif", content[start], 0)
            pixels = image.width * image.height
            if not unpacks_to(codes, pixels, *options) or unpacks_to(codes, pixels + 1, *options):
                raise damaged(f"its data do not have the {pixels:,} pixels of its header")
            last = Image.frombytes("L", (pixels, 1), codes, *options).getextrema()[1]
            check_colour(int(last), (own or _table(content[10])) // 3)
        else:
            raise damaged("what follows is no part of a GIF file" if mark else _BREAKS_OFF)
    check_tail(content, position + 1)


def _table(flags: int) -> int:
    """Return the bytes of a colour table."""
    return 3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0


def _blocks(content: bytes, position: int) -> tuple[int, bytes]:
    """Return where a row of blocks ends, and what they hold."""
    parts = []
    while length := content[position]:
        parts.append(content[position + 1 : position + 1 + length])
        position += 1 + length
    return position + 1, b"".join(parts)


def check_webp(content: bytes) -> None:
    """Refuse a WebP file whose parts do not fill it exactly.

    Raises
    ------
    UnreadableImageError
        If it is truncated, or its end was lost.
    """
    (size,) = struct.unpack_from("<I", content, 4)
    end = 8 + size
    if len(content) < end:
        raise damaged(f"{len(content):,} bytes, its header says {end:,}")
    check_tail(content, end)
    position = 12
    while position < end:
        kind, length = struct.unpack_from("<4sI", content, position)
        stop = position + 8 + length
        if stop > end:
            raise damaged(_BREAKS_OFF)
        if kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            check_run(content[position + 8 : stop])
        position = stop + length % 2
