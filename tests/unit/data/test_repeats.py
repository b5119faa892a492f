"""Repeats of the cross-validation: other folds of the same patients, numbered on."""

import pandas as pd
import pytest
from split_fixture import DEFAULTS, radiographs_of, split

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.data.repeats import split_repeat
from pneumobench.training.members import fold_members

TEXT = ("image_id", "inner", "group")
PARTS = ("train", "inner", "held_out")


def repeated(folder, repeat, **changes):
    rules = {name: value for name, value in DEFAULTS.items() if name != "holdout_fraction"}
    written = folder / f"repeat{repeat}.csv"
    split_repeat(
        folder / "splits.csv",
        folder / "development.csv",
        written,
        repeat=repeat,
        **(rules | changes),
    )
    return read_table(written, text=TEXT)


@pytest.fixture
def folder(tmp_path):
    radiographs = [*radiographs_of(100, 3), *radiographs_of(4, 2, "test", first=100)]
    split(tmp_path, radiographs)
    return tmp_path


def divisions(table):
    """Which images are together in a fold."""
    cv = table[table["role"] == "cv"]
    return {frozenset(part["image_id"]) for _, part in cv.groupby("fold")}


def test_patients_are_divided_anew_and_folds_numbered_on(folder):
    first = read_table(folder / "splits.csv", text=TEXT)
    second, third = (repeated(folder, repeat) for repeat in (1, 2))
    for repeat, table in ((1, second), (2, third)):
        same = ["image_id", "role", "group"]
        pd.testing.assert_frame_equal(table[same], first[same])
        cv = table["role"] == "cv"
        assert set(table.loc[cv, "fold"]) == set(range(5 * repeat, 5 * repeat + 5))
        assert table.loc[~cv, "fold"].isna().all() and (table.loc[~cv, "inner"] == "").all()
        assert (table[cv].groupby("group")["fold"].nunique() == 1).all()
        assert not divisions(table) & divisions(first)
    assert not divisions(second) & divisions(third)
    again = repeated(folder, 1)
    pd.testing.assert_frame_equal(again, second)


def test_folds_of_a_repeat_are_stratified_and_can_be_trained(folder):
    table = repeated(folder, 1)
    labels = read_table(folder / "development.csv").merge(table, on="image_id")
    assert (pd.crosstab(labels["fold"], labels["subtype"]) == 60).all().all()
    for fold in range(5, 10):
        members = fold_members(table, (table["image_id"].str[0] == "p").to_numpy(), fold)
        assert len(members.held_out) == 180 and len(members.test) == 24
        groups = {name: set(table["group"].iloc[getattr(members, name)]) for name in PARTS}
        assert groups["inner"] and not groups["inner"] & groups["train"]
        assert not groups["held_out"] & (groups["train"] | groups["inner"])


def test_too_few_patients_to_divide_anew_are_refused(tmp_path):
    """Two patients of each class make two divisions into two folds, and no third."""
    radiographs = [*radiographs_of(1, 1), ("IM-0090-0001", "normal", "train")]
    radiographs += radiographs_of(2, 1, "test", first=100)
    split(tmp_path, radiographs, folds=2, inner_fraction=0.0)
    with pytest.raises(UserError) as caught:
        for repeat in (1, 2):
            repeated(tmp_path, repeat, folds=2, inner_fraction=0.0)
    message = str(caught.value)
    assert "divides the 4 patients of the development set as " in message
    assert "split.repeats" in message and "lower split.repeats" in message
