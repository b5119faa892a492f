"""The stored values of a DICOM picture: uncompressed, run lengths, JPEG, JPEG-LS, JPEG 2000."""

import logging
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom import config, uid
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder

from pneumobench.data.dicom_parts.gdcm_process import BrokenStreamError, decode_outside
from pneumobench.data.dicom_parts.header import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    UNDEFINED,
    Elements,
    fragments,
)
from pneumobench.data.doorkeeper import UnreadableImageError
from pneumobench.data.image_parts.damage import check_packbits, check_rows
from pneumobench.data.image_parts.jpeg import FRAMES, check_end, check_jpeg
from pneumobench.data.image_parts.jpeg2000 import CODESTREAM, check_jpeg2000, is_jpeg2000

# pydicom tells in log and warnings what it found in a file; nothing of a file may go there.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
config.settings.reading_validation_mode = config.IGNORE

_UNCOMPRESSED = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG)
_PILLOW = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEG2000Lossless, uid.JPEG2000)
_GDCM = (
    *(uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1),
    *(uid.JPEGLSLossless, uid.JPEGLSNearLossless),
)


@dataclass(frozen=True)
class Layout:
    """How the pixels are stored, as the header says and `pneumobench.data.dicom` has checked.

    Attributes
    ----------
    rows, columns
        Height and width in pixels.
    samples
        1 or 3 values for each pixel.
    photometric
        Photometric interpretation: MONOCHROME1, RGB, ...
    allocated, stored
        Bits that a value takes (8 or 16) and of which it makes use.
    signed
        Whether values may be negative.
    planar
        Whether each channel stands by itself.
    overlays
        The bits of a value in which overlays lie, as a mask.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    signed: bool
    planar: bool
    overlays: int = 0

    def options(self, **changes: object) -> dict[str, object]:
        """Return the same in the words of pydicom's decoders."""
        options = {
            "rows": self.rows,
            "columns": self.columns,
            "number_of_frames": 1,
            "samples_per_pixel": self.samples,
            "photometric_interpretation": self.photometric,
            "bits_allocated": self.allocated,
            "bits_stored": self.stored,
            "pixel_representation": int(self.signed),
            "planar_configuration": int(self.planar),
            "pixel_keyword": "PixelData",
        }
        return options | changes


def stored_values(elements: Elements, layout: Layout) -> np.ndarray:
    """Decode the pixel data.

    Damaged data never end the process and never take more memory than the header's picture needs:
    the size in a compressed stream is compared with the header before anything is decoded.

    Returns
    -------
    numpy.ndarray
        uint8, int8, uint16 or int16 [rows, columns] or [rows, columns, 3]; YBR_FULL has become RGB.

    Raises
    ------
    UnreadableImageError
        If the transfer syntax is none of those supported, or the data are damaged or of another
        length than the header says.
    """
    syntax = elements.syntax
    try:
        if syntax in _UNCOMPRESSED:
            return _uncompressed(elements, layout)
        if syntax == uid.RLELossless:
            planes = _run_lengths(b"".join(fragments(elements)), layout)
            return _as_array(planes, layout, planar_configuration=1)
        if syntax in (*_PILLOW, *_GDCM):
            return _compressed(b"".join(fragments(elements)), syntax, layout)
    except UnreadableImageError:
        raise
    except BrokenStreamError as error:
        raise UnreadableImageError(f"the compressed pixel data are damaged ({error})") from None
    except Exception:  # noqa: BLE001 - decoders raise any kind on damaged data
        # The reader's own words may repeat what is in the file.
        raise UnreadableImageError("the pixel data are damaged") from None
    name = uid.UID_dictionary[syntax][0] if syntax in uid.UID_dictionary else "unknown"
    raise UnreadableImageError(f"pixel data in a transfer syntax that is not supported ({name})")


def _uncompressed(elements: Elements, layout: Layout) -> np.ndarray:
    data = elements.found[PIXEL_DATA]
    if data.length == UNDEFINED:
        raise UnreadableImageError("the pixel data are in pieces, but not said to be compressed")
    expected = layout.rows * layout.columns * layout.samples * layout.allocated // 8
    if layout.photometric == "YBR_FULL_422":
        expected = expected * 2 // 3
    # Up to an even length; the order of bytes may have the last one behind the filling.
    end = data.start + expected + expected % 2
    content, filling = elements.content[data.start : min(data.end, end)], data.length - expected
    # Some programs fill up with zeros to a whole block.
    padded = 0 < filling < expected and not any(elements.content[end : data.end])
    if not 0 <= filling <= expected % 2 and not padded:
        raise UnreadableImageError(
            f"{data.length} bytes of pixel data, {expected} would be a picture"
        )
    syntax = EXPLICIT_BIG if elements.syntax == EXPLICIT_BIG else EXPLICIT_LITTLE
    planes = layout.samples if layout.planar else 1
    pixels = np.frombuffer(content, np.uint8, expected)
    if not pixels.size % (layout.rows * planes):
        check_rows(pixels.reshape(layout.rows * planes, -1))
    return _as_array(content, layout, syntax, pixel_vr=data.representation or "OW")


