"""TIFF: strips or tiles that lie in the file, hold what they must and decode to their ends.

Only deflated pixels carry a checksum.
"""

import numpy as np
from PIL import Image, TiffImagePlugin

from pneumobench.data.doorkeeper import UnreadableImageError, check_size
from pneumobench.data.image_parts.damage import (
    check_inflated,
    check_packbits,
    check_rows,
    check_run,
    damaged,
)
from pneumobench.data.image_parts.jpeg import check_jpeg

PHOTOMETRIC, FORMAT, COMPRESSION, PLANAR = 262, 339, 259, 284
_BITS, _SAMPLES, _SUBSAMPLING, _JPEG_TABLES = 258, 277, 530, 347
_ROWS = 278
_PALETTE, _COLOURS = 3, 320
_STRIPS, _TILES = (273, 279), (324, 325)
_TILE_SIZE = (322, 323)
WHITE_IS_ZERO = 0
MOST_STRIPS = 1_000_000
# Up to an even length, or a multiple of four.
_FILLING = 3
_COLOUR_DIFFERENCES = 6
_RAW, _LZW, _JPEG, _DEFLATE, _PACKBITS = 1, 5, 7, (8, 32946), 32773
_FAX, _LZMA, _ZSTD = (2, 3, 4), 34925, 50000
_SIGNED = 2

# What Pillow leaves out: white is zero for 12 bits and more, and a big-endian 12 or 32 bits.
for _order, _deep, _full in ((b"II", "I;16", "I;32N"), (b"MM", "I;16B", "I;32B")):
    for _zero in (0, 1):
        for _depth, _mode in ((12, ("I;16", "I;12")), (16, (_deep, _deep)), (32, ("I", _full))):
            TiffImagePlugin.OPEN_INFO.setdefault((_order, _zero, (1,), 1, (_depth,), ()), _mode)


