"""Damage that decoders pass over in silence, in every format: a file is whole, or it is set aside.

Formats with checksums (PNG, deflated TIFF) never give other pixels than the original's; of the
others changed values inside the data cannot be noticed, but lost, missing and surplus data are.
"""

import contextlib
import io
import random
import re
import struct
import time
import zlib

import numpy as np
import pytest
from damaged_images import RGB, WHOLE, encoded, mask, radiograph
from dataset_fixture import LIMITS, index
from dicom_fixture import compressed, dicom
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate, generate_frames

from pneumobench.data.doorkeeper import UnreadableImageError, check_picture
from pneumobench.data.image_parts.damage import check_rows
from pneumobench.data.images import read_header, read_picture
from pneumobench.data.manifest import read_manifest

CHECKSUMS = ("png", "tiff deflate")
# What is written without compression, and how large its head is at most.
PLAIN = ("bmp", "ppm", "ppm 16", "tiff", "tiff 16", "dicom")
# GDCM decodes in a process of its own, which takes 0.15 s.
SLOW = ("dicom jpeg-ls",)
ENDS = {"jpeg": b"\xff\xd9", "gif": b"\0;"}


def grey(content: bytes) -> np.ndarray:
    return np.asarray(read_picture(content, 1.0).grey)


def refused(content: bytes) -> str:
    with pytest.raises(UnreadableImageError) as error:
        read_picture(content, 1.0)
    return str(error.value)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_let_in_with_pillows_pixels(name):
    found = read_picture(WHOLE[name], 1.0)
    check_picture(found.image, found.grey, found.bits, LIMITS)
    if "16" not in name and not name.startswith("dicom"):
        expected = Image.open(io.BytesIO(WHOLE[name])).convert("RGB").convert("L")
        np.testing.assert_array_equal(found.grey, expected)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_of_which_the_end_is_missing_or_zero(name):
    content = WHOLE[name]
    for share in (0.3, 0.5, 0.7, 0.93):
        # In the midst of a row of 160 bytes.
        place = int(len(content) * share) // 160 * 160 + 100
        refused(content[:place])
        refused(content[:place] + bytes(len(content) - place))
        for kind, end in ENDS.items():
            if name.startswith(kind):
                refused(content[:place] + end)


@pytest.mark.parametrize("name", WHOLE)
def test_padding_may_follow_a_picture_but_nothing_else(name):
    content = WHOLE[name]
    whole = grey(content)
    if not name.startswith("dicom"):
        for padding in (b"\0" * 512, b"\r\n", b"\xff"):
            np.testing.assert_array_equal(grey(content + padding), whole)
    if not name.startswith(("tiff", "dicom")):
        assert "follow the end of the picture" in refused(content + b"more")
        assert "follow the end of the picture" in refused(content + content)


