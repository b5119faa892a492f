"""JPEG: decoded once more with libjpeg's warnings as errors, because Pillow does not tell them.

A JPEG file has no checksum: changed bytes that still are a valid stream cannot be noticed.
"""

import re

import numpy as np
import simplejpeg

from pneumobench.data.doorkeeper import UnreadableImageError
from pneumobench.data.image_parts.damage import check_tail, damaged

# A picture is sent in some ten scans; thousands are made to keep a decoder busy.
MOST_SCANS, MOST_PARTS = 200, 100_000
# Neither what is stuffed (below 0x80 in JPEG-LS, zero in JPEG) nor a restart: parts of a scan.
_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
# Starts of frames of JPEG, and of JPEG-LS (ITU-T T.81, table B.1; T.87, C.1.1).
FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC))) | {
    *(0xCD, 0xCE, 0xCF, 0xF7)
}
_PROFILE = b"ICC_PROFILE\0"
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_COEFFICIENTS = 64


def check_jpeg(content: bytes, *sizes: tuple[int, int]) -> None:
    """Refuse a JPEG stream that libjpeg warns of, or that `check_end` refuses.

    Parameters
    ----------
    content
        The stream.
    sizes
        Width and height, in pixels, that it may have; compared before anything is decoded.

    Raises
    ------
    UnreadableImageError
        If it is of another size, truncated or damaged: a missing end, restart markers out of order,
        codes that there are not, fewer or more data than the size in its header needs.
    """
    check_end(content)
    # Pixels do not need their colour profile, and libjpeg would look into it first.
    content = content.replace(_PROFILE, bytes(len(_PROFILE)))
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(content)
        if (width, height) not in sizes:
            raise damaged(
                f"JPEG data of {width}x{height} pixels in a place of {sizes[0][0]}x{sizes[0][1]}"
            )
        # Lossless colours are not converted.
        colours = {"CMYK": "CMYK", "YCCK": "CMYK", "RGB": "RGB"}.get(space, "GRAY")
        # The stream is read whole, whatever is made of it; an eighth of its size costs least. But
        # lossless pictures are written at their full size all the same: there must be room for it.
        simplejpeg.decode_jpeg(
            content,
            colours,
            fastdct=True,
            fastupsample=True,
            min_height=1,
            min_width=1,
            min_factor=8,
            buffer=np.empty(height * width * len(colours), np.uint8),
        )
    except UnreadableImageError:
        raise
    except ValueError as error:
        raise damaged(str(error)) from None


def check_end(content: bytes) -> None:
    """Refuse a JPEG or JPEG-LS stream without its end or a scan, or that goes on behind its end.

    Raises
    ------
    UnreadableImageError
        As `find_end`, or if data follow.
    """
    check_tail(content, find_end(content))


def find_end(content: bytes) -> int:
    """Return where a JPEG or JPEG-LS stream ends: behind its end marker, its scans being complete.

    Raises
    ------
    UnreadableImageError
        If it has no end marker, very many scans, or lacks a scan that others belong to: a
        progressive picture without its last ones is a picture, only not the one that was sent.
    """
    position, scans, missing, progressive = 2, 0, {}, False
    for _ in range(MOST_PARTS):
        if not (found := _MARKER.search(content, position)):
            break
        code, position = content[found.start() + 1], found.end()
        if code == _END:
            if any(map(any, missing.values())):
                raise damaged("scans are missing")
            return position
        if code == _START:
            continue
        length = int.from_bytes(content[position : position + 2], "big")
        if code in FRAMES:
            progressive = code in _PROGRESSIVE
            names = content[position + 8 : position + length : 3]
            # Of each coefficient, how many of its lowest bits did not come; all of them at first.
            missing = {name: bytearray(b"\xff" * _COEFFICIENTS) for name in names}
        if code == _SCAN:
            scans += 1
            _tick_off(missing, content[position + 2 : position + length], progressive)
        if scans > MOST_SCANS:
            raise UnreadableImageError(f"a JPEG picture in more than {MOST_SCANS} scans")
        position += length
    raise damaged("it has no end marker, or too many parts")


def _tick_off(missing: dict[int, bytearray], scan: bytes, progressive: bool) -> None:
    """Note in `missing` what a scan brings."""
    number = scan[0] if scan else 0
    if len(scan) != 2 * number + 4:
        raise damaged("a scan without a header")
    first, last, low = (*scan[2 * number + 1 : 2 * number + 3], scan[2 * number + 3] & 15)
    if not progressive:
        first, last, low = 0, _COEFFICIENTS - 1, 0
    for name in scan[1 : 2 * number + 1 : 2]:
        if name in missing and last < _COEFFICIENTS:
            missing[name][first : last + 1] = bytes([low]) * (last + 1 - first)
