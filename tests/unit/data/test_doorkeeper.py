"""What is let in: limits, each with its reason; and images made to do harm."""

import dataclasses
import io
import os
import random
import re
import struct
import time
import zlib

import numpy as np
import pytest
from dataset_fixture import LIMITS, index, kaggle_folder, write_radiograph
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.data.doorkeeper import (
    UnreadableImageError,
    check_picture,
    colourfulness,
    grey_spread,
    read_content,
)
from pneumobench.data.images import read_header, read_picture
from pneumobench.data.manifest import read_manifest
from pneumobench.data.sources.directory import list_directory

SUFFIXES = (b".png", b".DCM", b".txt", b"")
STRONGER = {"deadline": None, "max_examples": 150, "derandomize": True}


def radiograph(width: int = 48, height: int = 40) -> Image.Image:
    coarse = np.random.default_rng(width).integers(0, 256, (6, 7), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def reason(content: bytes, **changes: float) -> str:
    """Return why a file is not let in."""
    limits = dataclasses.replace(LIMITS, **changes)
    with pytest.raises(UnreadableImageError) as refused:
        picture = read_picture(content, limits.maximum_megapixels)
        check_picture(picture.image, picture.grey, picture.bits, limits)
    return str(refused.value)


def coloured(difference: int) -> Image.Image:
    grey = np.asarray(radiograph()).clip(0, 255 - difference)
    return Image.fromarray(np.stack([grey + difference, grey, grey], axis=-1).astype(np.uint8))


def indexed_png(colours: int) -> bytes:
    return encoded(radiograph().quantize(colours), "PNG")


def several(kind: str) -> bytes:
    turned = radiograph().transpose(Image.Transpose.ROTATE_180)
    return encoded(radiograph(), kind, save_all=True, append_images=[turned])


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def png(width: int, height: int, bits: int, lines: bytes) -> bytes:
    """Return a grey PNG of any size and depth, whatever its lines hold."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + content))
        parts.append(struct.pack(">I", len(content)) + kind + content + check)
    return b"".join(parts)


def header_only_bmp(width: int, height: int) -> bytes:
    return struct.pack(
        "<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0
    )


REFUSED = {
    "empty": (lambda: b"", {}, "the file is empty"),
    "text": (lambda: b"not a radiograph", {}, "the content is no image in a known format"),
    "html": (lambda: b"<!doctype html><title>404</title>", {}, "no image in a known format"),
    "archive": (lambda: b"PK\x03\x04" + b"\0" * 400, {}, "no image in a known format"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", {}, "no image in a known format"),
    "short side": (
        lambda: encoded(radiograph(40, 31), "PNG"),
        {},
        "40x31 pixels, a side is shorter than 32",
    ),
    "one black pixel": (
        lambda: encoded(Image.new("L", (1, 1)), "PNG"),
        {},
        "1x1 pixels, a side is shorter than 32",
    ),
    "many pixels": (
        lambda: encoded(radiograph(300, 200), "PNG"),
        {"maximum_megapixels": 0.05},
        "300x200 pixels are 0.1 megapixels, more than 0.05",
    ),
    "PNG bomb": (
        lambda: png(50_000, 50_000, 8, bytes(1000)),
        {},
        "50000x50000 pixels are 2500.0 megapixels, more than 100",
    ),
    "BMP bomb": (
        lambda: header_only_bmp(30_000, 30_000),
        {},
        "30000x30000 pixels are 900.0 megapixels, more than 100",
    ),
    "1 bit": (
        lambda: encoded(radiograph().convert("1"), "PNG"),
        {},
        "grey values of 1 bits, fewer than 8",
    ),
    "1 bit TIFF": (
        lambda: encoded(radiograph().convert("1"), "TIFF", compression="group4"),
        {},
        "grey values of 1 bits, fewer than 8",
    ),
    "4 bits": (lambda: four_bits(), {}, "grey values of 4 bits, fewer than 8"),
    "palette of 16": (lambda: indexed_png(16), {}, "grey values of 4 bits, fewer than 8"),
    "palette of 40": (lambda: indexed_png(40), {}, "grey values of 6 bits, fewer than 8"),
    "GIF of 8 greys": (
        lambda: encoded(radiograph().quantize(8), "GIF"),
        {},
        "grey values of 3 bits, fewer than 8",
    ),
    "PGM of 15 greys": (
        lambda: b"P5 40 40 15\n" + bytes(i % 16 for i in range(1600)),
        {},
        "grey values of 4 bits, fewer than 8",
    ),
    "more bits wanted": (
        lambda: encoded(radiograph(), "PNG"),
        {"minimum_bits": 12},
        "grey values of 8 bits, fewer than 12",
    ),
    "black": (
        lambda: encoded(Image.new("L", (40, 40)), "PNG"),
        {},
        "blank: the grey values have a standard deviation of 0.00, less than 4",
    ),
    "nearly white": (
        lambda: encoded(radiograph().point(lambda value: 250 + value // 64), "PNG"),
        {},
        r"blank: the grey values have a standard deviation of \d\.\d\d, less than 4",
    ),
    "colour": (
        lambda: encoded(coloured(60), "PNG"),
        {},
        "a colour picture: its channels differ by 0.235 on average, more than 0.1",
    ),
    "a little colour": (
        lambda: encoded(coloured(20), "PNG"),
        {"maximum_colour": 0.05},
        "a colour picture: its channels differ by 0.078 on average, more than 0.05",
    ),
    "float": (
        lambda: encoded(Image.new("F", (40, 40), 0.5), "TIFF"),
        {},
        "floating point pixels are not supported",
    ),
    "two pages": (lambda: several("TIFF"), {}, "the file holds several pictures, expected one"),
    "moving GIF": (lambda: several("GIF"), {}, "the file holds several pictures, expected one"),
    "moving PNG": (lambda: several("PNG"), {}, "the file holds several pictures, expected one"),
    "moving WebP": (lambda: several("WEBP"), {}, "the file holds several pictures, expected one"),
    "MPO": (lambda: several("MPO"), {}, "the file holds several pictures, expected one"),
    "half a JPEG": (
        lambda: half(encoded(radiograph(200, 200), "JPEG")),
        {},
        "the image is truncated or damaged",
    ),
    "half a PNG": (
        lambda: half(encoded(radiograph(200, 200), "PNG")),
        {},
        "the image is truncated or damaged",
    ),
}


def four_bits() -> bytes:
    """Return a grey PNG of 4 bits, which has no palette."""
    levels = np.asarray(radiograph(40, 40)) // 16
    packed = (levels[:, ::2] << 4 | levels[:, 1::2]).astype(np.uint8)
    return png(40, 40, 4, b"".join(b"\0" + row.tobytes() for row in packed))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_radiograph_is_set_aside_with_its_reason(case):
    make, changes, expected = REFUSED[case]
    content = make()
    began = time.process_time()
    said = reason(content, **changes)
    assert time.process_time() - began < 5
    assert re.search(expected, said), said


@pytest.mark.parametrize(
    ("make", "bits"),
    [
        (lambda: encoded(radiograph(), "PNG"), 8),
        (lambda: encoded(radiograph().convert("RGB"), "PNG"), 8),
        (lambda: encoded(radiograph().convert("RGBA"), "PNG"), 8),
        (lambda: encoded(radiograph().convert("LA"), "PNG"), 8),
        (lambda: encoded(radiograph().convert("P"), "PNG"), 8),
        (lambda: encoded(radiograph(), "GIF"), 8),
        (lambda: encoded(radiograph(), "JPEG"), 8),
        (lambda: encoded(radiograph().convert("CMYK"), "JPEG"), 8),
        (lambda: encoded(radiograph(), "TIFF"), 8),
        (lambda: encoded(radiograph().convert("I;16"), "TIFF"), 16),
        (lambda: encoded(radiograph().convert("I;16"), "PNG"), 16),
        (lambda: encoded(radiograph(), "BMP"), 8),
        (lambda: encoded(radiograph().convert("RGB"), "BMP"), 8),
        (lambda: encoded(radiograph().convert("RGB"), "WEBP"), 8),
        (lambda: encoded(radiograph(), "PPM"), 8),
    ],
)
def test_radiographs_are_let_in_and_their_depth_is_known(make, bits):
    picture = read_picture(make(), 100)
    assert picture.bits == bits
    deep = dataclasses.replace(LIMITS, minimum_spread=0.0)
    check_picture(picture.image, picture.grey, picture.bits, deep)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP", "MPO"])
def test_headers_tell_of_several_pictures(tmp_path, kind):
    (tmp_path / "radiograph").write_bytes(several(kind))
    with pytest.raises(UnreadableImageError, match="several pictures, expected one"):
        read_header(tmp_path / "radiograph", 100)


def test_spread_and_colour_are_what_they_say():
    pixels = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    grey = picture.convert("L")
    difference = np.ptp(pixels.astype(float), axis=2)
    assert grey_spread(np.array(grey.histogram())) == pytest.approx(np.asarray(grey).std())
    assert colourfulness(picture) == pytest.approx(difference.mean() / 255)
    assert colourfulness(grey) == colourfulness(grey.convert("RGB")) == 0.0


def test_pillow_has_no_limit_of_its_own(recwarn):
    # Pillow alone warns from 89 megapixels on and refuses from 179 on.
    large = png(15_000, 12_000, 8, bytes(1000))
    with pytest.raises(UnreadableImageError, match=r"180.0 megapixels, more than 179.9"):
        read_picture(large, 179.9)
    with pytest.raises(UnreadableImageError, match="truncated or damaged"):
        read_picture(large, 180)
    assert not recwarn.list


def test_large_files_are_not_read(tmp_path, monkeypatch):
    radiograph = write_radiograph(tmp_path / "radiograph.png", 1, 200, 200)
    size = radiograph.stat().st_size
    assert read_content(radiograph, size / 1e6) == radiograph.read_bytes()
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda _: pytest.fail("it was read"))
    os.truncate(radiograph, 10_000_000)
    with pytest.raises(UnreadableImageError, match=r"10.0 megabytes, more than 9.5"):
        read_content(radiograph, 9.5)


def test_pipes_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "radiograph.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    for name in ("radiograph.png", "zeros.png", "."):
        with pytest.raises(UnreadableImageError, match="no regular file"):
            read_content(tmp_path / name, 1)


def test_every_reason_is_counted_in_the_manifest(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    normal = root / "train/NORMAL"
    cases = [name for name, case in REFUSED.items() if not case[1]]
    for number, name in enumerate(cases):
        (normal / f"bad{number:02d}.png").write_bytes(REFUSED[name][0]())
    os.mkfifo(normal / "pipe.png")
    table = read_manifest(index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.9))
    rejected = table[table["status"] == "rejected"].set_index("image_id")
    assert len(rejected) == len(cases) + 1 and len(table) == 21 + len(rejected)
    for number, name in enumerate(cases):
        row = rejected.loc[f"train/NORMAL/bad{number:02d}.png"]
        assert re.search(REFUSED[name][2], row["reason"])
        assert row["pixel_sha256"] == row["dhash"] == ""
    assert rejected.loc["train/NORMAL/pipe.png", "reason"] == "this is no regular file"


# Anything at all

SEEDS = [
    encoded(radiograph(), "PNG"),
    encoded(radiograph(), "JPEG"),
    encoded(radiograph().convert("RGB"), "JPEG", progressive=True),
    encoded(radiograph().quantize(200), "GIF"),
    encoded(radiograph(), "TIFF", compression="tiff_lzw"),
    encoded(radiograph().convert("I;16"), "TIFF"),
    encoded(radiograph().convert("RGB"), "WEBP"),
    encoded(radiograph(), "BMP"),
    encoded(radiograph(), "PPM"),
]


@settings(**STRONGER)
@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_damaged_images_have_a_reason(content, other, chance: random.Random):
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(min(len(damaged), chance.choice((80, 10**6))) or 1)
        match chance.randrange(4):
            case 0:
                damaged[place : place + 1] = chance.randbytes(1)
            case 1:
                del damaged[place : place + chance.choice((1, 2, 30, 10**6))]
            case 2:
                damaged[place:place] = other[chance.randrange(len(other)) :][:200]
            case _:
                damaged[place : place + 4] = chance.choice((b"\xff" * 4, b"\0" * 4))
    survives(bytes(damaged))


@settings(**STRONGER)
@given(st.binary(max_size=400), st.sampled_from([*(seed[:12] for seed in SEEDS), b""]))
def test_any_bytes_have_a_reason(content, head):
    survives(head + content)


def survives(content: bytes) -> None:
    began = time.process_time()
    try:
        picture = read_picture(content, 1.0)
        check_picture(picture.image, picture.grey, picture.bits, LIMITS)
    except UnreadableImageError as refused:
        assert str(refused)
    assert time.process_time() - began < 5


# Bytes, because file systems know no characters.
NAMES = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.text(min_size=1, max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"person1_virus_1", b"-rf", b" ", b"a\nb", b'"', b"=1+1", b"\xff\xfe", b"CON"]
    ),
).map(
    lambda name: (
        name.replace(b"/", b"_").replace(b"\0", b"_").replace(b".", b"_", name in (b".", b".."))
    )
)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique=True), suffix=st.sampled_from(SUFFIXES))
def test_names_of_any_bytes_are_listed(names, suffix, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    folder = root / "train/NORMAL"
    folder.mkdir(parents=True)
    (folder / "radiograph.png").touch()
    for name in names:
        with open(os.path.join(os.fsencode(folder), name + suffix), "wb"):
            pass
    listing = list_directory(root)
    hidden = sum(name.startswith(b".") or not is_image(name + suffix) for name in names)
    own = any(name + suffix == b"radiograph.png" for name in names)
    assert listing.litter == hidden
    assert len(listing.radiographs) == 1 + len(names) - hidden - own
    for found in listing.radiographs:
        found.path.encode("utf-8")


def is_image(name: bytes) -> bool:
    return os.path.splitext(name)[1].lower() in (b".png", b".dcm")


def test_names_that_are_no_text_are_set_aside(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    with open(os.fsencode(root / "train/NORMAL") + b"/r\xf6ntgen.png", "wb") as target:
        target.write(b"no radiograph")
    table = read_manifest(index(root, tmp_path / "m.csv"))
    (row,) = table[table["status"] == "rejected"].to_dict("records")
    assert row["path"] == "train/NORMAL/r\\udcf6ntgen.png"
    assert row["reason"] == "the file cannot be read (No such file or directory)"


def test_a_folder_of_rejects_stops_with_one_message(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    for number in range(30):
        (root / f"train/NORMAL/black{number}.png").write_bytes(REFUSED["black"][0]())
    with pytest.raises(UserError, match=r"30 of 51 image files.*\n.*blank: the grey values"):
        index(root, tmp_path / "m.csv")
    assert not (tmp_path / "m.csv").exists()
