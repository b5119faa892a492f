"""PNG: the checksums of all chunks and of the pixels, and as many rows as the header says."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pneumobench.data.image_parts.damage import check_inflated, check_tail, damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Of Adam7: first column and row, and the distance to the next.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)),
    *((1, 0, 2, 2), (0, 1, 1, 2)),
)
MOST_CHUNKS = 100_000
# Longer notes hold no orientation, in bytes.
_LONGEST_NOTE = 1_000_000


@dataclass(frozen=True)
class Header:
    """What the chunk IHDR says; `bits` for each channel of a pixel."""

    width: int
    height: int
    bits: int
    channels: int
    interlaced: bool

    @property
    def size(self) -> int:
        """Bytes that the pixels unpack to: each row with a byte for its filter."""
        whole = ((0, 0, 1, 1),)
        passes = _PASSES if self.interlaced else whole
        return sum(
            rows * (1 + (columns * self.bits * self.channels + 7) // 8)
            for left, top, right, down in passes
            if (columns := len(range(left, self.width, right)))
            and (rows := len(range(top, self.height, down)))
        )


def check_chunks(content: bytes) -> None:
    """Refuse a PNG file with a wrong checksum, without an end, or in very many parts.

    Raises
    ------
    UnreadableImageError
        If it is one.
    """
    view = memoryview(content)
    for kind, start, length in _chunks(content):
        (checksum,) = struct.unpack_from(">I", content, start + length)
        if zlib.crc32(view[start - 4 : start + length]) != checksum:
            name = kind.decode("ascii", "replace")
            raise damaged(f"the checksum of its part {name!r} is wrong")


def check_png(content: bytes) -> None:
    """Refuse a PNG file that `check_chunks` lets in, but that has too few or too many rows.

    Raises
    ------
    UnreadableImageError
        If it has, or two headers or palettes, if the checksum of the rows is wrong, or if data
        follow.
    """
    view, end, header, palette, pieces = memoryview(content), 0, None, False, []
    for kind, start, length in _chunks(content):
        end = start + length + 4
        value = view[start : start + length]
        if kind == b"IHDR" and header is not None:
            raise damaged("it has two headers")
        if kind == b"IHDR":
            header = read_header(value)
        elif kind == b"PLTE":
            if palette or pieces:
                raise damaged("its palette comes twice, or behind its pixels")
            palette = True
        elif kind == b"IDAT":
            pieces.append(value)
    if header is None:
        raise damaged("it has no header")
    check_tail(content, end)
    check_inflated(pieces, header.size)


def significant_bits(content: bytes) -> int | None:
    """Return the most bits of a colour that the chunk sBIT calls significant, None without one.

    Transparency, which comes last of two or four, does not count.
    """
    for kind, start, length in _chunks(content):
        if kind == b"sBIT":
            bits = max(content[start : start + length][: 3 if length > 2 else 1], default=0)
            # Of others it makes no sense, and readers ignore it.
            return bits if 1 <= bits <= 16 else None
        if kind == b"IDAT":
            return None
    return None


def read_header(value: bytes | memoryview) -> Header:
    """Read the chunk IHDR."""
    try:
        width, height, bits, colour, *_, interlaced = struct.unpack(">IIBBBBB", value)
        return Header(width, height, bits, _CHANNELS[colour], bool(interlaced))
    except (struct.error, KeyError):
        raise damaged("its header makes no sense") from None


def without_pixels(stream: io.BufferedReader) -> bytes:
    """Return a PNG file without its pixels: notes that stand behind them come before their place.

    The pixels are stepped over, not read.
    """
    # Unbuffered, or the pixels would be read after all.
    raw, position, parts = stream.raw, len(SIGNATURE), [SIGNATURE]
    for _ in range(MOST_CHUNKS):
        raw.seek(position)
        head = raw.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind not in (b"IDAT", b"fdAT", b"IEND") and length <= _LONGEST_NOTE:
            parts.append(head + raw.read(length + 4))
        position += length + 12
        if kind == b"IEND":
            break
    empty = struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))
    return b"".join((*parts, empty))


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and length of each chunk up to the end mark.

    Raises
    ------
    UnreadableImageError
        If the file ends before.
    """
    position = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        if position + 12 > len(content):
            break
        length, kind = struct.unpack_from(">I4s", content, position)
        if position + 12 + length > len(content):
            break
        yield kind, position + 8, length
        if kind == b"IEND":
            return
        position += 12 + length
    raise damaged("it has no end mark, or too many parts")
