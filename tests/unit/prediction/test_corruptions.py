"""Corruptions: each in its stated direction and amount, growing, and no image near another."""

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from pneumobench.core.corruptions import CORRUPTIONS, STRENGTHS, Corruption
from pneumobench.data.augment import copy_generator
from pneumobench.prediction.corruptions import corrupt

SEED = 7
RANDOM = ("noise", "shift")


@functools.cache
def radiographs(count, size):
    """Smooth images with a little grain and every grey value, no two alike."""
    random = np.random.default_rng(0)
    grey = ndimage.gaussian_filter(random.random((count, size, size)), (0, size / 16, size / 16))
    low, high = grey.min(axis=(1, 2), keepdims=True), grey.max(axis=(1, 2), keepdims=True)
    grey = (grey - low) / (high - low) + random.normal(0, 0.02, grey.shape)
    return torch.from_numpy(grey.clip(0, 1).astype(np.float32)).unsqueeze(1)


def ids(count):
    return [f"radiograph{number}" for number in range(count)]


def at(images, name, strength, seed=SEED):
    return corrupt(images, name, strength, ids(len(images)), seed)


def planes(batch):
    return batch[:, 0].numpy().astype(np.float64)


def directions(count):
    angle = [2 * math.pi * copy_generator(SEED, name, 0).random() for name in ids(count)]
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strengths_grow_and_zero_is_the_identity(name, size):
    images = radiographs(3, size)
    before = images.clone()
    assert torch.equal(at(images, name, 0), images)
    changes = []
    for strength in STRENGTHS:
        corrupted = at(images, name, strength)
        assert corrupted.shape == images.shape and corrupted.dtype == torch.float32
        assert corrupted.min() >= 0 and corrupted.max() <= 1
        changes.append((corrupted - images).abs().mean(dim=(1, 2, 3)))
    assert torch.equal(images, before)
    assert (changes[0] > 1e-4).all()
    assert (changes[1] > changes[0]).all() and (changes[2] > changes[1]).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_series_turns_one_kind_further(name):
    """Every strength differs from no corruption in the same fields, by more and more."""
    plain = dataclasses.asdict(Corruption())
    series = [dataclasses.asdict(corruption) for corruption in CORRUPTIONS[name].strengths]
    assert len(series) == len(CORRUPTIONS[name].amounts) == len(STRENGTHS)
    fields = {key for key in plain if series[0][key] != plain[key]}
    for weaker, stronger in zip([plain, *series], series, strict=False):
        assert {key for key in plain if stronger[key] != plain[key]} == fields
        assert any(
            abs(stronger[key] - plain[key]) > abs(weaker[key] - plain[key]) for key in fields
        )


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_guide_lists_each_kind_with_its_amounts(name):
    guide = (Path(__file__).parents[3] / "docs/prediction.md").read_text(encoding="utf-8")
    (row,) = [line for line in guide.splitlines() if line.startswith("|") and f"`{name}`" in line]
    assert row.endswith(f"| {', '.join(CORRUPTIONS[name].amounts)} |")


@pytest.mark.parametrize("strength", [-1, 4, 1.5])
def test_a_strength_that_is_not_there_is_an_error(strength):
    with pytest.raises(ValueError, match="expected 0 to 3"):
        at(radiographs(1, 16), "blur", strength)


# Each kind against a reference


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize(("strength", "share"), [(1, 0.005), (2, 0.01), (3, 0.015)])
def test_blur_is_scipys(size, strength, share):
    images = radiographs(2, size)
    for image, ours in zip(planes(images), planes(at(images, "blur", strength)), strict=True):
        radius = math.ceil(3 * share * size)
        expected = ndimage.gaussian_filter(image, share * size, mode="nearest", radius=radius)
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(("strength", "amount"), [(1, 0.5), (2, 1.0), (3, 2.0)])
def test_sharpening_adds_what_a_blur_takes_away(strength, amount):
    images = radiographs(2, 64)
    detail = images - at(images, "blur", 2)
    expected = (images + amount * detail).clamp(0, 1)
    torch.testing.assert_close(at(images, "sharpen", strength), expected, atol=1e-5, rtol=0)
    edge = torch.full((1, 1, 64, 64), 0.4)
    edge[..., 32:] = 0.6
    row = at(edge, "sharpen", strength)[0, 0, 0]
    assert row[31] < 0.4 - 0.01 * amount and row[32] > 0.6 + 0.01 * amount


@pytest.mark.parametrize(("strength", "deviation"), [(1, 0.02), (2, 0.04), (3, 0.08)])
def test_noise_has_its_deviation_and_no_mean(strength, deviation):
    grey = torch.full((50, 1, 64, 64), 0.5)
    noise = planes(at(grey, "noise", strength)) - 0.5
    np.testing.assert_allclose(noise.std(axis=(1, 2)), deviation, rtol=0.06)
    assert np.abs(noise.mean(axis=(1, 2))).max() < 0.07 * deviation
    likeness = np.corrcoef(noise.reshape(50, -1)) - np.eye(50)
    assert np.abs(likeness).max() < 0.5


