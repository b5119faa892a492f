"""JPEG 2000: parts that follow each other up to the end mark. It has no checksum."""

import struct

from pneumobench.data.image_parts.damage import check_run, check_tail, damaged

# The marks of start and size.
CODESTREAM = b"\xff\x4f\xff\x51"
_PART, _END = b"\xff\x90", b"\xff\xd9"


def is_jpeg2000(stream: bytes) -> bool:
    """Tell whether a compressed stream is JPEG 2000, with or without boxes around it."""
    return stream[:2] != b"\xff\xd8" and CODESTREAM in stream


def check_jpeg2000(stream: bytes) -> None:
    """Refuse a JPEG 2000 stream whose parts are not of their stated lengths, or whose end was lost.

    Raises
    ------
    UnreadableImageError
        If it is one.
    """
    try:
        position = _first_part(stream)
        while stream[position : position + 2] == _PART:
            (length,) = struct.unpack_from(">I", stream, position + 6)
            # Only of the last part the length may be left out.
            end = position + length if length else len(stream.rstrip(b"\0")) - len(_END)
            if end <= position or end > len(stream):
                raise damaged("it breaks off")
            check_run(stream[position:end])
            position = end
    except struct.error:
        raise damaged("it breaks off") from None
    if stream[position : position + 2] != _END:
        raise damaged("it has no end mark")
    check_tail(stream, position + 2)


def _first_part(stream: bytes) -> int:
    """Return where the first part begins: behind the main header."""
    position = stream.index(CODESTREAM) + 2
    while stream[position : position + 2] != _PART:
        position += 2 + struct.unpack_from(">H", stream, position + 2)[0]
    return position