def size_changed(content: bytes, place: int, kind: str, value: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(kind, changed, place, value)
    return bytes(changed)


@pytest.mark.parametrize("height", [60, 104, 140, 240])
def test_headers_that_lie_about_the_height(height):
    for name in ("jpeg", "jpeg colour", "jpeg progressive", "jpeg restarts"):
        content = WHOLE[name]
        start = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
        refused(size_changed(content, start + 5, ">H", height))
    content = WHOLE["png"]
    changed = size_changed(content, 20, ">I", height)
    checksum = zlib.crc32(changed[12:29])
    refused(size_changed(changed, 29, ">I", checksum))
    refused(size_changed(WHOLE["bmp"], 22, "<i", height))
    refused(WHOLE["ppm"].replace(b"160 120", f"160 {height}".encode()))
    gif = size_changed(WHOLE["gif"], 8, "<H", height)
    refused(gif)
    refused(size_changed(gif, gif.index(b",\0\0\0\0") + 7, "<H", height))
    for name in ("tiff", "tiff lzw", "tiff packbits", "tiff deflate"):
        content = WHOLE[name]
        place = content.index(struct.pack("<H", 257)) + 8
        # Behind the rows that its header says, LZW is not looked into.
        if name != "tiff lzw" or height > 120:
            refused(size_changed(content, place, "<I", height))


def chunk(kind: bytes, value: bytes) -> bytes:
    return (
        struct.pack(">I4s", len(value), kind) + value + struct.pack(">I", zlib.crc32(kind + value))
    )


def palette_png(colours: int, *more: bytes) -> bytes:
    """Return a PNG file whose pixels choose from as many greys, maybe too few."""
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(radiograph()))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 160, 120, 8, 3, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(np.repeat(np.arange(colours), 3).tolist())) if colours else b""
    parts = (header, palette, *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_palettes_have_the_colours_of_all_pixels(tmp_path):
    np.testing.assert_array_equal(grey(palette_png(256)), radiograph())
    assert "its palette is missing" in refused(palette_png(0))
    (tmp_path / "radiograph.png").write_bytes(palette_png(0))
    with pytest.raises(UnreadableImageError, match="its palette is missing"):
        read_header(tmp_path / "radiograph.png", 1.0)
    last = int(np.asarray(radiograph()).max())
    said = f"a pixel of colour {last}, its palette has {last}"
    assert said in refused(palette_png(last))
    palette = radiograph().convert("P")
    palette.putpalette([value for value in range(255, -1, -1) for _ in range(3)])
    for image in (radiograph(), palette):
        content = encoded("BMP", image)
        # Which colours are used; the palette itself stays as long.
        assert said in refused(size_changed(content, 46, "<I", last))
        content = encoded("GIF", image)
        size = 3 * 256
        assert "its palette has 128" in refused(
            content[:10]
            + bytes([content[10] & 0xF8 | 6])
            + content[11 : 13 + size // 2]
            + content[13 + size :]
        )
    broken = encoded("TIFF", palette)
    place = broken.index(struct.pack("<HHI", 320, 3, 768)) + 4
    assert "its palette is missing or not of 256" in refused(size_changed(broken, place, "<I", 765))


def test_png_parts_that_come_twice():
    content = WHOLE["png"]
    other = chunk(b"IHDR", struct.pack(">IIBBBBB", 160, 60, 8, 0, 0, 0, 0))
    assert "two headers" in refused(content[:33] + other + content[33:])
    assert "two headers" in refused(content[:-12] + content[8:33] + content[-12:])
    again = chunk(b"PLTE", bytes(768))
    assert "its palette comes twice" in refused(palette_png(256, again))


def of_bits(bits: int, kind: int = 1, samples: int = 1, compression: int = 1) -> bytes:
    """Return a TIFF file of 16 x 16 values that Pillow does not open."""
    size = 256 * samples * bits // 8
    entries = {
        256: 16, 257: 16, 258: bits, 259: compression, 262: 1, 273: 8, 277: samples, 278: 16,
        279: size, 339: kind,
    }  # fmt: skip
    content = b"II*\0" + struct.pack("<I", 8 + size) + bytes(size) + struct.pack("<H", 10)
    return content + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in entries.items())


def jpeg_of(code: int, bits: int) -> bytes:
    stream = WHOLE["jpeg"]
    start = stream.index(b"\xff\xc0")
    return (
        stream[: start + 1]
        + bytes([code])
        + stream[start + 2 : start + 4]
        + bytes([bits])
        + (stream[start + 5 :])
    )


UNSUPPORTED = {
    "a JPEG file of 12 bits": jpeg_of(0xC1, 12),
    "a lossless JPEG file of 16 bits": jpeg_of(0xC3, 16),
    "a JPEG-LS file of 8 bits": jpeg_of(0xF7, 8),
    "a JPEG 2000 file": encoded("JPEG2000"),
    "a JPEG XL file": b"\xff\x0a" + bytes(50),
    "a HEIC file": b"\0\0\0\x18ftypheic" + bytes(50),
    "a PAM file": b"P7\nWIDTH 4\n",
    "a big-endian BigTIFF file": b"MM\0+\0\x08\0\0" + bytes(50),
    "a TIFF file of 10 bits, whole numbers": of_bits(10),
    "a TIFF file of 64 bits, floating-point numbers": of_bits(64, 3),
    "a TIFF file of 16 bits, values of no known kind": of_bits(16, 4),
    "a TIFF file of 2 x 16 bits, whole numbers": of_bits(16, samples=2),
    "a TIFF file of 8 bits, whole numbers, compressed as LERC": of_bits(8, compression=34887),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_named(name, tmp_path):
    said = f"{name} is not supported; save it as PNG, or as TIFF without compression, of 8 or 16"
    content = UNSUPPORTED[name]
    assert refused(content).startswith(said)
    (tmp_path / "radiograph").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=re.escape(said)):
        read_header(tmp_path / "radiograph", 1.0)


def test_damaged_headers_are_no_unknown_formats():
    for content, name in (
        (WHOLE["png"].replace(b"\r\n", b"\n", 1), "PNG"),
        (b"GIF89", "GIF"),
        (b"BM", "BMP"),
        (b"II*\0\xff\xff\xff\xff", "TIFF"),
        (of_bits(10)[:-100], "TIFF"),
    ):
        assert refused(content) == f"the header of the {name} file is damaged"
    assert refused(b"no image") == "the content is no image in a known format"


def test_damaged_notes_do_not_matter_to_the_pixels(tmp_path):
    stream = WHOLE["jpeg"]
    profile = b"ICC_PROFILE\0\x07\x01" + bytes(20)
    marker = b"\xff\xe2" + struct.pack(">H", 2 + len(profile)) + profile
    exif = chunk(b"eXIf", b"junk that is no note")
    png = WHOLE["png"]
    for content, sound in (
        (stream[:2] + marker + stream[2:], stream),
        (png[:33] + exif + png[33:], png),
        (png[:-12] + exif + png[-12:], png),
    ):
        np.testing.assert_array_equal(grey(content), grey(sound))
        (tmp_path / "radiograph").write_bytes(content)
        outline = read_header(tmp_path / "radiograph", 1.0)
        assert (outline.width, outline.height) == (160, 120)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_an_image_that_is_wholly_transparent_is_named_so(kind):
    clear = radiograph().convert("RGBA")
    clear.putalpha(0)
    assert refused(encoded(kind, clear)).startswith("the image is wholly transparent")


def test_whatever_a_reader_raises_is_a_reason(monkeypatch, tmp_path):
    class OddError(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise OddError

    path = tmp_path / "radiograph.png"
    path.write_bytes(WHOLE["png"])
    monkeypatch.setattr("pneumobench.data.dicom.find_elements", fail)
    assert refused(WHOLE["dicom"]) == "the DICOM file is truncated or damaged"
    monkeypatch.setattr(Image, "open", fail)
    assert refused(WHOLE["png"]) == "the image is truncated or damaged (OddError)"
    with pytest.raises(UnreadableImageError, match=r"cannot be read \(OddError\)"):
        read_header(path, 1.0)


def test_png_is_checked_to_its_last_byte():
    content = WHOLE["png"]
    note = chunk(b"prVt", b"a note")
    assert "checksum of its part 'IEND'" in refused(content[:-1] + b"\0")
    bad = note[:-1] + b"\0"
    assert "checksum of its part 'prVt'" in refused(content[:33] + bad + content[33:])
    np.testing.assert_array_equal(grey(content[:33] + note + content[33:]), radiograph())
    assert "no end mark" in refused(content[:-12])

    def rewritten(pixels: bytes, tail: bytes = b"") -> bytes:
        packed = zlib.compress(pixels) + tail
        return content[:33] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")

    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(radiograph()))
    np.testing.assert_array_equal(grey(rewritten(rows)), radiograph())
    assert "19,159 bytes of pixels, its header says 19,320" in refused(rewritten(rows[:-161]))
    assert "more rows than its header says" in refused(rewritten(rows + rows[:161]))
    assert "follow the end of its compressed data" in refused(rewritten(rows, b"more"))
    packed = bytearray(zlib.compress(rows))
    packed[-1] ^= 1
    broken = content[:33] + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")
    assert "incorrect data check" in refused(broken)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg_scans_and_markers_are_counted(options):
    content = encoded("JPEG", RGB, **options)
    assert "no end marker" in refused(content[:-2])
    assert "follow the end" in refused(content + b"\xff\xd8 a thumbnail")
    if options:
        last = content.rindex(b"\xff\xda")
        assert "scans are missing" in refused(content[:last] + b"\xff\xd9")


def test_jpeg_restarts_out_of_order():
    content = WHOLE["jpeg restarts"]
    third = content.index(b"\xff\xd2")
    assert "Corrupt JPEG data" in refused(content[: third + 1] + b"\xd5" + content[third + 2 :])
    assert "Corrupt JPEG data" in refused(content[:third] + content[third + 2 :])


def test_rows_of_zeros_are_damage_only_where_no_border_explains_them():
    grey_rows = np.asarray(radiograph()).copy()
    check_rows(grey_rows)
    framed = grey_rows.copy()
    framed[:12], framed[-30:], framed[:, :10], framed[:, -14:] = 0, 0, 0, 0
    check_rows(framed)
    tilted = grey_rows.copy()
    for row in range(120):
        tilted[row, max(0, 160 - max(0, row - 90) * 6) :] = 0
    check_rows(tilted)
    padded = np.zeros((320, 160), dtype=np.uint8)
    padded[100:220] = grey_rows
    check_rows(padded)
    for rows in (grey_rows, framed):
        cut = rows.copy()
        cut[80, 70:] = 0
        cut[81:] = 0
        with pytest.raises(UnreadableImageError, match="the end was lost"):
            check_rows(cut)
    half = grey_rows.copy()
    half[60:] = 0
    with pytest.raises(UnreadableImageError, match=r"50% of its rows"):
        check_rows(half)


# Masks


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (encoded("PNG", mask()), "2 grey values only: a mask"),
        (encoded("PNG", mask((20, 90, 200))), "3 grey values only: a mask"),
        (encoded("PNG", mask().convert("RGB")), "2 grey values only: a mask"),
        (encoded("JPEG", mask(), quality=60), "have one of two grey values: a mask"),
        (encoded("JPEG", mask().resize((96, 96)), quality=90), "have one of two grey values"),
        (encoded("TIFF", mask()), "2 grey values only: a mask"),
    ],
)
def test_masks_are_no_radiographs(content, said):
    picture = read_picture(content)
    with pytest.raises(UnreadableImageError, match=said):
        check_picture(picture.image, picture.grey, picture.bits, LIMITS)


