"""Baselines: features against plain loops, and models that find what lies in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.data.baseline_features import (
    METADATA,
    border_features,
    metadata_features,
    thumbnail_features,
)
from pneumobench.prediction import baseline_models
from pneumobench.prediction.baseline_models import fit_baseline, out_of_fold_scores, score_baseline
from pneumobench.statistics.metrics import roc_auc, sigmoid

COUNT = 400
SIZE = 48


def images_of(count, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


def rows_of(width, height, size):
    columns = {"width": width, "height": height, "bytes": size}
    return pd.DataFrame(columns, dtype="Int64")


def area_means(image, side):
    """Means over equal areas: every pixel is cut into side x side parts, which fall in one area."""
    parts = np.repeat(np.repeat(image.astype(float), side, axis=0), side, axis=1)
    step = len(image)
    means = np.empty((side, side))
    for row in range(side):
        for column in range(side):
            area = parts[row * step : (row + 1) * step, column * step : (column + 1) * step]
            means[row, column] = area.mean()
    return means


# Features


def test_metadata_are_those_of_file_and_packed_image():
    images = images_of(130, 20)
    manifest = rows_of(np.arange(130) + 300, [200] * 130, np.arange(130) * 1000 + 5000)
    features = metadata_features(manifest, images)
    assert features.shape == (130, len(METADATA)) and features.dtype == np.float32
    for number, (found, image) in enumerate(zip(features, images, strict=True)):
        width = number + 300
        grey = [int(value) for value in image.flat]
        mean = sum(grey) / 400
        deviation = (sum((value - mean) ** 2 for value in grey) / 400) ** 0.5
        expected = [width, 200, width / 200, number * 1000 + 5000, mean, deviation]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_metadata_of_other_images_are_refused():
    with pytest.raises(ValueError, match="3 rows of the manifest, 4 images"):
        metadata_features(rows_of([1] * 3, [1] * 3, [1] * 3), images_of(4, 20))


@pytest.mark.parametrize(("size", "side"), [(64, 16), (75, 16), (20, 16), (10, 16), (32, 5)])
def test_thumbnails_are_standardised_area_means(size, side):
    images = images_of(3, size)
    features = thumbnail_features(images, side)
    assert features.shape == (3, side * side) and features.dtype == np.float32
    for found, image in zip(features, images, strict=True):
        means = area_means(image, side)
        expected = (means - means.mean()) / means.std()
        np.testing.assert_allclose(found, expected.ravel(), atol=1e-5)


@pytest.mark.parametrize("size", [37, 64, 96])
def test_thumbnail_of_one_grey_is_zero(size):
    grey = np.stack([np.full((size, size), value, np.uint8) for value in (0, 77, 255)])
    assert (thumbnail_features(grey) == 0).all()


@pytest.mark.parametrize(("size", "share", "cells"), [(60, 0.1, 30), (64, 0.1, 30), (40, 0.25, 12)])
def test_border_is_the_outer_cells_and_nothing_else(size, share, cells):
    images = images_of(2, size)
    features = border_features(images, share)
    assert features.shape == (2, cells**2 - (cells - 6) ** 2) and features.dtype == np.float32
    for found, image in zip(features, images, strict=True):
        means = area_means(image, cells) / 255
        expected = [
            means[row, column]
            for row in range(cells)
            for column in range(cells)
            if min(row, column, cells - 1 - row, cells - 1 - column) < 3
        ]
        np.testing.assert_allclose(found, expected, atol=1e-6)
    inside = images.copy()
    width = int(np.ceil(share * size))
    inside[:, width:-width, width:-width] = 0
    np.testing.assert_array_equal(border_features(inside, share), features)
    edge = images.copy()
    edge[:, :, -1] ^= 255
    assert not np.array_equal(border_features(edge, share), features)


@pytest.mark.parametrize("share", [0.0, 0.41, -0.1])
def test_a_border_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"at most 0\.4"):
        border_features(images_of(1, 20), share)


# Models


@pytest.fixture
def labels():
    return np.random.default_rng(1).random(COUNT) < 0.6


@pytest.fixture
def fold():
    return np.random.default_rng(2).permutation(np.arange(COUNT) % 4)


def areas(manifest, images, labels, fold):
    """Out-of-fold area under the ROC curve of every baseline."""
    features = {
        "metadata": metadata_features(manifest, images),
        "thumbnail": thumbnail_features(images),
        "border": border_features(images),
    }
    assert set(features) == set(BASELINES)
    return {
        kind: roc_auc(labels, out_of_fold_scores(values, labels, fold, kind))
        for kind, values in features.items()
    }


def square_radiographs(labels):
    return rows_of([300] * len(labels), [300] * len(labels), [9000] * len(labels))


def found(areas):
    """Which baselines do better than chance; the others must be near it."""
    names = {kind for kind, area in areas.items() if area > 0.9}
    assert all(abs(area - 0.5) < 0.1 for kind, area in areas.items() if kind not in names), areas
    return names


def test_width_is_found_by_metadata_alone(labels, fold):
    width = np.random.default_rng(3).normal(300, 10, COUNT).astype(int) - 40 * labels
    manifest = rows_of(width, [300] * COUNT, [9000] * COUNT)
    assert found(areas(manifest, images_of(COUNT, SIZE), labels, fold)) == {"metadata"}


def test_a_pattern_inside_is_found_by_thumbnails_alone(labels, fold):
    images = images_of(COUNT, SIZE)
    images[:, 12:24, 12:24] //= 2
    images[:, 24:36, 12:24] //= 2
    # The same pixels, upside down: neither mean nor deviation tells.
    images[labels, 12:24, 12:24] //= 2
    images[~labels, 24:36, 12:24] //= 2
    assert found(areas(square_radiographs(labels), images, labels, fold)) == {"thumbnail"}


def test_a_pattern_at_the_border_is_not_found_by_metadata(labels, fold):
    images = images_of(COUNT, SIZE)
    images[labels, 2:20, :4] //= 2
    images[~labels, 28:46, :4] //= 2
    assert found(areas(square_radiographs(labels), images, labels, fold)) == {"border", "thumbnail"}


@pytest.mark.parametrize("kind", BASELINES)
def test_an_image_is_not_scored_by_a_model_that_knew_its_label(kind, labels, fold):
    features = np.random.default_rng(4).normal(size=(COUNT, 20)).astype(np.float32)
    scores = out_of_fold_scores(features, labels, fold, kind)
    assert scores.shape == (COUNT,) and scores.dtype == np.float32
    flipped = np.where(fold == 2, ~labels, labels)
    again = out_of_fold_scores(features, flipped, fold, kind)
    np.testing.assert_array_equal(again[fold == 2], scores[fold == 2])
    assert (again[fold != 2] != scores[fold != 2]).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_test_images_are_scored_by_the_same_models(kind, labels, fold):
    features = np.random.default_rng(5).normal(size=(COUNT, 20)).astype(np.float32)
    numbers = fold * 2
    scores = baseline_models.test_scores(features, labels, numbers, features, kind)
    assert scores.shape == (4, COUNT) and scores.dtype == np.float32
    own = out_of_fold_scores(features, labels, numbers, kind)
    np.testing.assert_array_equal(scores[fold, np.arange(COUNT)], own)


@pytest.mark.parametrize(("kind", "strength"), [("metadata", 1.0), ("border", 0.001)])
def test_logistic_scores_are_the_log_odds_of_standardised_features(kind, strength, labels):
    features = np.random.default_rng(6).normal(5, [1, 100, 0.01], (COUNT, 3))
    features[:, 1] += 60 * labels
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    reference = LogisticRegression(C=strength).fit(standardised, labels)
    scores = score_baseline(fit_baseline(features, labels, kind), features)
    expected = reference.predict_proba(standardised)[:, 1]
    np.testing.assert_allclose(sigmoid(scores), expected, atol=1e-4)


def test_ridge_is_least_squares_on_the_labels_shrunk_by_100(labels):
    features = np.random.default_rng(7).normal(size=(COUNT, 5)) + labels[:, None]
    centred, target = features - features.mean(axis=0), np.where(labels, 1.0, -1.0)
    slope = np.linalg.solve(
        centred.T @ centred + 100 * np.eye(5), centred.T @ (target - target.mean())
    )
    scores = score_baseline(fit_baseline(features, labels, "thumbnail"), features)
    np.testing.assert_allclose(scores, centred @ slope + target.mean(), atol=1e-5)


@pytest.mark.parametrize("kind", BASELINES)
def test_features_that_never_vary_have_no_say(kind, labels):
    """Not even where they do vary in the images that are scored."""
    features = np.random.default_rng(8).normal(size=(COUNT, 3))
    features[:, 1] = 4 / 3
    model = fit_baseline(features, labels, kind)
    other = features.copy()
    other[:, 1] = np.linspace(0.5, 3, COUNT)
    scores = score_baseline(model, features)
    assert np.ptp(scores) > 0
    np.testing.assert_allclose(score_baseline(model, other), scores, atol=1e-6)
    constant = np.full_like(features, 4 / 3)
    assert np.ptp(score_baseline(fit_baseline(constant, labels, kind), constant)) < 1e-6


@pytest.mark.parametrize("kind", BASELINES)
def test_one_class_is_an_error_that_says_what_to_do(kind):
    features = np.random.default_rng(9).normal(size=(6, 2))
    fold = np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(UserError, match=r"images of one class[\s\S]*3 images, 0 with[\s\S]*folds"):
        out_of_fold_scores(features, fold == 0, fold, kind)
    with pytest.raises(UserError, match="3 images, 3 with pneumonia"):
        fit_baseline(features[:3], np.ones(3, bool), kind)
