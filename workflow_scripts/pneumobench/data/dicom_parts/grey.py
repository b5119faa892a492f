"""From stored values to grey: rescale, look-up table or window, inversion, 8 bits.

DICOM PS3.3, sections C.11.1 (modality), C.11.2 (values of interest) and C.7.6.3 (pixels). A stored
value has at most 16 bits, so that all steps together are one table of at most 65,536 entries.
"""

from dataclasses import dataclass

import numpy as np

from pneumobench.data.dicom_parts.header import Elements
from pneumobench.data.dicom_parts.pixels import Layout
from pneumobench.data.doorkeeper import UnreadableImageError

WINDOW_CENTER, WINDOW_WIDTH, WINDOW_FUNCTION = 0x00281050, 0x00281051, 0x00281056
RESCALE_INTERCEPT, RESCALE_SLOPE = 0x00281052, 0x00281053
MODALITY_TABLES, WINDOW_TABLES = 0x00283000, 0x00283010
TABLE_DESCRIPTOR, TABLE_DATA = 0x00283002, 0x00283006
PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_TABLE = frozenset((TABLE_DESCRIPTOR, TABLE_DATA))
_DAMAGED = "its look-up table is damaged"


@dataclass(frozen=True)
class Table:
    """A look-up table.

    Attributes
    ----------
    first
        The value that the first entry is for; smaller values get it, too.
    entries
        int64 [1 to 65,536].
    bits
        Entries are below 2 to this power.
    """

    first: int
    entries: np.ndarray
    bits: int

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the entries for values of any shape."""
        places = np.clip(values, -(2**31), 2**31).astype(np.int64) - self.first
        return self.entries[np.clip(places, 0, len(self.entries) - 1)]

    def share(self, values: np.ndarray) -> np.ndarray:
        """Return the entries as shares of the largest that there may be, 0 to 1."""
        return self(values) / (2**self.bits - 1)


def grey_table(elements: Elements, layout: Layout) -> np.ndarray:
    """Return the grey value of every stored value.

    With a window or a table of values of interest (the first of each; the table is taken before
    the window), 0 and 255 are the ends of its range. Without, they are the ends of what
    the stored bits can express after the rescale, not the extremes of this image, so that exposure
    stays what it was. Grey is rounded to the nearest.

    Returns
    -------
    numpy.ndarray
        uint8 [2 ** stored bits], from the smallest stored value (negative if signed) on.

    Raises
    ------
    UnreadableImageError
        If a rescale, window or table makes no sense.
    """
    smallest = -(2 ** (layout.stored - 1)) if layout.signed else 0
    stored = np.arange(smallest, smallest + 2**layout.stored)
    with np.errstate(all="ignore"):
        values, low, high = _rescale(elements, layout, stored)
        share = _values_of_interest(elements, low < 0, values)
        if share is None:
            share = (values - low) / (high - low)
    if not np.isfinite(share).all():
        raise UnreadableImageError("its rescale or window makes no sense")
    grey = to_8_bits(share)
    return 255 - grey if layout.photometric == "MONOCHROME1" else grey


def look_up(table: np.ndarray, values: np.ndarray, signed: bool) -> np.ndarray:
    """Return the grey values of stored values; those beyond the stored bits get the nearest.

    Parameters
    ----------
    table
        As `grey_table` returns it.
    values
        Integers of 8 or 16 bits, of any shape.
    signed
        Whether the table begins with negative values.
    """
    codes = np.arange(2 ** (8 * values.itemsize)).astype(f"u{values.itemsize}")
    places = codes.view(values.dtype).astype(np.int64) + (len(table) // 2 if signed else 0)
    return table[places.clip(0, len(table) - 1)][values.view(codes.dtype)]


def palette_colours(elements: Elements, values: np.ndarray) -> np.ndarray:
    """Return the colours, uint8 [rows, columns, 3], of values that are places in a palette."""
    channels = []
    for descriptor, data in PALETTES:
        if not elements.value(data):
            raise UnreadableImageError("its palette is missing, or in segments")
        channels.append(to_8_bits(_read_table(elements, descriptor, data, False).share(values)))
    return np.stack(channels, axis=-1)


def to_8_bits(share: np.ndarray) -> np.ndarray:
    """Return shares of 0 to 1 as uint8, rounded to the nearest of 0 to 255."""
    return np.floor(np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def _rescale(
    elements: Elements, layout: Layout, stored: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Return the rescaled values, and the smallest and the largest that there may be."""
    if item := elements.first_item(MODALITY_TABLES, _TABLE):
        table = _read_table(item, TABLE_DESCRIPTOR, TABLE_DATA, layout.signed)
        return table(stored).astype(np.float64), 0.0, 2.0**table.bits - 1
    slope, intercept = elements.number(RESCALE_SLOPE), elements.number(RESCALE_INTERCEPT)
    slope = 1.0 if slope is None else slope
    values = stored * slope + (intercept or 0.0)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(values).all() and high > low and np.isfinite(high - low)):
        raise UnreadableImageError("its rescale slope or intercept makes no sense")
    return values, low, high


def _values_of_interest(elements: Elements, signed: bool, values: np.ndarray) -> np.ndarray | None:
    """Return shares of 0 to 1 by the first table or window, None where there is neither."""
    if item := elements.first_item(WINDOW_TABLES, _TABLE):
        return _read_table(item, TABLE_DESCRIPTOR, TABLE_DATA, signed).share(np.rint(values))
    center, width = elements.number(WINDOW_CENTER), elements.number(WINDOW_WIDTH)
    if center is None or width is None:
        return None
    function = elements.text(WINDOW_FUNCTION) or "LINEAR"
    least = 1 if function == "LINEAR" else 0
    if not (np.isfinite(center) and np.isfinite(width) and width >= least and width > 0):
        raise UnreadableImageError("its window makes no sense")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return (values - center) / width + 0.5
    if function != "LINEAR":
        raise UnreadableImageError("its window is of an unknown kind")
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return (values - (center - 0.5)) / (width - 1) + 0.5


def _read_table(elements: Elements, descriptor: int, data: int, signed: bool) -> Table:
    """Read a look-up table; its first entry is for a negative value only if those are there."""
    try:
        number, first, bits = elements.integers(descriptor)
    except ValueError:
        raise UnreadableImageError(_DAMAGED) from None
    number = number or 2**16
    content = elements.value(data) or b""
    in_bytes = bits == 8 and len(content) in (number, number + number % 2)
    if not 8 <= bits <= 16 or not (in_bytes or len(content) == 2 * number):
        raise UnreadableImageError(_DAMAGED)
    if not in_bytes:
        entries = np.frombuffer(content, f"{elements.order}u2")
    else:
        # Bytes in pairs: words, of which the order counts.
        pairs = np.frombuffer(content.ljust(number + number % 2, b"\0"), f"{elements.order}u2")
        entries = pairs.astype("<u2").view(np.uint8)[:number]
    entries = entries.astype(np.int64) & (2**bits - 1)
    return Table(first - 2**16 if signed and first >= 2**15 else first, entries, bits)