def test_radiographs_of_low_contrast_and_with_borders_are_no_masks():
    grey_values = np.asarray(radiograph()).astype(float)
    faint = (120 + (grey_values - grey_values.mean()) / grey_values.std() * 5).astype(np.uint8)
    bordered = np.zeros((200, 260), dtype=np.uint8)
    bordered[40:160, 50:210] = np.asarray(radiograph())
    for pixels in (faint, bordered):
        image = Image.fromarray(pixels)
        check_picture(image, image, 8, LIMITS)


# In a data set


def test_damaged_radiographs_are_set_aside_and_counted(tmp_path):
    root = tmp_path / "data"
    damaged = {
        "zeroed.jpeg": WHOLE["jpeg"][:700] + bytes(600) + WHOLE["jpeg"][1300:],
        "closed.jpeg": WHOLE["jpeg"][:1500] + b"\xff\xd9",
        "half.bmp": WHOLE["bmp"][:10_000] + bytes(len(WHOLE["bmp"]) - 10_000),
        "mask.png": encoded("PNG", mask()),
    }
    for label in ("NORMAL", "PNEUMONIA"):
        (root / label).mkdir(parents=True)
        for number in range(4):
            (root / label / f"{label}{number}.jpeg").write_bytes(
                encoded("JPEG", radiograph(100 + number, 90))
            )
    for name, content in damaged.items():
        (root / "PNEUMONIA" / name).write_bytes(content)
    table = read_manifest(index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.5))
    rejected = table[table["status"] == "rejected"]
    assert sorted(rejected["path"]) == sorted(f"PNEUMONIA/{name}" for name in damaged)
    assert (rejected["reason"] != "").all() and (table["status"] == "ok").sum() == 8


