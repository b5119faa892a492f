import dataclasses

import numpy as np
import pandas as pd
import pytest
from packed_fixture import write_packed

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.data import augment
from pneumobench.data.augment import augment_images, copy_generator
from pneumobench.data.augmentation.policy import AugmentationPolicy

STILL = dataclasses.asdict(AugmentationPolicy(*[0.0] * 14))
USUAL = STILL | {
    **{"horizontal_flip": 0.5, "rotation_degrees": 10.0, "translation": 0.05},
    **{"scale": 0.1, "brightness": 0.1, "contrast": 0.1, "gamma": 0.2, "blur": 0.02},
    **{"noise": 0.02, "erasing": 0.3},
}
ROLES = ["cv", "test", "cv", "cv", "test"]


@pytest.fixture
def radiographs():
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8)


def copies_of(folder, radiographs, roles=ROLES, names="abcde", packed_names=None, **changes):
    images, splits = folder / "images.npy", folder / "splits.csv"
    write_packed(images, radiographs[: len(names)], packed_names or names)
    fold = [0 if role == "cv" else None for role in roles]
    frame = {"image_id": list(names), "role": roles, "fold": fold, "inner": "", "group": "g"}
    write_table(splits, pd.DataFrame(frame))
    augmented, table = folder / "augmented.npy", folder / "augmented.csv"
    settings = {"per_image": 2, "seed": 42, "augmentation": USUAL} | changes
    augment_images(images, splits, augmented, table, **settings)
    return np.load(augmented), read_table(table, text=("image_id",))


def test_only_cross_validation_images_have_copies(tmp_path, radiographs):
    copies, table = copies_of(tmp_path, radiographs)
    assert (copies.shape, copies.dtype) == ((6, 16, 16), np.uint8)
    assert table["source_row"].tolist() == [0, 0, 2, 2, 3, 3]
    assert table["image_id"].tolist() == list("aaccdd")
    assert table["copy"].tolist() == [0, 1] * 3


def test_copies_come_from_their_source(tmp_path, radiographs):
    copies, table = copies_of(tmp_path, radiographs, augmentation=STILL)
    np.testing.assert_array_equal(copies, radiographs[table["source_row"]])


def test_copies_differ_from_source_and_each_other(tmp_path, radiographs):
    copies, table = copies_of(tmp_path, radiographs)
    for row in range(0, 6, 2):
        assert (copies[row] != copies[row + 1]).any()
        assert (copies[row] != radiographs[table["source_row"][row]]).any()


def test_a_copy_depends_on_nothing_but_seed_name_and_number(tmp_path, radiographs):
    copies, _ = copies_of(tmp_path, radiographs)
    again, _ = copies_of(tmp_path, radiographs)
    np.testing.assert_array_equal(copies, again)
    # Image d alone, elsewhere in the array, one copy more.
    alone, _ = copies_of(tmp_path, radiographs[3:4], roles=["cv"], names="d", per_image=3)
    np.testing.assert_array_equal(alone[:2], copies[4:6])
    other, _ = copies_of(tmp_path, radiographs, seed=43)
    assert (copies != other).any()


def test_no_copies(tmp_path, radiographs):
    copies, table = copies_of(tmp_path, radiographs, per_image=0)
    assert copies.shape == (0, 16, 16)
    assert table.empty and list(table.columns) == ["source_row", "image_id", "copy"]


def test_splits_of_other_images_are_refused(tmp_path, radiographs):
    with pytest.raises(UserError, match="not the same images in the same order"):
        copies_of(tmp_path, radiographs, roles=ROLES[:4], names="abcd", packed_names="abce")


def test_batches_do_not_matter(tmp_path, radiographs, monkeypatch):
    copies, _ = copies_of(tmp_path, radiographs)
    for size in (1, 4):
        monkeypatch.setattr(augment, "COPIES_AT_A_TIME", size)
        np.testing.assert_array_equal(copies_of(tmp_path, radiographs)[0], copies)


def test_mirrored_left_to_right_only_unless_asked(tmp_path, radiographs):
    mirrored = STILL | {"horizontal_flip": 1.0}
    copies, table = copies_of(tmp_path, radiographs, augmentation=mirrored)
    np.testing.assert_array_equal(copies, radiographs[table["source_row"]][:, :, ::-1])
    upside_down = STILL | {"vertical_flip": 1.0}
    copies, table = copies_of(tmp_path, radiographs, augmentation=upside_down)
    np.testing.assert_array_equal(copies, radiographs[table["source_row"]][:, ::-1])


def test_black_comes_in(tmp_path):
    white = np.full((1, 32, 32), 255, dtype=np.uint8)
    moved = STILL | {"rotation_degrees": 30.0, "translation": 0.2}
    copies, _ = copies_of(
        tmp_path, white, roles=["cv"], names="w", per_image=20, augmentation=moved
    )
    assert (copies[:, 16, 16] == 255).all()
    assert all((copy == 0).any() for copy in copies)


def test_grey_values_are_cut_off_not_wrapped_and_rounded(tmp_path):
    bright = np.full((1, 16, 16), 250, dtype=np.uint8)
    levels = STILL | {"brightness": 0.1}
    copies, _ = copies_of(
        tmp_path, bright, roles=["cv"], names="b", per_image=40, augmentation=levels
    )
    greys = copies[:, 0, 0]
    assert (copies == greys[:, None, None]).all()
    assert greys.max() == 255 and 224 <= greys.min() < 240
    biases = [
        augment.draw_variations(copy_generator(42, "b", copy), 1, AugmentationPolicy(**levels))
        .levels[0, 1]
        .item()
        for copy in range(40)
    ]
    expected = np.rint(np.clip(250 + 255 * np.array(biases), 0, 255))
    np.testing.assert_array_equal(greys, expected)


def test_every_copy_has_numbers_of_its_own():
    draws = [copy_generator(7, f"radiograph{number}", 0).uniform(-1, 1) for number in range(500)]
    assert len(set(draws)) == 500
    assert min(draws) < -0.9 and max(draws) > 0.9