def test_noise_is_the_same_field_at_all_strengths():
    grey = torch.full((2, 1, 64, 64), 0.5)
    weak, strong = (at(grey, "noise", strength) - 0.5 for strength in (1, 2))
    torch.testing.assert_close(strong, 2 * weak, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("strength", "factor"), [(1, 1.25), (2, 1.5), (3, 2.0)])
def test_grey_values_follow_their_formulas(strength, factor):
    images = radiographs(2, 64)
    grey = planes(images)
    darker, brighter, lower, higher = (
        planes(at(images, name, strength))
        for name in ("gamma_darker", "gamma_brighter", "contrast_lower", "contrast_higher")
    )
    np.testing.assert_allclose(darker, grey**factor, atol=1e-6)
    np.testing.assert_allclose(brighter, grey ** (1 / factor), atol=1e-6)
    assert (darker <= grey + 1e-6).all() and (brighter >= grey - 1e-6).all()
    np.testing.assert_allclose(lower, 0.5 + (grey - 0.5) / factor, atol=1e-6)
    np.testing.assert_allclose(higher, np.clip(0.5 + (grey - 0.5) * factor, 0, 1), atol=1e-6)
    assert (higher == 0).any() and (higher == 1).any()


@pytest.mark.parametrize("size", [64, 75, 224])
@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "across", "down"),
    [
        ("zoom_in", (1.05, 1.1, 1.2), (1.05, 1.1, 1.2)),
        ("zoom_out", (1 / 1.05, 1 / 1.1, 1 / 1.2), (1 / 1.05, 1 / 1.1, 1 / 1.2)),
        ("aspect_taller", (1, 1, 1), (1.1, 1.2, 1.3)),
        ("aspect_wider", (1.1, 1.2, 1.3), (1, 1, 1)),
    ],
)
def test_sizes_change_about_the_centre(name, across, down, strength, size):
    images = radiographs(2, size)
    factors = np.array([down[strength - 1], across[strength - 1]])
    centre = (size - 1) / 2
    for image, ours in zip(planes(images), planes(at(images, name, strength)), strict=True):
        expected = ndimage.affine_transform(
            image, 1 / factors, centre - centre / factors, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(ours, expected, atol=2e-4)
    white = at(torch.ones(1, 1, size, size), name, strength)[0, 0]
    assert (white[0, 0] == 0) == (name == "zoom_out")


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize(("strength", "share"), [(1, 0.025), (2, 0.05), (3, 0.1)])
def test_each_image_is_shifted_in_its_own_direction(strength, share, size):
    images = radiographs(8, size)
    shifted = planes(at(images, "shift", strength))
    moves = share * size * directions(8)
    for image, (right, downwards), ours in zip(planes(images), moves, shifted, strict=True):
        expected = ndimage.shift(image, (downwards, right), order=1, mode="grid-constant")
        np.testing.assert_allclose(ours, expected, atol=2e-4)


def test_directions_of_shifts_go_everywhere():
    assert np.abs(directions(400).mean(axis=0)).max() < 0.1
    np.testing.assert_allclose((directions(400) ** 2).mean(axis=0), 0.5, atol=0.06)


# What holds for all kinds together


@pytest.mark.parametrize("size", [64, 75])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_depends_on_no_other(name, size):
    """Bit for bit the same alone, in a small batch, in a large one and in another order."""
    images, names = radiographs(9, size), ids(9)
    together = corrupt(images, name, 3, names, SEED)
    assert torch.equal(corrupt(images, name, 3, names, SEED), together)
    for start, stop in ((0, 1), (4, 5), (2, 4), (1, 9)):
        part = corrupt(images[start:stop], name, 3, names[start:stop], SEED)
        assert torch.equal(part, together[start:stop]), (start, stop)
    backwards = corrupt(images.flip(0), name, 3, names[::-1], SEED)
    assert torch.equal(backwards.flip(0), together)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_chance_follows_from_seed_and_image_alone(name):
    images = radiographs(1, 64).repeat(2, 1, 1, 1)
    first, second = corrupt(images, name, 2, ["a", "b"], SEED)
    assert torch.equal(first, second) == (name not in RANDOM)
    again = corrupt(images[:1], name, 2, ["a"], SEED + 1)[0]
    assert torch.equal(first, again) == (name not in RANDOM)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_black_and_white_images_stay_images(name, grey):
    corrupted = at(torch.full((2, 1, 64, 64), grey), name, 3)
    assert corrupted.isfinite().all() and corrupted.min() >= 0 and corrupted.max() <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_gpu_gives_the_same(name):
    images = radiographs(4, 64)
    there = at(images.cuda(), name, 3)
    torch.testing.assert_close(there.cpu(), at(images, name, 3), atol=1e-3, rtol=0)
