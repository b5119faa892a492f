"""Images of many kinds, whole and damaged."""

import io
import struct
import zlib

import numpy as np
from dicom_fixture import compressed, dicom
from dicom_fixture import radiograph as deep_radiograph
from PIL import Image
from pydicom import uid


def radiograph(width: int = 160, height: int = 120) -> Image.Image:
    """Return a radiograph with noise, without a zero."""
    random_ = np.random.default_rng(3)
    coarse = Image.fromarray(random_.integers(20, 230, (9, 11), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * 0.9 + 10
    return Image.fromarray((smooth + random_.integers(0, 9, smooth.shape)).astype(np.uint8))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    target = io.BytesIO()
    (radiograph() if image is None else image).save(target, kind, **options)
    return target.getvalue()


RGB = radiograph().convert("RGB")
DEEP = Image.fromarray(np.asarray(radiograph()).astype(np.uint16) * 256 + 5)
TWELVE = deep_radiograph(60, 80, 12)
WHOLE = {
    "jpeg": encoded("JPEG"),
    "jpeg colour": encoded("JPEG", RGB),
    "jpeg progressive": encoded("JPEG", RGB, progressive=True),
    "jpeg restarts": encoded("JPEG", restart_marker_blocks=4),
    "jpeg inks": encoded("JPEG", radiograph().convert("CMYK")),
    "png": encoded("PNG"),
    "png 16": encoded("PNG", DEEP),
    "png clear": encoded("PNG", radiograph().convert("RGBA")),
    "gif": encoded("GIF"),
    "bmp": encoded("BMP"),
    "ppm": encoded("PPM"),
    "ppm 16": encoded("PPM", DEEP),
    "tiff": encoded("TIFF"),
    "tiff 16": encoded("TIFF", DEEP),
    "tiff lzw": encoded("TIFF", compression="tiff_lzw"),
    "tiff packbits": encoded("TIFF", compression="packbits"),
    "tiff deflate": encoded("TIFF", compression="tiff_adobe_deflate"),
    "tiff jpeg": encoded("TIFF", RGB, compression="jpeg"),
    "webp": encoded("WEBP", RGB),
    "webp lossless": encoded("WEBP", RGB, lossless=True),
    "dicom": dicom(TWELVE, 12),
    "dicom rle": compressed(dicom(TWELVE, 12), uid.RLELossless),
    "dicom jpeg 2000": compressed(dicom(TWELVE, 12), uid.JPEG2000Lossless),
    "dicom jpeg-ls": compressed(dicom(TWELVE, 12), uid.JPEGLSLossless),
}


def mask(levels: tuple[int, ...] = (0, 255)) -> Image.Image:
    rows, columns = np.mgrid[:120, :160]
    lung = ((rows - 60) / 45) ** 2 + ((columns - 50) / 25) ** 2 < 1
    other = ((rows - 60) / 45) ** 2 + ((columns - 110) / 25) ** 2 < 1
    return Image.fromarray(np.array(levels, dtype=np.uint8)[lung + other * (len(levels) - 1)])


ORDERS = {"<": b"II*\0", ">": b"MM\0*"}


def packed(values: np.ndarray, bits: int, order: str) -> bytes:
    """Return values as TIFF stores them: rows of whole bytes, the highest bits first."""
    if bits in (8, 16, 32):
        return values.astype(f"{order}u{bits // 8}").tobytes()
    places = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(places.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def tiff(
    values: np.ndarray, bits: int, *, order: str = "<", photometric: int | None = 1, **tags: int
) -> bytes:
    """Return a TIFF file of one strip, grey or, with three dimensions, in colours."""
    samples = values.shape[2] if values.ndim == 3 else 1
    pixels = packed(values.reshape(len(values), -1), bits, order)
    entries = {
        256: values.shape[1], 257: values.shape[0], 259: 1, 262: photometric, 273: 8,
        277: samples, 278: len(values), 279: len(pixels),
    } | {int(tag[1:]): value for tag, value in tags.items()}  # fmt: skip
    content = ORDERS[order] + struct.pack(f"{order}I", 8 + len(pixels) + 2 * samples) + pixels
    content += struct.pack(f"{order}{samples}H", *[bits] * samples)
    found = [(tag, 4, 1, value) for tag, value in entries.items() if value is not None]
    # Three depths do not fit into the entry itself.
    depths = 8 + len(pixels) if samples > 1 else None
    found.append((258, 3, samples, depths or bits))
    content += struct.pack(f"{order}H", len(found))
    for tag, kind, count, value in sorted(found):
        short = kind == 3 and count == 1
        content += struct.pack(f"{order}HHI", tag, kind, count)
        content += struct.pack(f"{order}HH" if short else f"{order}I", *([value, 0][: 1 + short]))
    return content + struct.pack(f"{order}I", 0)


def chunk(kind: bytes, value: bytes) -> bytes:
    return (
        struct.pack(">I4s", len(value), kind) + value + struct.pack(">I", zlib.crc32(kind + value))
    )


def png16(values: np.ndarray, *chunks: bytes, colour: int = 0) -> bytes:
    """Return a PNG file of 16 bits: grey, or the samples of a colour type."""
    height, width = values.shape[:2]
    rows = values.reshape(height, -1).astype(">u2").view(np.uint8)
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(filtered))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")