# Anything at all


def mutated(content: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(content)) for _ in range(2))
    length = chance.choice((1, 16, 64, 512))
    match chance.randrange(7):
        case 0:
            return content[:first] + chance.randbytes(1) + content[first + 1 :]
        case 1:
            return content[:first] + bytes(length) + content[first + length :]
        case 2:
            return content[:first] + content[second:]
        case 3:
            return content[:first] + content[second:] + content[first:second]
        case 4:
            return content[:first] + bytes(len(content) - first)
        case 5:
            return content[:first]
        case _:
            return content[:second] + content[first:]


@settings(deadline=None, max_examples=150, derandomize=True)
@given(
    st.sampled_from([name for name in WHOLE if name not in SLOW]),
    st.randoms(use_true_random=False),
)
def test_what_is_let_in_is_the_original_where_checksums_are(name, chance):
    content = mutated(WHOLE[name], chance)
    began = time.process_time()
    with contextlib.suppress(UnreadableImageError):
        found = grey(content)
        if name.startswith(CHECKSUMS):
            np.testing.assert_array_equal(found, grey(WHOLE[name]))
    assert time.process_time() - began < 5


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    st.sampled_from([name for name in WHOLE if name not in (*PLAIN, *SLOW)]),
    st.floats(0.1, 0.98),
    st.booleans(),
)
def test_compressed_files_never_lose_their_end_in_silence(name, share, zeros):
    content = WHOLE[name]
    place = int(len(content) * share)
    if len(content) - place < 100:
        return
    lost = content[:place] + (bytes(len(content) - place) if zeros else b"")
    try:
        found = grey(lost)
    except UnreadableImageError:
        return
    # What was lost did not belong to the picture.
    np.testing.assert_array_equal(found, grey(content))


