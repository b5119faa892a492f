"""One rule for grey values: what a file states, else one depth for a data set; images upright."""

import io
import json
import struct

import numpy as np
import pytest
from damaged_images import ORDERS, chunk, png16, tiff
from dataset_fixture import index, kaggle_folder
from PIL import Image

from pneumobench.core.files import read_json
from pneumobench.data.doorkeeper import UnreadableImageError
from pneumobench.data.image_parts.grey import fewest_bits
from pneumobench.data.images import decode_grey, read_header, read_picture
from pneumobench.data.manifest import read_manifest
from pneumobench.data.pack import pack_images

FORMATS = ("JPEG", "TIFF", "PNG", "WEBP")


def ramp(bits: int, height: int = 40, width: int = 64) -> np.ndarray:
    """Return values from 0 to the largest, dark on the left."""
    row = np.round(np.linspace(0, 2**bits - 1, width)).astype(np.int64)
    return np.tile(row, (height, 1))


def pgm(values: np.ndarray, largest: int) -> bytes:
    height, width = values.shape
    kind = ">u2" if largest > 255 else "u1"
    return f"P5 {width} {height} {largest}\n".encode() + values.astype(kind).tobytes()


def eight_bits(values: np.ndarray, bits: int) -> np.ndarray:
    full = 2**bits - 1
    return (values * 255 + full // 2) // full


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16, 32])
def test_white_is_zero_is_honoured_at_every_depth(bits, order):
    values = ramp(bits)
    black = decode_grey(tiff(values, bits, order=order))[0]
    white = decode_grey(tiff(2**bits - 1 - values, bits, order=order, photometric=0))[0]
    np.testing.assert_array_equal(black, eight_bits(values, bits))
    np.testing.assert_array_equal(white, black)


def test_a_tiff_that_does_not_say_what_zero_is_is_refused():
    with pytest.raises(UnreadableImageError, match="does not say whether zero is black or white"):
        decode_grey(tiff(ramp(16), 16, photometric=None))


def test_values_that_may_be_negative():
    for bits in (16, 32):
        signed = tiff(ramp(bits - 1), bits, t339=2)
        np.testing.assert_array_equal(
            decode_grey(signed, bits - 1)[0], eight_bits(ramp(bits - 1), bits - 1)
        )
        with pytest.raises(UnreadableImageError, match="grey values below zero"):
            decode_grey(tiff(ramp(bits), bits, t339=2))
    with pytest.raises(UnreadableImageError, match="may be negative"):
        decode_grey(tiff(ramp(8), 8, t339=2))


@pytest.mark.parametrize("needed", [8, 10, 12, 14, 16])
def test_the_depth_that_is_given_counts_not_the_brightest_pixel(needed):
    values = ramp(needed)
    for make in (lambda: tiff(values, 16), lambda: png16(values), lambda: tiff(values, 32)):
        picture = read_picture(make())
        assert picture.needed == needed
        np.testing.assert_array_equal(decode_grey(make(), 16)[0], eight_bits(values, 16))
        np.testing.assert_array_equal(np.asarray(picture.grey), eight_bits(values, needed))
    with pytest.raises(UnreadableImageError, match=r"65535, more than the 12 bits of its data set"):
        decode_grey(tiff(ramp(16), 16), 12)


@pytest.mark.parametrize("largest", [2**17 - 1, 2**20 - 1, 2**24 - 1, 2**32 - 1])
def test_values_of_32_bits_do_not_saturate(largest):
    values = np.linspace(0, largest, 40 * 64).astype(np.int64).reshape(40, 64)
    bits = fewest_bits(largest)
    for order in ORDERS:
        found = decode_grey(tiff(values, 32, order=order))[0]
        np.testing.assert_array_equal(found, eight_bits(values, bits))


