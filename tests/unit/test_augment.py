import numpy as np
import pandas as pd
import pytest

from pneumobench.core.files import read_table, write_table
from pneumobench.data.augment import (
    CopySettings,
    augment_images,
    augmented_copy,
    copy_generator,
)

STILL = {
    **{"horizontal_flip": 0.0, "rotation_degrees": 0.0, "translation": 0.0},
    **{"scale": 0.0, "brightness": 0.0, "contrast": 0.0},
}
USUAL = {
    **{"horizontal_flip": 0.5, "rotation_degrees": 10.0, "translation": 0.05},
    **{"scale": 0.1, "brightness": 0.1, "contrast": 0.1},
}
ROLES = ["cv", "test", "cv", "cv", "test"]


@pytest.fixture
def films():
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8)


def copies_of(folder, films, roles=ROLES, names="abcde", **changes):
    images, splits = folder / "images.npy", folder / "splits.csv"
    np.save(images, films)
    fold = [0 if role == "cv" else None for role in roles]
    frame = {"image_id": list(names), "role": roles, "fold": fold, "inner": "", "group": "g"}
    write_table(splits, pd.DataFrame(frame))
    augmented, table = folder / "augmented.npy", folder / "augmented.csv"
    settings = {"per_image": 2, "seed": 42} | USUAL | changes
    augment_images(images, splits, augmented, table, **settings)
    return np.load(augmented), read_table(table, text=("image_id",))


def test_only_cross_validation_images_have_copies(tmp_path, films):
    copies, table = copies_of(tmp_path, films)
    assert (copies.shape, copies.dtype) == ((6, 16, 16), np.uint8)
    assert table["source_row"].tolist() == [0, 0, 2, 2, 3, 3]
    assert table["image_id"].tolist() == list("aaccdd")
    assert table["copy"].tolist() == [0, 1] * 3


def test_copies_come_from_their_source(tmp_path, films):
    copies, table = copies_of(tmp_path, films, **STILL)
    np.testing.assert_array_equal(copies, films[table["source_row"]])


def test_copies_differ_from_source_and_each_other(tmp_path, films):
    copies, table = copies_of(tmp_path, films)
    for row in range(0, 6, 2):
        assert (copies[row] != copies[row + 1]).any()
        assert (copies[row] != films[table["source_row"][row]]).any()


def test_a_copy_depends_on_nothing_but_seed_name_and_number(tmp_path, films):
    copies, _ = copies_of(tmp_path, films)
    again, _ = copies_of(tmp_path, films)
    np.testing.assert_array_equal(copies, again)
    # Image d alone, elsewhere in the array, one copy more.
    alone, _ = copies_of(tmp_path, films[3:4], roles=["cv"], names="d", per_image=3)
    np.testing.assert_array_equal(alone[:2], copies[4:6])
    other, _ = copies_of(tmp_path, films, seed=43)
    assert (copies != other).any()


def test_no_copies(tmp_path, films):
    copies, table = copies_of(tmp_path, films, per_image=0)
    assert copies.shape == (0, 16, 16)
    assert table.empty and list(table.columns) == ["source_row", "image_id", "copy"]


def test_splits_of_other_images_are_refused(tmp_path, films):
    with pytest.raises(ValueError, match=r"5 rows, .* holds 4 images"):
        copies_of(tmp_path, films[:4])


class Fixed:
    """A generator that draws 1 (the largest change to the positive side) or what it is told."""

    def __init__(self, *, flip=False):
        self.flip = flip

    def random(self):
        return 0.0 if self.flip else 1.0

    def uniform(self, _low, _high, size=None):
        return 1.0 if size is None else np.array([1.0, 0.0])


def test_flip_mirrors_left_and_right_only(films):
    settings = CopySettings(**(STILL | {"horizontal_flip": 1.0}))
    copy = augmented_copy(films[0], Fixed(flip=True), settings)
    np.testing.assert_array_equal(copy, films[0][:, ::-1])


def test_rotation_turns_about_the_centre(films):
    settings = CopySettings(**(STILL | {"rotation_degrees": 90.0}))
    copy = augmented_copy(films[0], Fixed(), settings)
    clockwise = np.rot90(films[0], -1)
    # Interpolation at a right angle may be off by rounding at the very border.
    np.testing.assert_allclose(copy[1:-1, 1:-1], clockwise[1:-1, 1:-1], atol=1)


def test_translation_is_a_share_of_the_side_and_brings_in_black(films):
    settings = CopySettings(**(STILL | {"translation": 0.25}))
    copy = augmented_copy(films[0], Fixed(), settings)
    np.testing.assert_array_equal(copy[:, 4:], films[0][:, :-4])
    assert (copy[:, :4] == 0).all()


def test_scale_enlarges(films):
    board = np.zeros((16, 16), dtype=np.uint8)
    board[6:10, 6:10] = 200
    settings = CopySettings(**(STILL | {"scale": 1.0}))
    copy = augmented_copy(board, Fixed(), settings)
    assert (copy[5:11, 5:11] == 200).all()
    assert copy.sum(dtype=float) == pytest.approx(4 * board.sum(dtype=float), rel=0.1)


def test_grey_values_are_cut_off_not_wrapped():
    bright = np.full((8, 8), 250, dtype=np.uint8)
    settings = CopySettings(**(STILL | {"brightness": 0.1}))
    assert (augmented_copy(bright, Fixed(), settings) == 255).all()


def test_contrast_keeps_the_mean():
    image = np.tile(np.array([[100, 140]], dtype=np.uint8), (8, 4))
    settings = CopySettings(**(STILL | {"contrast": 0.5}))
    assert np.unique(augmented_copy(image, Fixed(), settings)).tolist() == [90, 150]


def test_draws_stay_within_their_limits(films):
    draws = [copy_generator(7, f"film{number}", 0).uniform(-1, 1) for number in range(500)]
    assert len(set(draws)) == 500
    assert min(draws) < -0.9 and max(draws) > 0.9