def test_files_in_millions_of_parts_are_refused_at_once():
    header = WHOLE["png"][:33]
    parts = {
        "png": header + chunk(b"prVt", b"") * 2_000_000,
        "jpeg": b"\xff\xd8" + b"\xff\xe5\0\2" * 3_000_000 + WHOLE["jpeg"][2:],
        "scans": WHOLE["jpeg"][:-2] + WHOLE["jpeg"][WHOLE["jpeg"].index(b"\xff\xda") :][:-2] * 300
        + b"\xff\xd9",
    }  # fmt: skip
    for content in parts.values():
        began = time.process_time()
        refused(content)
        assert time.process_time() - began < 3


def test_strips_of_tiff_may_be_filled_up():
    for compression in ("raw", "packbits", "tiff_adobe_deflate", "tiff_lzw"):
        options = {} if compression == "raw" else {"compression": compression}
        content = encoded("TIFF", tiffinfo={278: 50}, **options)
        np.testing.assert_array_equal(grey(content), radiograph())


# JPEG in every place


def lossless(pixels: np.ndarray) -> bytes:
    """Return grey pixels of 8 bits as a lossless JPEG stream."""
    content = compressed(dicom(pixels, 8), uid.JPEGLosslessSV1)
    frames = generate_frames(dcmread(io.BytesIO(content)).PixelData, number_of_frames=1)
    return next(frames).rstrip(b"\0")


