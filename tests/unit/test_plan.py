"""The epoch plan: a pure function of (seed, fold, epoch) that contains what it must."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumobench.training.members import fold_members, training_items
from pneumobench.training.plan import AugmentationPolicy, batch_bounds, draw_plan

STRONG = AugmentationPolicy(0.5, 15.0, 0.1, 0.2, 0.2, 0.3)
NONE = AugmentationPolicy(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def splits_table(images_per_fold=120, folds=3, test=10):
    rows = [
        {"role": "cv", "fold": fold, "inner": str((fold + 1) % folds)}
        for fold in range(folds)
        for _ in range(images_per_fold)
    ]
    rows += [{"role": "test", "fold": np.nan, "inner": ""}] * test
    return pd.DataFrame(rows)


def test_plan_repeats_and_differs():
    first = draw_plan(50, STRONG, seed=1, fold=0, epoch=3)
    again = draw_plan(50, STRONG, seed=1, fold=0, epoch=3)
    assert np.array_equal(first.order, again.order) and np.array_equal(first.theta, again.theta)
    for other in ({"seed": 2}, {"fold": 1}, {"epoch": 4}):
        key = {"seed": 1, "fold": 0, "epoch": 3} | other
        assert not np.array_equal(first.order, draw_plan(50, STRONG, **key).order)


def test_plan_without_augmentation_is_the_identity():
    plan = draw_plan(20, NONE, seed=0, fold=0, epoch=0)
    assert sorted(plan.order) == list(range(20))
    assert np.array_equal(plan.theta, np.broadcast_to([[1, 0, 0], [0, 1, 0]], (20, 2, 3)))
    assert (plan.gain == 1).all() and (plan.bias == 0).all()
    assert not NONE.warps and STRONG.warps


def test_plan_stays_inside_the_policy():
    plan = draw_plan(2000, STRONG, seed=0, fold=0, epoch=0)
    zoom = 1 / np.sqrt(np.abs(np.linalg.det(plan.theta[:, :, :2])))
    angle = np.rad2deg(np.arctan2(-plan.theta[:, 0, 1], plan.theta[:, 1, 1]))
    assert zoom.min() >= 0.8 and zoom.max() <= 1.2 + 1e-6
    assert np.abs(angle).max() <= 15.001
    assert np.abs(plan.theta[:, :, 2]).max() <= 0.2
    assert 0.4 < (np.linalg.det(plan.theta[:, :, :2]) < 0).mean() < 0.6
    assert plan.gain.min() >= 0.7 and plan.gain.max() <= 1.3


@given(st.integers(2, 400), st.integers(2, 64))
def test_batches_drop_nothing_and_none_is_lone(count, size):
    bounds = batch_bounds(count, size)
    assert bounds[0][0] == 0 and bounds[-1][1] == count
    assert all(left[1] == right[0] for left, right in itertools.pairwise(bounds))
    assert all(2 <= end - start <= size + 1 for start, end in bounds)


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_fold_trains_on_its_side_and_its_copies_only(fold):
    splits = splits_table()
    positive = np.arange(len(splits)) % 2 == 0
    members = fold_members(splits, positive, fold)
    cross_validation = set(np.flatnonzero(splits["role"] == "cv"))
    parts = [set(members.train), set(members.inner), set(members.held_out)]
    assert set.union(*parts) == cross_validation
    assert sum(map(len, parts)) == len(cross_validation)
    assert not set(members.test) & cross_validation

    copy_sources = np.repeat(sorted(cross_validation), 2)
    items, sources = training_items(members, copy_sources)
    copies = items[items >= len(splits)] - len(splits)
    # Every copy whose source is trained on is in the plan, and no other is.
    assert set(copies) == set(np.flatnonzero(np.isin(copy_sources, members.train)))
    assert set(sources) == set(members.train)
    assert np.array_equal(copy_sources[copies], sources[items >= len(splits)])
    plan = draw_plan(len(items), STRONG, seed=1, fold=fold, epoch=0)
    assert set(items[plan.order]) == set(items)


def test_small_inner_part_is_trained_on_and_said():
    splits = splits_table(images_per_fold=40)
    members = fold_members(splits, np.arange(len(splits)) % 2 == 0, 0)
    assert len(members.inner) == 0 and len(members.train) == 80
    assert "40 images" in members.inner_note and "last one kept" in members.inner_note
    # Enough images, but too few of one class.
    splits = splits_table(images_per_fold=150)
    members = fold_members(splits, np.arange(len(splits)) % 10 == 0, 0)
    assert len(members.inner) == 0 and "15 of the rarer class" in members.inner_note
