"""The reason for a file that no reader opens: which format it is, and what to save it as."""

import struct

from pneumobench.data.image_parts.jpeg import FRAMES
from pneumobench.data.image_parts.jpeg2000 import CODESTREAM

_SAVE = "save it as PNG, or as TIFF without compression, of 8 or 16 bits"
_READ = {b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"\xff\xd8\xff": "JPEG"}
# By the first bytes, or those behind the first four, which are a length.
_NAMES = {
    b"P7": "a PAM file",
    CODESTREAM: "a JPEG 2000 file",
    b"\xff\x0a": "a JPEG XL file",
    b"%PDF": "a PDF document",
    b"NRRD": "a NRRD file",
    b"8BPS": "a Photoshop file",
}
_BOXES = {
    b"jP  ": "a JPEG 2000 file",
    b"JXL ": "a JPEG XL file",
    b"ftypavif": "an AVIF file",
    b"ftypheic": "a HEIC file",
    b"ftypmif1": "a HEIC file",
}
_JPEG_LS, _LOSSLESS = 0xF7, (0xC3, 0xC7, 0xCB, 0xCF)
# Of TIFF: the order of bytes, and whether places in the file have eight of them.
_TIFF = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}
_VALUES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_KINDS = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers"}
# Photometric interpretations: black is zero, and RGB.
_PLAIN = (1, 2)
_COMPRESSIONS = {
    6: "old JPEG", 7: "JPEG", 22610: "JPEG XR", 33003: "JPEG 2000", 33004: "JPEG 2000",
    33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34933: "PNG",
    34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip


def unsupported(content: bytes) -> str:
    """Return the reason why a file is refused that no reader opens."""
    found = _tiff(content) if content[:4] in _TIFF else _jpeg(content)
    for names, start in ((_NAMES, content[:8]), (_BOXES, content[4:12])):
        found = found or next((name for key, name in names.items() if start.startswith(key)), None)
    if found is not None:
        return f"{found} is not supported; {_SAVE}"
    for start, name in (_READ | dict.fromkeys(_TIFF, "TIFF")).items():
        if content.startswith(start):
            return f"the header of the {name} file is damaged"
    return "the content is no image in a known format"


def _jpeg(content: bytes) -> str | None:
    position = 2 if content.startswith(b"\xff\xd8\xff") else len(content)
    while position + 10 <= len(content) and content[position] == 0xFF:
        code, bits = content[position + 1], content[position + 4]
        if code == _JPEG_LS:
            return f"a JPEG-LS file of {bits} bits"
        if code in FRAMES:
            lossless = "lossless " if code in _LOSSLESS else ""
            return f"a {lossless}JPEG file of {bits} bits" if bits != 8 else None
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return None


def _tiff(content: bytes) -> str | None:
    order, big = _TIFF[content[:4]]
    if big and order == ">":
        return "a big-endian BigTIFF file"
    try:
        tags = _first_values(content, order, big)
    except struct.error:
        return None
    bits, samples, kind = tags.get(258, 1), tags.get(277, 1), tags.get(339, 1)
    parts = [f"of {samples} x {bits} bits" if samples > 1 else f"of {bits} bits"]
    parts.append(_KINDS.get(kind, "values of no known kind"))
    if (compression := tags.get(259, 1)) in _COMPRESSIONS:
        parts.append(f"compressed as {_COMPRESSIONS[compression]}")
    if (photometric := tags.get(262, 1)) not in _PLAIN:
        parts.append(f"photometric interpretation {photometric}")
    return f"a TIFF file {', '.join(parts)}"


def _first_values(content: bytes, order: str, big: bool) -> dict[int, int]:
    """Return the first whole number of each entry of the first directory."""
    count, entry, width = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    (start,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", content, 8 if big else 4)
    (number,) = struct.unpack_from(order + count, content, start)
    start += struct.calcsize(order + count)
    size = struct.calcsize(order + entry)
    tags = {}
    # A directory has some twenty entries.
    for place in range(start, start + min(number, 1000) * (size + width), size + width):
        tag, kind, values = struct.unpack_from(order + entry, content, place)
        if kind in _VALUES:
            at = place + size
            if values * struct.calcsize(_VALUES[kind]) > width:
                (at,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", content, at)
            (tags[tag],) = struct.unpack_from(order + _VALUES[kind], content, at)
    return tags