def test_what_a_file_states_counts():
    dark = ramp(10)
    stated = {
        "12 bits of TIFF": tiff(dark, 12),
        "largest value of PGM": pgm(dark, 4095),
        "largest value of PGM as text": b"P2 64 40 4095\n"
        + b" ".join(str(value).encode() for value in dark.ravel().tolist()),
        "sBIT of PNG": png16(dark, chunk(b"sBIT", b"\x0c")),
        "sBIT of PNG, shifted up": png16(dark << 4 | dark >> 8, chunk(b"sBIT", b"\x0c")),
    }
    for name, content in stated.items():
        picture = read_picture(content, depth=16)
        assert picture.needed is None, name
        off = np.abs(np.asarray(picture.grey).astype(int) - eight_bits(dark, 12))
        assert off.max() <= 1, name


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_significant_bits_are_read_alike_whatever_the_brightest_pixel(bits):
    whole = np.arange(2**bits)
    shifted = {
        "zeros": whole << 16 - bits,
        "repeated": whole << 16 - bits | whole >> 2 * bits - 16,
        "rounded": np.rint(whole * 65535 / (2**bits - 1)).astype(int),
        "down": whole * 65535 // (2**bits - 1),
        "of 8 bits": np.arange(256) * 257,
    }
    note = chunk(b"sBIT", bytes([bits]))
    for name, values in shifted.items():
        # No value has more bits than are significant.
        dark = np.resize(values[values < 2**bits], (40, 64))
        picture = read_picture(png16(dark, note), depth=12)
        assert picture.needed is None
        np.testing.assert_array_equal(picture.grey, eight_bits(dark, 16), err_msg=name)
    dark = np.random.default_rng(0).integers(0, 2**bits // 3, (40, 64))
    found = np.asarray(read_picture(png16(dark, note), depth=16).grey)
    np.testing.assert_array_equal(found, eight_bits(dark, bits))


def test_significant_bits_that_there_are_not():
    assert (decode_grey(png16(ramp(12), chunk(b"sBIT", b"\x10")), 12)[0].max()) == 16
    for bits in (0, 17, 200):
        picture = read_picture(png16(ramp(12), chunk(b"sBIT", bytes([bits]))))
        assert picture.needed == 12
    # Those of the transparency do not count.
    pair = np.stack([ramp(12), np.full((40, 64), 65535)], axis=-1)
    clear = png16(pair, chunk(b"sBIT", b"\x0c\x10"), colour=4)
    np.testing.assert_array_equal(decode_grey(clear)[0], eight_bits(ramp(12), 12))


def test_a_largest_value_of_65535_states_nothing():
    grey = ramp(12)
    colours = np.stack([grey, grey[:, ::-1], grey // 2], axis=-1)
    text = b"\n".join(
        b" ".join(str(value).encode() for value in row) for row in colours.reshape(40, -1)
    )
    for content, values in (
        (pgm(grey, 65535), grey),
        (b"P2 64 40 65535\n" + b" ".join(b"%d" % value for value in grey.ravel()), grey),
        (b"P6 64 40 65535\n" + colours.astype(">u2").tobytes(), colours),
        (b"P3 64 40 65535\n# a note\n" + text, colours),
    ):
        picture = read_picture(content)
        assert (picture.bits, picture.needed) == (16, 12)
        np.testing.assert_array_equal(picture.image, eight_bits(values, 12))
        found = read_picture(content, depth=16)
        np.testing.assert_array_equal(found.image, eight_bits(values, 16))
    with pytest.raises(UnreadableImageError):
        decode_grey(b"P3 64 40 65535\n" + text[:-4] + b"70000")


def test_a_value_above_the_largest_that_is_stated_is_damage():
    with pytest.raises(UnreadableImageError, match="a value of 4095, its header says at most 1023"):
        decode_grey(pgm(ramp(12), 1023))


@pytest.mark.parametrize("bits", [12, 16])
def test_colours_of_16_bits_are_read_at_their_depth(bits):
    grey = ramp(bits)
    colours = np.stack([grey, grey[:, ::-1], grey // 2], axis=-1)
    expected = eight_bits(colours, bits)
    alpha = np.full((*grey.shape, 1), 2**16 - 1)
    for content in (
        png16(colours, colour=2),
        png16(np.concatenate([colours, alpha], axis=-1), colour=6),
        tiff(colours, 16, photometric=2),
        tiff(colours, 16, order=">", photometric=2),
    ):
        picture = read_picture(content)
        assert (picture.bits, picture.needed) == (16, bits)
        np.testing.assert_array_equal(np.asarray(picture.image), expected)


def test_transparency_of_16_bits_is_black():
    values = ramp(16)
    hidden = values > 40000
    alpha = np.where(hidden, 0, 2**16 - 1)
    expected = np.where(hidden, 0, eight_bits(values, 16))
    for content in (
        png16(np.stack([values, alpha], axis=-1), colour=4),
        png16(np.stack([values, values, values, alpha], axis=-1), colour=6),
    ):
        np.testing.assert_array_equal(decode_grey(content)[0], expected)
    one = int(values[0, 60])
    grey = decode_grey(png16(values, chunk(b"tRNS", struct.pack(">H", one))))[0]
    assert (grey[values == one] == 0).all() and (grey[:, 59] > 230).all()
    key = chunk(b"tRNS", struct.pack(">3H", one, one, one))
    colours = np.stack([values] * 3, axis=-1)
    np.testing.assert_array_equal(decode_grey(png16(colours, key, colour=2))[0], grey)


def test_a_deep_image_that_is_wholly_transparent_is_named_so():
    for samples, colour in ((2, 4), (4, 6)):
        values = np.stack([*[ramp(16)] * (samples - 1), np.zeros((40, 64), int)], axis=-1)
        with pytest.raises(UnreadableImageError, match="wholly transparent"):
            decode_grey(png16(values, colour=colour))


def test_colours_of_16_bits_in_planes_are_refused():
    colours = np.stack([ramp(16)] * 3, axis=-1)
    with pytest.raises(UnreadableImageError, match="in planes of their own"):
        decode_grey(tiff(colours, 16, photometric=2, t284=2))


def test_colours_for_printing_are_read_as_adobe_inverts_them():
    grey = Image.fromarray(eight_bits(ramp(8), 8).astype(np.uint8))
    target = io.BytesIO()
    grey.convert("RGB").convert("CMYK").save(target, "JPEG", quality=95)
    content = target.getvalue()
    off = np.abs(decode_grey(content)[0].astype(int) - np.asarray(grey).astype(int))
    assert off.mean() < 3
    start = content.index(b"\xff\xee")
    with pytest.raises(UnreadableImageError, match="does not say whether its inks are inverted"):
        decode_grey(content[:start] + content[start + 16 :])


# One depth for a data set


def deep_folder(root, needed):
    """Make a folder of radiographs whose files do not state their depth."""
    kaggle_folder(root)
    for path in root.rglob("*.*"):
        path.unlink()
    random = np.random.default_rng(5)
    for number, (name, bits) in enumerate(needed.items()):
        label = ("NORMAL", "PNEUMONIA")[number % 2]
        coarse = random.integers(0, 256, (6, 7), dtype=np.uint8)
        grey = np.asarray(Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC))
        values = grey.astype(np.int64) * (2**bits - 1) // 255
        values[0, 0] = 2**bits - 1
        content = png16(values) if name.endswith("png") else tiff(values, 16)
        (root / "train" / label / name).write_bytes(content)
    return root


@pytest.mark.parametrize("reading", ["whole", "header"])
def test_a_data_set_has_one_depth(tmp_path, reading):
    needed = {f"radiograph{number}.{('png', 'tif')[number % 2]}": 12 for number in range(8)}
    needed |= {"dark1.png": 10, "dark2.tif": 10}
    root = deep_folder(tmp_path / "data", needed)
    path = index(root, tmp_path / "manifest.csv", reading=reading)
    table = read_manifest(path)
    assert (table["status"] == "ok").all() and (table["depth"] == 12).all()
    (note, *_) = read_json(path.with_name("source.json"))["notes"]
    assert note == (
        "10 images of more than 8 bits do not state how many are in use: all are scaled from 12 "
        "bits, which 8 of them need (the first: train/NORMAL/radiograph0.png)."
    )
    pack_images(
        path, root, tmp_path / "x.npy", tmp_path / "x.json", size=48, resize="crop", workers=2
    )
    squares = np.load(tmp_path / "x.npy")
    dark = table["image_id"].str.startswith("dark")
    assert squares[dark].max() <= 64 < squares[~dark.to_numpy()].max()


def test_a_radiograph_that_turns_out_blank_at_the_depth_of_its_set_is_set_aside(tmp_path):
    root = deep_folder(
        tmp_path / "data", {f"radiograph{number}.png": 16 for number in range(8)} | {"dark.png": 8}
    )
    table = read_manifest(
        index(root, tmp_path / "manifest.csv", maximum_rejected_fraction=0.5)
    ).set_index("path")
    assert table.loc["train/NORMAL/dark.png", "reason"].startswith("blank")
    assert table["depth"].isna().sum() == 1 and (table["depth"].dropna() == 16).all()


def test_no_order_of_files_and_no_number_of_threads_changes_the_depth(tmp_path):
    needed = {
        f"radiograph{number}.png": bits for number, bits in enumerate((12, 12, 14, 12, 12, 14))
    }
    root = deep_folder(tmp_path / "data", needed)
    one, four = (
        index(root, tmp_path / str(workers) / "m.csv", workers=workers).read_bytes()
        for workers in (1, 4)
    )
    assert one == four


def test_radiographs_that_state_their_depth_have_none_in_the_manifest(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    path = index(root, tmp_path / "manifest.csv")
    assert read_manifest(path)["depth"].isna().all()
    assert read_json(path.with_name("source.json"))["notes"] == []


# Upright


def turned(kind: str, orientation: int, behind: bool = False) -> bytes:
    """Return an image of 60 x 40 pixels with an orientation; of PNG, maybe behind the pixels."""
    pixels = np.tile(np.linspace(20, 100, 60).astype(np.uint8), (40, 1))
    pixels[:20, :30] += 120
    exif = Image.Exif()
    exif[274] = orientation
    target = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(pixels).convert("RGB").save(target, kind, exif=exif, **options)
    content = target.getvalue()
    if behind:
        start = content.index(b"eXIf") - 4
        length = 12 + int.from_bytes(content[start : start + 4], "big")
        moved = content[start : start + length]
        content = content[:start] + content[start + length :]
        end = content.index(b"IEND") - 4
        content = content[:end] + moved + content[end:]
    return content


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "behind"), [*((kind, False) for kind in FORMATS), ("PNG", True)])
def test_header_and_content_agree_on_the_sides(tmp_path, kind, behind, orientation):
    path = tmp_path / "radiograph"
    path.write_bytes(turned(kind, orientation, behind))
    picture = read_picture(path.read_bytes())
    outline = read_header(path, 1.0)
    size = (40, 60) if orientation >= 5 else (60, 40)
    assert (outline.width, outline.height) == picture.image.size == size
    assert (outline.mode, outline.bits) == (picture.mode, picture.bits)
    # The bright corner: EXIF's orientations 1 to 8 have it there.
    corner = ["tl", "tr", "br", "bl", "tl", "tr", "br", "bl"][orientation - 1]
    grey = np.asarray(picture.grey)
    row = 2 if corner[0] == "t" else -3
    column = 2 if corner[1] == "l" else -3
    assert grey[row, column] > 130
    assert (grey > 120).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("reading", ["whole", "header"])
def test_boxes_are_of_the_upright_picture_in_both_readings(tmp_path, kind, reading):
    folder = tmp_path / "radiographs"
    folder.mkdir()
    suffix = {"JPEG": "jpg", "TIFF": "tif", "PNG": "png", "WEBP": "webp"}[kind]
    lines = ["path,label,boxes", f"healthy.{suffix},normal,"]
    (folder / f"healthy.{suffix}").write_bytes(turned(kind, 1))
    for orientation in range(1, 9):
        content = turned(kind, orientation)
        (folder / f"f{orientation}.{suffix}").write_bytes(content)
        inside = [30, 50, 5, 5] if orientation >= 5 else [50, 30, 5, 5]
        lines.append(f'f{orientation}.{suffix},pneumonia,"{json.dumps([inside])}"')
    (folder / "radiographs.csv").write_text("\n".join(lines) + "\n")
    table = read_manifest(
        index(
            folder, tmp_path / "m.csv", reading=reading, source="table",
            options={
                "path": str(folder / "radiographs.csv"), "images": None, "population": "unknown",
            },
        )
    )  # fmt: skip
    assert table["reason"].tolist() == [""] * 9