def _as_array(
    content: bytes, layout: Layout, syntax: str = EXPLICIT_LITTLE, **changes: object
) -> np.ndarray:
    options = layout.options(**changes)
    # Colour differences are converted at once, and need their unused bits taken out before.
    options["correct_unused_bits"] = layout.photometric.startswith("YBR")
    values = get_decoder(uid.UID(syntax)).as_array(content, **options)[0]
    return used_bits(values, options["bits_stored"], layout)


def used_bits(values: np.ndarray, stored: int, layout: Layout) -> np.ndarray:
    """Return values without what stands in their bits above the lowest `stored`.

    Raises
    ------
    UnreadableImageError
        If that is neither filling (the same in all, or the sign) nor an overlay: the values are
        larger than the header says, and would begin from zero again.
    """
    unused = 8 * values.itemsize - stored
    # Colour differences have become colours, which may use all bits.
    if unused <= 0 or layout.photometric.startswith("YBR"):
        return values
    codes = values.view(f"u{values.itemsize}")
    above = ((2**unused - 1) << stored) & ~layout.overlays
    high = codes & codes.dtype.type(above)
    if high.any() and (high != above).any():
        negative = codes & codes.dtype.type(1 << (stored - 1))
        if not layout.signed or (high != np.where(negative, above, 0)).any():
            raise UnreadableImageError(
                f"it holds values of more than the {stored} bits that its header says (Bits Stored)"
            )
    return np.right_shift(np.left_shift(values, unused), unused)


def _run_lengths(stream: bytes, layout: Layout) -> bytes:
    """Unpack the run lengths of DICOM PS3.5, annex G; Pillow does each segment, and no more.

    Returns the channels one after the other, values little endian.
    """
    size, width = layout.rows * layout.columns, layout.allocated // 8
    number, *offsets = struct.unpack_from("<16I", stream)
    if number != layout.samples * width:
        raise UnreadableImageError(
            f"{number} segments of run lengths, expected {layout.samples * width}"
        )
    ends = [*offsets[1:number], len(stream)]
    planes = np.empty((layout.samples, size, width), dtype=np.uint8)
    for segment, (start, end) in enumerate(zip(offsets[:number], ends, strict=True)):
        check_packbits(stream[start:end], size)
        # One line, because runs may go on from one row to the next.
        line = Image.frombytes("L", (size, 1), stream[start:end], "packbits", "L")
        # The highest byte comes first.
        planes[segment // width, :, width - 1 - segment % width] = np.asarray(line)[0]
    return planes.tobytes()


def _compressed(stream: bytes, syntax: str, layout: Layout) -> np.ndarray:
    shape = (layout.rows, layout.columns, layout.samples)
    rows, columns, samples, bits = _frame(stream)
    if (rows, columns, samples) != shape:
        raise UnreadableImageError("the compressed picture is not of the size that the header says")
    if not 2 <= bits <= 16 or bits <= 8 < layout.stored:
        raise UnreadableImageError(
            f"the compressed picture has {bits} bits, the header says {layout.stored}"
        )
    if samples > 1 and bits > 8:
        raise UnreadableImageError(f"compressed colours of {bits} bits are not supported")
    on_pillow = syntax in _PILLOW and (syntax != uid.JPEGExtended12Bit or bits == 8)
    if is_jpeg2000(stream):
        check_jpeg2000(stream)
    elif on_pillow:
        check_jpeg(stream, (columns, rows))
    else:
        check_end(stream)
    container = 8 if bits <= 8 else 16
    changes = {
        "bits_allocated": container,
        "bits_stored": min(layout.stored, container),
        "planar_configuration": 0,
    }
    if on_pillow:
        stream = encapsulate([stream], has_bot=False)
        return _as_array(stream, layout, syntax, decoding_plugin="pillow", **changes)
    values = decode_outside(stream, syntax=syntax, shape=shape, bits=bits)
    return _as_array(values, layout, **changes)


def _frame(stream: bytes) -> tuple[int, int, int, int]:
    """Return rows, columns, samples and bits that a JPEG, JPEG-LS or JPEG 2000 stream says.

    Zeros where it says nothing.
    """
    if is_jpeg2000(stream):
        start = stream.find(CODESTREAM)
        right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
        samples, bits = struct.unpack_from(">HB", stream, start + 40)
        return bottom - top, right - left, samples, (bits & 0x7F) + 1
    position = 2
    while position + 10 <= len(stream) and stream[position] == 0xFF:
        if stream[position + 1] == 0xFF:
            position += 1
        elif stream[position + 1] in FRAMES:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", stream, position + 4)
            return rows, columns, samples, bits
        else:
            position += 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
    return 0, 0, 0, 0