def jpeg_in_tiff(stream: bytes, width: int, height: int, tile: int = 0) -> bytes:
    """Return a TIFF file of one strip, or one square tile, that is a JPEG stream."""
    entries = {256: width, 257: height, 258: 8, 259: 7, 262: 1, 277: 1}
    if tile:
        entries |= {322: tile, 323: tile, 324: 8, 325: len(stream)}
    else:
        entries |= {273: 8, 278: height, 279: len(stream)}
    content = b"II*\0" + struct.pack("<I", 8 + len(stream)) + stream
    content += struct.pack("<H", len(entries))
    content += b"".join(struct.pack("<HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
    return content + bytes(4)


def jpeg_in_dicom(stream: bytes, pixels: np.ndarray, syntax: str) -> bytes:
    data_set = dcmread(io.BytesIO(dicom(pixels, 8)))
    data_set.PixelData = encapsulate([stream])
    data_set["PixelData"].is_undefined_length = True
    data_set.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    data_set.save_as(target, enforce_file_format=True)
    return target.getvalue()


def test_lossless_jpeg_is_decoded_within_its_memory():
    # The decoder writes it at its full size although an eighth is asked for. Large, so that
    # bytes behind the buffer are another's.
    pixels = np.random.default_rng(1).integers(0, 256, (600, 500), dtype=np.uint8)
    stream = lossless(pixels)
    for content in (
        stream,
        jpeg_in_tiff(stream, 500, 600),
        jpeg_in_dicom(stream, pixels, uid.JPEGBaseline8Bit),
    ):
        np.testing.assert_array_equal(np.asarray(read_picture(content).grey), pixels)
    start = stream.index(b"\xff\xc3")
    for code in (*range(0xC0, 0xC3), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)):
        other = stream[: start + 1] + bytes([code]) + stream[start + 2 :]
        refused(other)
        refused(jpeg_in_tiff(other, 500, 600))
        refused(jpeg_in_dicom(other, pixels, uid.JPEGBaseline8Bit))


def test_jpeg_in_tiff_may_be_filled_up_to_whole_blocks():
    stream = encoded("JPEG", radiograph(160, 128))
    expected = np.asarray(Image.open(io.BytesIO(stream)))[:116]
    np.testing.assert_array_equal(grey(jpeg_in_tiff(stream, 160, 116)), expected)
    assert "in a place of 160x111" in refused(jpeg_in_tiff(stream, 160, 111))


@pytest.mark.parametrize("size", [(160, 60), (100, 120), (160, 240), (320, 120), (120, 160)])
def test_jpeg_in_tiff_is_of_the_size_of_its_strip(size):
    stream = encoded("JPEG", radiograph(*size))
    said = "JPEG data of {}x{} pixels in a place of 160x120".format(*size)
    assert said in refused(jpeg_in_tiff(stream, 160, 120))
    np.testing.assert_array_equal(
        grey(jpeg_in_tiff(stream, *size)), np.asarray(Image.open(io.BytesIO(stream)))
    )


def test_jpeg_and_tiles_far_beyond_their_picture_are_refused_before_they_are_decoded():
    tile = encoded("JPEG", radiograph(256, 256))
    found = grey(jpeg_in_tiff(tile, 160, 120, 256))
    np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(tile)))[:120, :160])
    bomb = encoded("JPEG", Image.new("L", (8000, 8000), 90))
    began = time.process_time()
    assert "JPEG data of 8000x8000 pixels" in refused(jpeg_in_tiff(bomb, 160, 120))
    assert "8000x8000 pixels are 64.0 megapixels, more than 1" in refused(
        jpeg_in_tiff(bomb, 160, 120, 8000)
    )
    assert time.process_time() - began < 1
