"""DICOM files: from their bytes to an 8-bit picture, without reading who the patient is."""

import numpy as np
from PIL import Image
from pydicom import uid

from pneumobench.data.dicom_parts import grey
from pneumobench.data.dicom_parts.header import PIXEL_DATA, Elements, find_elements
from pneumobench.data.dicom_parts.pixels import Layout, stored_values
from pneumobench.data.doorkeeper import UnreadableImageError, check_size

SOP_CLASS = 0x00080016
SAMPLES, PHOTOMETRIC, PLANAR, FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS = 0x00280010, 0x00280011
ALLOCATED, STORED, HIGH_BIT, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
# Where in the values an overlay lies, of each of the groups 6000 to 601E.
OVERLAY_BITS = tuple(group << 16 | 0x0102 for group in range(0x6000, 0x6020, 2))
FLOAT_PIXELS = (0x7FE00008, 0x7FE00009)

# All that is ever read of a file; nothing of it tells who the patient is.
WANTED = frozenset(
    (
        *(SOP_CLASS, SAMPLES, PHOTOMETRIC, PLANAR, FRAMES, ROWS, COLUMNS),
        *(ALLOCATED, STORED, HIGH_BIT, SIGNED, *OVERLAY_BITS, *FLOAT_PIXELS, PIXEL_DATA),
        *(grey.WINDOW_CENTER, grey.WINDOW_WIDTH, grey.WINDOW_FUNCTION, grey.WINDOW_TABLES),
        *(grey.RESCALE_SLOPE, grey.RESCALE_INTERCEPT, grey.MODALITY_TABLES),
        *(tag for pair in grey.PALETTES for tag in pair),
    )
)
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
SAMPLES_OF = dict.fromkeys((*MONOCHROME, "PALETTE COLOR"), 1) | dict.fromkeys(COLOUR, 3)


def read_dicom(content: bytes, maximum_megapixels: float) -> tuple[Image.Image, str, int]:
    """Decode a DICOM file of one picture.

    Grey values pass the rescale, the first look-up table or window and the inversion of
    MONOCHROME1: see `pneumobench.data.dicom_parts.grey`. Messages hold numbers of the picture's
    layout and nothing else of the file.

    Parameters
    ----------
    content
        The file.
    maximum_megapixels
        Larger pictures are refused before they are decoded.

    Returns
    -------
    picture
        Mode L, 0 (black) to 255, or RGB.
    mode
        For example "DICOM MONOCHROME1 12 bit".
    bits
        Bits of which the stored values make use.

    Raises
    ------
    UnreadableImageError
        If the file holds no picture or several, is damaged or truncated, or of a kind that is not
        supported.
    """
    try:
        return _read(content, maximum_megapixels)
    except UnreadableImageError:
        raise
    except Exception:  # noqa: BLE001 - any kind may be raised on damaged content
        # Its words may repeat what is in the file.
        raise UnreadableImageError("the DICOM file is truncated or damaged") from None


def _read(content: bytes, maximum_megapixels: float) -> tuple[Image.Image, str, int]:
    elements = find_elements(content, WANTED, maximum_megapixels * 1e6)
    _check_content(elements)
    layout = _layout(elements)
    check_size(layout.columns, layout.rows, maximum_megapixels)
    values = stored_values(elements, layout)
    if layout.photometric in MONOCHROME:
        pixels = grey.look_up(grey.grey_table(elements, layout), values, layout.signed)
    elif layout.photometric == "PALETTE COLOR":
        pixels = grey.palette_colours(elements, values)
    else:
        pixels = grey.to_8_bits(values / (2**layout.stored - 1)) if layout.stored > 8 else values
    mode = f"DICOM {layout.photometric} {layout.stored} bit"
    return Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8)), mode, layout.stored


def _check_content(elements: Elements) -> None:
    """Refuse what is no single picture: reports, documents, radiographs in motion."""
    if any(tag in elements.found for tag in FLOAT_PIXELS):
        raise UnreadableImageError("floating point pixels are not supported")
    if PIXEL_DATA not in elements.found:
        kind = uid.UID_dictionary.get(elements.text(SOP_CLASS) or "")
        named = f" ({kind[0]})" if kind else ""
        raise UnreadableImageError(f"the DICOM file holds no picture{named}")
    frames = elements.number(FRAMES)
    if frames is not None and frames != 1:
        raise UnreadableImageError(f"the DICOM file holds {frames:.0f} pictures, expected one")


def _layout(elements: Elements) -> Layout:
    """Read and check how the pixels are stored."""
    photometric = elements.text(PHOTOMETRIC)
    if photometric not in SAMPLES_OF:
        raise UnreadableImageError("its photometric interpretation is missing or not supported")
    samples = _number(elements, SAMPLES, "number of samples")
    rows, columns = _number(elements, ROWS, "height"), _number(elements, COLUMNS, "width")
    allocated, stored = _number(elements, ALLOCATED, "depth"), elements.integer(STORED)
    stored = allocated if stored is None else stored
    if samples != SAMPLES_OF[photometric]:
        raise UnreadableImageError(f"{samples} samples a pixel do not fit {photometric}")
    if rows == 0 or columns == 0:
        raise UnreadableImageError(f"a picture of {columns}x{rows} pixels")
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise UnreadableImageError(
            f"pixels of {stored} bits in {allocated} are not supported, 1 to 16 in 8 or 16 are"
        )
    high = elements.integer(HIGH_BIT)
    if high is not None and high != stored - 1:
        raise UnreadableImageError(f"pixels of {stored} bits whose highest is bit {high}")
    signed = elements.integer(SIGNED) == 1
    planar = elements.integer(PLANAR) == 1
    overlays = sum({1 << place for tag in OVERLAY_BITS if (place := elements.integer(tag))})
    shape = (rows, columns, samples)
    return Layout(*shape, photometric, allocated, stored, signed, planar, overlays)


def _number(elements: Elements, tag: int, name: str) -> int:
    number = elements.integer(tag)
    if number is None:
        raise UnreadableImageError(f"the DICOM header says no {name} of the picture")
    return number
