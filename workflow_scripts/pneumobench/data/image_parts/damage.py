"""What every format has in common: where a file ends, and whether its end was lost."""

import zlib
from collections.abc import Iterable

import numpy as np
from PIL import Image

from pneumobench.data.doorkeeper import UnreadableImageError

# What programs put behind a picture to fill a block or a line up.
PADDING = b"\0\xff\r\n\t \x1a"
# No compressed picture that is not blank ends in, or holds, so many zeros, in bytes. A disk loses
# whole blocks.
LONGEST_END, BLOCK = 64, 512
# Real radiographs with a black frame have up to 0.07 of their rows below it, and as many above.
LARGEST_SHARE = 1 / 3
# An edge that breaks off: behind it, a row misses this share of what both rows above have.
BROKEN_OFF = 0.02

_PIECE = 1 << 20


def damaged(detail: str) -> UnreadableImageError:
    """Return the error that says of an image what is wrong with it."""
    return UnreadableImageError(f"the image is truncated or damaged ({detail})")


def check_tail(content: bytes, end: int) -> None:
    """Refuse a file that goes on behind its picture with anything but padding.

    Raises
    ------
    UnreadableImageError
        If it does: the end of the picture, or its size, is not what the file says.
    """
    rest = content[end:].strip(PADDING)
    if rest:
        raise damaged(f"{len(content) - end:,} bytes follow the end of the picture")


def check_run(stream: bytes | memoryview) -> None:
    """Refuse compressed data that end in zeros or hold a block of them: an incomplete copy does.

    Raises
    ------
    UnreadableImageError
        If they do.
    """
    content = bytes(stream)
    if bytes(BLOCK) in content:
        raise damaged("a block of its compressed data is zeros")
    if content.endswith(bytes(LONGEST_END)):
        raise damaged("its compressed data end in zeros: the end was lost")


def check_rows(rows: np.ndarray) -> None:
    """Refuse uncompressed pixels whose end was lost and reads as zeros.

    A black border is no damage. So zeros at the end count only where they begin in the midst of a
    row that both rows above continue, or where they are more than a third of the picture and more
    than twice the zeros at its beginning.

    Parameters
    ----------
    rows
        uint8 [rows, bytes of a row], in the order of the file.

    Raises
    ------
    UnreadableImageError
        If the end was lost.
    """
    if not rows.size or rows[-1].any():
        return
    filled = np.flatnonzero(rows.any(axis=1))
    if not len(filled):
        return
    first, last = int(filled[0]), int(filled[-1])
    share = (len(rows) - 1 - last) / len(rows)
    if (share > LARGEST_SHARE and share > 2 * first / len(rows)) or _breaks_off(rows, last):
        raise damaged(f"from one pixel on, {share:.0%} of its rows, all is zero: the end was lost")


def _breaks_off(rows: np.ndarray, last: int) -> bool:
    """Tell whether a row ends where the two above, equal in extent and mostly filled, go on."""
    if last < 2:
        return False
    near = max(4, rows.shape[1] // 100)
    places = [np.flatnonzero(row) for row in rows[last - 2 : last + 1]]
    if not all(map(len, places)):
        return False
    (left, right), (other_left, other_right), (cut_left, cut) = (
        (place[0], place[-1]) for place in places
    )
    width = other_right - other_left + 1
    return bool(
        max(abs(left - other_left), abs(cut_left - other_left), abs(right - other_right)) <= near
        and len(places[1]) > width / 2 > rows.shape[1] / 8
        and other_right - cut > max(BROKEN_OFF * rows.shape[1], near)
    )


def check_inflated(pieces: Iterable[bytes | memoryview], *sizes: int) -> None:
    """Unpack a zlib stream, its checksum included, and refuse one that is of none of the sizes.

    Raises
    ------
    UnreadableImageError
        If it is damaged, truncated, shorter or longer. Nothing is kept of what it unpacks to.
    """
    unpacker, found, most = zlib.decompressobj(), 0, max(sizes)
    try:
        for piece in pieces:
            rest: bytes | memoryview = piece
            while len(rest) and not unpacker.eof and found <= most:
                found += len(unpacker.decompress(rest, _PIECE))
                rest = unpacker.unconsumed_tail
            if unpacker.unused_data.strip(PADDING) or (unpacker.eof and bytes(rest).strip(PADDING)):
                raise damaged("data follow the end of its compressed data")
        while not unpacker.eof and found <= most and (more := unpacker.decompress(b"", _PIECE)):
            found += len(more)
    except zlib.error as error:
        raise damaged(str(error)) from None
    if found > most:
        raise damaged("it holds more rows than its header says")
    if not unpacker.eof:
        raise damaged("its compressed data break off")
    if found not in sizes:
        raise damaged(f"{found:,} bytes of pixels, its header says {sizes[0]:,}")


def check_packbits(stream: bytes | memoryview, *sizes: int) -> None:
    """Refuse run lengths (TIFF's PackBits, DICOM's RLE) that stand for none of the sizes, in bytes.

    Raises
    ------
    UnreadableImageError
        If they stand for fewer or more, or end in zeros as `check_run` says.
    """
    content = bytes(stream)
    check_run(content)
    # Behind them may be what fills them up: zeros, or the code that stands for nothing.
    filled = content.rstrip(b"\0\x80")
    if not any(
        unpacks_to(content, size, "packbits", "L")
        and not unpacks_to(filled, size + 1, "packbits", "L")
        for size in sizes
    ):
        raise damaged("its run lengths do not have the rows of its header")


def unpacks_to(stream: bytes, size: int, codec: str, *options: object) -> bool:
    """Tell whether a stream unpacks to at least `size` pixels of 8 bits, with a codec of Pillow."""
    try:
        Image.frombytes("L", (size, 1), stream, codec, *options)
    except (ValueError, OSError):
        return False
    return True
