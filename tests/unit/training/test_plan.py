"""The epoch plan: a pure function of (seed, fold, epoch) that contains what it must."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pneumobench.data.augmentation.policy import AugmentationPolicy
from pneumobench.training.members import fold_members, training_items
from pneumobench.training.plan import batch_bounds, draw_plan

NONE = AugmentationPolicy(*[0.0] * 14)
STRONG = dataclasses.replace(NONE, horizontal_flip=0.5, rotation_degrees=15.0, noise=0.1)


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
    assert torch.equal(first.order, again.order) and first.order.dtype == torch.int64
    assert list(first.variations.tensors()) == ["theta", "noise"]
    for name, value in first.variations.tensors().items():
        assert torch.equal(value, again.variations.tensors()[name])
    for other in ({"seed": 2}, {"fold": 1}, {"epoch": 4}):
        plan = draw_plan(50, STRONG, **({"seed": 1, "fold": 0, "epoch": 3} | other))
        assert not torch.equal(first.order, plan.order)
        assert not torch.equal(first.variations.theta, plan.variations.theta)


def test_order_is_a_permutation_and_does_not_depend_on_the_augmentation():
    plan = draw_plan(20, NONE, seed=0, fold=0, epoch=0)
    assert sorted(plan.order.tolist()) == list(range(20))
    assert plan.variations.tensors() == {}
    assert torch.equal(plan.order, draw_plan(20, STRONG, seed=0, fold=0, epoch=0).order)


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
