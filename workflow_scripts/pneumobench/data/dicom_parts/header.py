"""Where the elements of a DICOM file lie: a walk over its tags that keeps none but those asked for.

Names, dates and every other element about the person are stepped over by their length. Nothing is
believed before it is checked: there is no recursion, nothing is allocated by what a header says,
and the number of steps is limited (DICOM PS3.5, section 7; PS3.10, section 7).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pneumobench.data.doorkeeper import UnreadableImageError

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
# A radiograph has some hundred elements.
MOST_STEPS = 100_000
# Beside the pixels: room for every other element when a deflated file is unpacked, in bytes.
ROOM = 16_000_000

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_TRANSFER_SYNTAX = 0x00020010
_PREAMBLE = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_LONG_FORMS = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DAMAGED = "the DICOM file is truncated or damaged"


@dataclass(frozen=True)
class Element:
    """Where a value lies: `content[start:end]`; `length` is UNDEFINED where an end mark counts."""

    tag: int
    representation: str
    start: int
    length: int
    end: int


@dataclass(frozen=True)
class Elements:
    """The elements that were asked for.

    Attributes
    ----------
    content
        The bytes in which they lie: the file's, or what a deflated file unpacks to.
    syntax
        UID of the transfer syntax.
    found
        The elements by tag.
    """

    content: bytes
    syntax: str
    found: dict[int, Element]

    @property
    def order(self) -> str:
        """The byte order, as `struct` names it."""
        return ">" if self.syntax == EXPLICIT_BIG else "<"

    def value(self, tag: int) -> bytes | None:
        """Return the bytes of a value, None where there is none or an empty one."""
        element = self.found.get(tag)
        return self.content[element.start : element.end] or None if element else None

    def text(self, tag: int) -> str | None:
        """Return the first of the texts of an element, None where there is none."""
        value = self.value(tag)
        if value is None:
            return None
        text = value.decode("ascii", "replace").split("\\")[0].strip(" \0")
        return text or None

    def number(self, tag: int) -> float | None:
        """Return the first of the numbers written as text (DS, IS), None where there is none."""
        text = self.text(tag)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            raise UnreadableImageError(_DAMAGED) from None

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the 16-bit numbers of an element (US), () where there are none."""
        value = self.value(tag) or b""
        return struct.unpack(f"{self.order}{len(value) // 2}H", value[: len(value) // 2 * 2])

    def integer(self, tag: int) -> int | None:
        """Return the first of the 16-bit numbers of an element, None where there is none."""
        return next(iter(self.integers(tag)), None)

    def first_item(self, tag: int, wanted: frozenset[int]) -> "Elements | None":
        """Return elements of the first item of a sequence, None where there is no item."""
        sequence = self.found.get(tag)
        if sequence is None:
            return None
        walk = _Walk(self.content, self.syntax)
        for item in walk.elements(sequence.start, sequence.end, items=True):
            inside = walk.elements(item.start, item.end)
            return Elements(
                self.content, self.syntax, {part.tag: part for part in inside if part.tag in wanted}
            )
        return None


def is_dicom(content: bytes) -> bool:
    """Tell whether a file is DICOM, or begins as a DICOM data set without preamble does."""
    return _has_preamble(content) or content[:2] in _FIRST_GROUPS


def find_elements(content: bytes, wanted: frozenset[int], most_pixels: float) -> Elements:
    """Find elements of the top level, up to and including the pixel data.

    A data set without preamble is read if its tags ascend, as the standard demands, up to pixel
    data: anything else that begins with such bytes is refused.

    Parameters
    ----------
    content
        The file.
    wanted
        Tags; that of the pixel data is always among them.
    most_pixels
        Largest picture that will be accepted: a deflated file may not unpack to more.

    Raises
    ------
    UnreadableImageError
        If the file is truncated, damaged or made to be endless.
    """
    whole = _has_preamble(content)
    try:
        start = _PREAMBLE + 4 if whole else 0
        syntax, start = _transfer_syntax(content, start)
        if syntax == DEFLATED_LITTLE:
            content, start = _inflate(content[start:], most_pixels), 0
        found, last, ascending = {}, -1, True
        for element in _Walk(content, syntax).elements(start, len(content)):
            ascending, last = ascending and element.tag > last, element.tag
            if element.tag in wanted or element.tag == PIXEL_DATA:
                found[element.tag] = element
            if element.tag == PIXEL_DATA:
                break
    except UnreadableImageError:
        if whole:
            raise
        found, ascending = {}, False
    if not whole and not (ascending and PIXEL_DATA in found):
        raise UnreadableImageError(
            "the content begins as DICOM without preamble does, but is no complete data set"
        )
    return Elements(content, syntax, found)


def fragments(elements: Elements) -> list[bytes]:
    """Return the pieces of compressed pixel data, without the table of their offsets.

    Raises
    ------
    UnreadableImageError
        If there are none, or their end mark is missing.
    """
    data = elements.found[PIXEL_DATA]
    if data.length != UNDEFINED:
        raise UnreadableImageError("the compressed pixel data are not in pieces, as they must be")
    items = _Walk(elements.content, elements.syntax).elements(data.start, data.end, items=True)
    pieces = [elements.content[item.start : item.end] for item in items]
    if len(pieces) < 2:
        raise UnreadableImageError("the compressed pixel data are empty")
    return pieces[1:]


class _Walk:
    def __init__(self, content: bytes, syntax: str) -> None:
        order = ">" if syntax == EXPLICIT_BIG else "<"
        self.content, self.implicit = content, syntax == IMPLICIT_LITTLE
        self.tag, self.short, self.long = (struct.Struct(order + code) for code in ("HH", "H", "I"))
        self.steps = 0

    def elements(self, position: int, end: int, items: bool = False) -> Iterator[Element]:
        """Yield elements, or the items of a sequence, up to an end mark or the position `end`."""
        while position + 8 <= end:
            tag, representation, start, length = self._header(position)
            if tag in (_ITEM_END, _SEQUENCE_END):
                return
            if (tag == _ITEM) != items:
                raise UnreadableImageError(_DAMAGED)
            position = start + length if length != UNDEFINED else self._end_mark(start)
            if position > end:
                raise UnreadableImageError(_DAMAGED)
            yield Element(tag, representation, start, length, position)

    def _header(self, position: int) -> tuple[int, str, int, int]:
        """Return (tag, value representation, start of the value, its length)."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise UnreadableImageError(f"the DICOM header has more than {MOST_STEPS:,} elements")
        try:
            group, element = self.tag.unpack_from(self.content, position)
            kind = self.content[position + 4 : position + 6]
            # Items have no representation; and some files write implicit parts into explicit ones.
            if group == 0xFFFE or self.implicit or not (kind.isalpha() and kind.isupper()):
                (length,) = self.long.unpack_from(self.content, position + 4)
                return group << 16 | element, "", position + 8, length
            if kind in _LONG_FORMS:
                (length,) = self.long.unpack_from(self.content, position + 8)
                return group << 16 | element, kind.decode("ascii"), position + 12, length
            (length,) = self.short.unpack_from(self.content, position + 6)
        except struct.error:
            raise UnreadableImageError(_DAMAGED) from None
        return group << 16 | element, kind.decode("ascii"), position + 8, length

    def _end_mark(self, position: int) -> int:
        """Return the position behind the end mark of a value of undefined length."""
        depth = 1
        while depth:
            tag, _, start, length = self._header(position)
            if tag in (_ITEM_END, _SEQUENCE_END):
                depth, position = depth - 1, start
            elif length == UNDEFINED:
                depth, position = depth + 1, start
            else:
                position = start + length
        return position


def _has_preamble(content: bytes) -> bool:
    return content[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def _transfer_syntax(content: bytes, start: int) -> tuple[str, int]:
    """Return the UID of the transfer syntax and where the data set begins.

    Without group 2, or without its entry, the data set is little endian, and explicit if its first
    element has a value representation.
    """
    syntax, walk = "", _Walk(content, EXPLICIT_LITTLE)
    while content[start : start + 2] == b"\x02\x00":
        element = next(walk.elements(start, len(content)), None)
        if element is None:
            break
        if element.tag == _TRANSFER_SYNTAX:
            syntax = content[element.start : element.end].decode("ascii", "replace").strip(" \0")
        start = element.end
    kind = content[start + 4 : start + 6]
    explicit = kind.isalpha() and kind.isupper()
    return syntax or (EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE), start


def _inflate(packed: bytes, most_pixels: float) -> bytes:
    # Three channels of 16 bits are the most that a pixel has.
    most = int(min(6 * most_pixels + ROOM, 2**62))
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(packed, most)
    except zlib.error:
        raise UnreadableImageError("the deflated DICOM data are damaged") from None
    if unpacker.unconsumed_tail:
        raise UnreadableImageError(
            f"the deflated DICOM data unpack to more than {most / 1e6:.0f} megabytes"
        )
    if not unpacker.eof:
        raise UnreadableImageError("the deflated DICOM data are truncated")
    return content