def check_tiff(
    content: bytes, image: TiffImagePlugin.TiffImageFile, maximum_megapixels: float
) -> None:
    """Refuse a TIFF file whose pixels are not all there, or of a kind that would be read wrongly.

    Raises
    ------
    UnreadableImageError
        If a strip or tile lies outside the file, is missing, ends early, is damaged, larger than
        an image may be, or of another size than its data; if the file does not say whether zero is
        black or white; if its values are signed bytes.
    """
    tags = image.tag_v2
    _check_kind(image)
    columns, rows, bits = _piece(image)
    # A tile may be larger than the picture.
    check_size(columns, rows, maximum_megapixels)
    sizes = []
    for start, length in _places(image, columns, rows):
        if length <= 0 or start < 8 or start + length > len(content):
            raise damaged("a strip is missing or outside the file")
        sizes.append((start, length))
    stream = memoryview(content)
    left = _rows_of_pieces(image, rows, len(sizes))
    raw = []
    for (start, length), height in zip(sizes, left, strict=True):
        width = (columns * bits + 7) // 8
        size = height * width
        piece = stream[start : start + length]
        # The last strip may be filled up to the rows of the others.
        if tags.get(COMPRESSION) == _JPEG:
            tables = bytes(tags.get(_JPEG_TABLES, b""))
            whole = tables[:-2] + bytes(piece[2:]) if tables else bytes(piece)
            # Or up to whole blocks of 8 or 16.
            filled = (height, rows, *(-(-height // block) * block for block in (8, 16)))
            check_jpeg(whole, *((columns, number) for number in filled))
        else:
            _check_piece(piece, tags, size, rows * width)
        if tags.get(COMPRESSION, _RAW) == _RAW:
            raw.append(np.frombuffer(content, np.uint8, size, start).reshape(height, -1))
    if raw:
        check_rows(np.concatenate(raw))


def is_white_zero(image: Image.Image) -> bool:
    """Tell whether the deep grey values of an opened TIFF file have zero for white.

    Pillow itself turns those of 8 bits and fewer.
    """
    deep = image.mode == "I" or image.mode.startswith("I;16")
    return image.format == "TIFF" and deep and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO


def is_signed(image: Image.Image) -> bool:
    """Tell whether the values of an opened image may be negative."""
    return image.format == "TIFF" and _SIGNED in image.tag_v2.get(FORMAT, (1,))


def _check_kind(image: TiffImagePlugin.TiffImageFile) -> None:
    tags = image.tag_v2
    compression = tags.get(COMPRESSION, _RAW)
    known = (_RAW, _LZW, _JPEG, *_DEFLATE, _PACKBITS, *_FAX, _LZMA, _ZSTD)
    if compression not in known:
        raise UnreadableImageError(f"a TIFF file in compression {compression} is not supported")
    if PHOTOMETRIC not in tags:
        raise UnreadableImageError("the TIFF file does not say whether zero is black or white")
    if tags[PHOTOMETRIC] == _COLOUR_DIFFERENCES and compression != _JPEG:
        raise UnreadableImageError("a TIFF file of colour differences is not supported")
    if tags[PHOTOMETRIC] == _COLOUR_DIFFERENCES and tags.get(PLANAR, 1) != 1:
        raise UnreadableImageError("a TIFF file of colour differences in planes is not supported")
    bits = max(tags.get(_BITS, (1,)))
    if tags[PHOTOMETRIC] == _PALETTE and len(tags.get(_COLOURS, ())) != 3 << bits:
        raise damaged(f"its palette is missing or not of {1 << bits} colours")
    signed = _SIGNED in tags.get(FORMAT, (1,))
    if signed and bits == 8:
        raise UnreadableImageError("grey values that may be negative are not supported")
    if bits > 8 and len(image.getbands()) > 1 and tags.get(PLANAR, 1) != 1:
        raise UnreadableImageError("colours of 16 bits in planes of their own are not supported")
    if compression != _RAW and tags.prefix == b"MM" and (bits == 32 or (signed and bits == 16)):
        raise UnreadableImageError("compressed big-endian values of 32 bits are not supported")


def _piece(image: TiffImagePlugin.TiffImageFile) -> tuple[int, int, int]:
    """Return columns and rows of a strip or tile, and the bits of a pixel in it."""
    tags = image.tag_v2
    bits = tags.get(_BITS, (1,))
    samples = tags.get(_SAMPLES, 1)
    planes = tags.get(PLANAR, 1) == 2
    every = bits[0] if planes else (sum(bits) if len(bits) == samples else bits[0] * samples)
    if _TILES[0] in tags:
        return tags[_TILE_SIZE[0]], tags[_TILE_SIZE[1]], every
    height = tags[257]
    return tags[256], min(tags.get(_ROWS, height), height), every


def _places(image: TiffImagePlugin.TiffImageFile, columns: int, rows: int) -> list[tuple[int, int]]:
    """Return start and length of every strip or tile; as many as the picture's size needs."""
    tags = image.tag_v2
    offsets, counts = _TILES if _TILES[0] in tags else _STRIPS
    starts = tags[offsets]
    lengths = tags.get(counts)
    planes = tags.get(_SAMPLES, 1) if tags.get(PLANAR, 1) == 2 else 1
    needed = -(-tags[256] // columns) * -(-tags[257] // rows) * planes
    if needed > MOST_STRIPS:
        raise UnreadableImageError(f"a TIFF file in more than {MOST_STRIPS:,} strips")
    if lengths is None or not len(starts) == len(lengths) == needed:
        raise damaged(f"{len(starts)} strips, a picture of its size has {needed}")
    return list(zip(starts, lengths, strict=True))


def _rows_of_pieces(image: TiffImagePlugin.TiffImageFile, rows: int, number: int) -> list[int]:
    """Return the rows that each strip or tile holds; the last strip may hold fewer."""
    tags = image.tag_v2
    if _TILES[0] in tags:
        return [rows] * number
    strips = -(-tags[257] // rows)
    last = tags[257] - rows * (strips - 1)
    return [last if place % strips == strips - 1 else rows for place in range(number)]


def _check_piece(
    stream: memoryview, tags: TiffImagePlugin.ImageFileDirectory_v2, size: int, most: int
) -> None:
    """Check a strip or tile that is not JPEG: `size` bytes of pixels, or `most` with filling."""
    compression = tags.get(COMPRESSION, _RAW)
    if compression == _RAW:
        if not size <= len(stream) <= most + _FILLING:
            raise damaged(f"a strip of {len(stream):,} bytes, its header says {size:,}")
    elif compression in _DEFLATE:
        check_inflated([stream], size, most)
    elif compression == _PACKBITS:
        check_packbits(stream, size, most)
    elif compression not in _FAX:
        check_run(stream)
