"""Packed images: what a later job reads is what was written, of the images that are meant."""

import numpy as np
import pytest
from packed_fixture import write_packed

from pneumobench.core.arrays import read_arrays
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.packed import ROWS_OF_A_BLOCK, PackedImages

NAMES = [f"radiograph{row}" for row in range(2 * ROWS_OF_A_BLOCK + 10)]


@pytest.fixture
def path(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (len(NAMES), 4, 4), dtype=np.uint8)
    write_packed(tmp_path / "images_4.npy", images, NAMES)
    return tmp_path / "images_4.npy"


def change_byte(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_images_are_found_by_row_and_name(path):
    packed, plain = PackedImages(path, NAMES), np.load(path)
    assert len(packed) == len(NAMES) and packed.size == 4
    np.testing.assert_array_equal(packed.all(), plain)
    np.testing.assert_array_equal(PackedImages(path, NAMES).take([5, 300]), plain[[5, 300]])
    np.testing.assert_array_equal(packed[["radiograph520", "radiograph0"]], plain[[520, 0]])
    with pytest.raises(UserError, match="no packed image of the name other"):
        packed[["radiograph1", "other"]]


def test_a_changed_byte_is_named(path):
    change_byte(path, -1)
    with pytest.raises(UserError, match="images 512 to 521 changed") as raised:
        PackedImages(path, NAMES).all()
    assert str(path) in raised.value.remedy
    # What is not read is not checked.
    assert len(PackedImages(path, NAMES).take([0, 511])) == 2
    with pytest.raises(UserError, match="changed"):
        PackedImages(path, NAMES).take([512])


@pytest.mark.parametrize("names", [NAMES[::-1], NAMES[:-1], [*NAMES, "more"], []])
def test_rows_of_other_images_are_refused(path, names):
    with pytest.raises(UserError, match="not the same images in the same order"):
        PackedImages(path, names)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(bytes(range(256))),
        lambda path: path.unlink(),
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_text("{"),
        lambda path: write_json(path.with_suffix(".json"), {"sha256": "0", "count": 522}),
        lambda path: np.save(path, np.load(path)[1:]),
        lambda path: np.save(path, np.load(path).astype(np.float32)),
        lambda path: np.save(path, np.array([{}])),
        lambda path: change_byte(path.with_suffix(".json"), 60),
    ],
)
def test_files_that_are_not_what_was_written_are_named(path, spoil):
    spoil(path)
    with pytest.raises(UserError, match="images_4") as raised:
        PackedImages(path, NAMES).all()
    assert "run snakemake again" in raised.value.remedy


def test_no_image_at_all(tmp_path):
    write_packed(tmp_path / "none.npy", np.empty((0, 4, 4), np.uint8), [])
    assert len(PackedImages(tmp_path / "none.npy", []).all()) == 0
    assert read_json(tmp_path / "none.json")["blocks"] == []


@pytest.mark.parametrize("compressed", [True, False])
def test_named_arrays_are_whole_or_named(tmp_path, compressed):
    path = tmp_path / "maps.npz"
    save = np.savez_compressed if compressed else np.savez
    save(path, joint=np.arange(1000, dtype=np.float32))
    content = path.read_bytes()
    with read_arrays(path) as arrays:
        assert arrays.files == ["joint"] and arrays["joint"][999] == 999
        with pytest.raises(UserError, match="lacks the array other"):
            arrays["other"]
    for spoilt in (b"", content[:300], content[:-30], bytes(range(256)), b"PK\3\4" + bytes(50)):
        path.write_bytes(spoilt)
        with pytest.raises(UserError, match=r"maps\.npz"), read_arrays(path) as arrays:
            arrays["joint"]
    for place in range(150, len(content) // 2, 97):
        path.write_bytes(content)
        change_byte(path, place)
        with pytest.raises(UserError, match=r"maps\.npz"), read_arrays(path) as arrays:
            arrays["joint"]
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(UserError, match="single array"), read_arrays(tmp_path / "one.npy"):
        pass
