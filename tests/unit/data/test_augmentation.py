"""Augmentation: each kind against a reference, none more than asked, no image near another."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torchvision.transforms import functional as reference

from pneumobench.core.config.recipe import Augmentation
from pneumobench.data.augmentation.apply import NOISE_SEED, augment
from pneumobench.data.augmentation.policy import (
    AugmentationPolicy,
    Variations,
    draw_variations,
    joined,
)

OFF = AugmentationPolicy(*[0.0] * 14)
# Every kind at once, at the strengths that recipes use and above.
ALL = AugmentationPolicy(
    horizontal_flip=0.5, vertical_flip=0.3, rotation_degrees=20.0, translation=0.1, scale=0.2,
    stretch=0.3, shear_degrees=10.0, crop=0.3, brightness=0.2, contrast=0.3, gamma=0.5, blur=0.02,
    noise=0.1, erasing=0.5,
)  # fmt: skip
SIZE = 48


def only(**kinds):
    return dataclasses.replace(OFF, **kinds)


def drawn(policy, count=64, seed=0):
    return draw_variations(np.random.default_rng(seed), count, policy)


def radiographs(count, size=SIZE, seed=0):
    """Smooth images with a little grain, no two alike, uint8 [count, size, size]."""
    random = np.random.default_rng(seed)
    grey = ndimage.gaussian_filter(random.random((count, size, size)), (0, 3, 3))
    grey = (grey - grey.min()) / (grey.max() - grey.min()) + random.normal(0, 0.02, grey.shape)
    return torch.from_numpy((grey.clip(0, 1) * 255).astype(np.uint8))


def greys(images):
    return images.numpy()[:, None] / 255.0


def test_policy_has_the_keys_of_the_configuration():
    fields = [field.name for field in dataclasses.fields(AugmentationPolicy)]
    assert fields == list(Augmentation.model_fields)


# Drawing


def test_numbers_repeat_and_follow_from_the_generator():
    first, again, other = drawn(ALL), drawn(ALL), drawn(ALL, seed=1)
    assert len(first.tensors()) == 6
    for name, value in first.tensors().items():
        assert value.dtype == torch.float32 and len(value) == 64
        assert torch.equal(value, again.tensors()[name])
        assert not torch.equal(value, other.tensors()[name])


def test_draws_of_earlier_versions_stay():
    """Kinds that were there from the start are drawn first, in the order they always had."""
    old = only(
        horizontal_flip=0.5, rotation_degrees=15.0, translation=0.1, scale=0.2,
        brightness=0.2, contrast=0.3,
    )  # fmt: skip
    random = np.random.default_rng(5)

    def spread(width):
        return random.uniform(-width, width, 30)

    flip = np.where(random.random(30) < 0.5, -1.0, 1.0)
    angle, zoom = np.deg2rad(spread(15.0)), 1.0 + spread(0.2)
    theta = np.empty((30, 2, 3))
    theta[:, 0, 0], theta[:, 0, 1] = flip * np.cos(angle) / zoom, -np.sin(angle) / zoom
    theta[:, 1, 0], theta[:, 1, 1] = flip * np.sin(angle) / zoom, np.cos(angle) / zoom
    theta[:, 0, 2], theta[:, 1, 2] = 2 * spread(0.1), 2 * spread(0.1)
    levels = np.stack([1.0 + spread(0.3), spread(0.2)], axis=1)

    variations = drawn(old, 30, seed=5)
    np.testing.assert_allclose(variations.theta, theta, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(variations.levels, levels, rtol=1e-6)


def test_turning_kinds_on_leaves_the_others_as_they_were():
    everything = drawn(ALL).tensors()
    for kind in ("gamma", "blur", "noise", "erasing"):
        for name, value in drawn(only(**{kind: getattr(ALL, kind)})).tensors().items():
            assert torch.equal(value, everything[name])


def test_what_is_off_is_none():
    assert drawn(OFF).tensors() == {}
    assert list(drawn(only(horizontal_flip=0.5)).tensors()) == ["mirrored"]
    assert list(drawn(only(horizontal_flip=0.5, crop=0.1)).tensors()) == ["theta"]
    assert list(drawn(only(contrast=0.1)).tensors()) == ["levels"]
    assert list(drawn(only(blur=0.01)).tensors()) == ["blur"]


def linear_parts(policy, count=2000):
    """Return the maps from input to output without shift, float64 [count, 2, 2]."""
    return np.linalg.inv(drawn(policy, count).theta[:, :, :2].numpy().astype(np.float64))


def test_flips_have_their_probabilities():
    maps = linear_parts(only(horizontal_flip=0.3, vertical_flip=0.1))
    assert 0.27 < (maps[:, 0, 0] < 0).mean() < 0.33
    assert 0.08 < (maps[:, 1, 1] < 0).mean() < 0.12
    assert 0.27 < drawn(only(horizontal_flip=0.3), 2000).mirrored.mean() < 0.33


def test_warps_stay_inside_the_policy_and_reach_its_limits():
    turned = linear_parts(only(rotation_degrees=15.0))
    angle = np.rad2deg(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    assert 14.9 < np.abs(angle).max() <= 15.0001

    zoom = linear_parts(only(scale=0.2))[:, 0, 0]
    assert 0.8 <= zoom.min() + 1e-6 < 0.802 and 1.198 < zoom.max() <= 1.2 + 1e-6

    stretched = linear_parts(only(stretch=0.25))
    ratio = stretched[:, 0, 0] / stretched[:, 1, 1]
    assert 0.8 <= ratio.min() + 1e-6 < 0.802 and 1.248 < ratio.max() <= 1.25 + 1e-6
    np.testing.assert_allclose(np.linalg.det(stretched), 1, atol=1e-6)
    # Log-uniform: narrowing is as likely as widening.
    assert 0.47 < (ratio > 1).mean() < 0.53

    slanted = linear_parts(only(shear_degrees=10.0))
    up = slanted @ np.array([0.0, 1.0])
    slant = np.rad2deg(np.arctan2(up[:, 0], up[:, 1]))
    assert 9.9 < np.abs(slant).max() <= 10.0001
    np.testing.assert_allclose(slanted @ np.array([1.0, 0.0]), [[1.0, 0.0]] * 2000, atol=1e-6)

    shift = drawn(only(translation=0.1), 2000).theta[:, :, 2]
    assert 0.198 < shift.abs().max() <= 0.2


def test_crop_keeps_its_window_inside_and_its_area():
    theta = drawn(only(crop=0.4), 2000).theta
    side = theta[:, 0, 0]
    assert torch.equal(side, theta[:, 1, 1])
    assert 0.6 <= (side**2).min() + 1e-6 < 0.601 and (side**2).max() <= 1
    # Cut away is a share between nothing and the largest, all alike.
    assert abs((1 - side**2).mean() - 0.2) < 0.01
    reach = theta[:, :, 2].abs() + side[:, None]
    assert reach.max() <= 1 + 1e-6
    # At the very border, half a pixel lies outside.
    white = torch.full((50, SIZE, SIZE), 255, dtype=torch.uint8)
    cropped = augment(white, drawn(only(crop=0.4), 50))
    assert cropped[:, :, 1:-1, 1:-1].min() > 1 - 1e-5 and cropped.min() > 0.7


def test_grey_values_stay_inside_the_policy():
    exponent = drawn(only(gamma=1.0), 2000).exponent
    assert 0.5 <= exponent.min() < 0.502 and 1.995 < exponent.max() <= 2
    assert 0.47 < (exponent > 1).float().mean() < 0.53
    gain, bias = drawn(only(contrast=0.3, brightness=0.1), 2000).levels.unbind(1)
    assert 0.7 <= gain.min() < 0.702 and 1.298 < gain.max() <= 1.3
    assert 0.0998 < bias.abs().max() <= 0.1
    assert 0.0199 < drawn(only(blur=0.02), 2000).blur.max() <= 0.02
    assert 0.0998 < drawn(only(noise=0.1), 2000).noise[:, 0].max() <= 0.1


def test_erased_rectangles_are_as_described():
    top, left, bottom, right, grey = drawn(only(erasing=0.4), 4000).erasing.double().unbind(1)
    area, aspect = (bottom - top) * (right - left), (bottom - top) / (right - left)
    erased = area > 0
    assert 0.37 < erased.double().mean() < 0.43
    assert area[erased].min() >= 0.02 - 1e-6 and area.max() <= 0.2 + 1e-6
    assert aspect[erased].min() >= 0.3 - 1e-4 and aspect[erased].max() <= 3.3 + 1e-4
    assert min(top.min(), left.min()) >= 0 and max(bottom.max(), right.max()) <= 1
    assert 0 <= grey.min() < 0.01 and 0.99 < grey.max() < 1


# Carrying out


def test_nothing_is_a_change_of_number_format():
    images = radiographs(3)
    assert torch.equal(augment(images, drawn(OFF, 3)), images.unsqueeze(1).float() / 255)


def test_strength_zero_is_the_identity():
    images = radiographs(2)
    unchanged = images.unsqueeze(1).float() / 255
    exact = Variations(
        mirrored=torch.zeros(2, 1),
        levels=torch.tensor([[1.0, 0.0]] * 2),
        blur=torch.zeros(2, 1),
        noise=torch.tensor([[0.0, 0.3, 0.9]] * 2),
        erasing=torch.tensor([[0.4, 0.4, 0.4, 0.4, 0.7]] * 2),
        largest_blur=0.05,
    )
    assert torch.equal(augment(images, exact), unchanged)
    still = Variations(
        theta=torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]] * 2), exponent=torch.ones(2, 1)
    )
    torch.testing.assert_close(augment(images, still), unchanged, atol=1e-5, rtol=0)


def test_mirroring_is_exact_and_the_same_alone_and_in_a_warp():
    images, policy = radiographs(8), only(horizontal_flip=0.5)
    variations = drawn(policy, 8)
    chosen = variations.mirrored[:, 0].bool()
    assert chosen.any() and not chosen.all()
    expected = torch.where(chosen[:, None, None], images.flip(-1), images)
    mirrored = augment(images, variations)
    assert torch.equal(mirrored[:, 0], expected.float() / 255)
    # A warp that is too small to be seen.
    warped = augment(images, drawn(dataclasses.replace(policy, translation=1e-9), 8))
    torch.testing.assert_close(warped, mirrored, atol=1e-4, rtol=0)
    upside_down = augment(images, drawn(only(vertical_flip=1.0), 8))
    torch.testing.assert_close(upside_down[:, 0], images.flip(-2) / 255.0, atol=1e-4, rtol=0)


def test_warp_is_scipys_and_black_comes_in():
    images = radiographs(16)
    policy = only(
        horizontal_flip=0.5, vertical_flip=0.3, rotation_degrees=20.0, translation=0.1, scale=0.2,
        stretch=0.3, shear_degrees=10.0, crop=0.3,
    )  # fmt: skip
    variations = drawn(policy, 16)
    warped = augment(images, variations).numpy()[:, 0]
    for image, theta, ours in zip(
        greys(images)[:, 0], variations.theta.numpy(), warped, strict=True
    ):
        # From coordinates x, y between -1 and 1 to row and column.
        linear = theta[::-1, 1::-1].astype(np.float64)
        start = linear @ np.full(2, 1 / SIZE - 1) + theta[::-1, 2]
        offset = ((start + 1) * SIZE - 1) / 2
        expected = ndimage.affine_transform(
            image, linear, offset, order=1, mode="grid-constant", cval=0.0
        )
        np.testing.assert_allclose(ours, expected, atol=2e-4)
    assert (warped == 0).any()


def test_rotation_and_scale_match_torchvision():
    images = radiographs(8)
    variations = drawn(only(rotation_degrees=20.0, scale=0.2), 8)
    ours = augment(images, variations)
    for image, theta, result in zip(images, variations.theta, ours, strict=True):
        zoom = 1 / torch.linalg.det(theta[:, :2]).sqrt().item()
        # torchvision turns the image, theta turns the sampling grid.
        angle = -math.degrees(math.atan2(theta[1, 0], theta[0, 0]))
        expected = reference.affine(
            image[None].float() / 255, angle, [0, 0], zoom, [0.0],
            interpolation=reference.InterpolationMode.BILINEAR,
        )  # fmt: skip
        inside = (slice(None), slice(12, 36), slice(12, 36))
        torch.testing.assert_close(result[inside], expected[inside], atol=2e-3, rtol=0)


def test_translation_is_a_share_of_the_side():
    images = radiographs(1)
    shift = Variations(theta=torch.tensor([[[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]]]))
    moved = augment(images, shift)[0, 0]
    quarter = SIZE // 4
    torch.testing.assert_close(
        moved[:, quarter:], images[0, :, :-quarter] / 255.0, atol=1e-4, rtol=0
    )
    assert (moved[:, :quarter] == 0).all()


def test_gamma_is_a_power():
    images, variations = radiographs(8), drawn(only(gamma=3.0), 8)
    images[:, :2] = 0
    expected = greys(images) ** variations.exponent.numpy()[:, :, None, None]
    np.testing.assert_allclose(augment(images, variations), expected, atol=1e-6)


def test_brightness_and_contrast_match_torchvision_about_the_middle():
    images, variations = radiographs(8), drawn(only(contrast=0.5, brightness=0.3), 8)
    ours = augment(images, variations)
    for image, (gain, bias), result in zip(images, variations.levels, ours, strict=True):
        middle = torch.full((1, SIZE, SIZE), 0.5)
        contrast = gain * image / 255.0 + (1 - gain) * middle
        torch.testing.assert_close(result, (contrast + bias).clamp(0, 1), atol=1e-6, rtol=0)
    assert (ours == 0).any() and (ours == 1).any()


@pytest.mark.parametrize(("size", "largest"), [(48, 0.05), (65, 0.02), (224, 0.01)])
def test_blur_is_scipys(size, largest):
    images, variations = radiographs(6, size), drawn(only(blur=largest), 6)
    variations.blur[0] = largest
    blurred = augment(images, variations)[:, 0]
    radius = math.ceil(3 * largest * size)
    for image, share, ours in zip(greys(images)[:, 0], variations.blur, blurred, strict=True):
        expected = ndimage.gaussian_filter(
            image, share.item() * size, mode="nearest", radius=radius
        )
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_noise_is_normal_and_each_image_has_its_own():
    grey = torch.full((200, 64, 64), 128, dtype=torch.uint8)
    variations = drawn(only(noise=0.08), 200)
    noise = augment(grey, variations)[:, 0] - 128 / 255
    deviation = variations.noise[:, 0]
    torch.testing.assert_close(noise.std(dim=(1, 2)), deviation, atol=0, rtol=0.06)
    assert (noise.mean(dim=(1, 2)) / deviation).abs().max() < 0.07
    scaled = (noise / deviation[:, None, None])[deviation > 0.01].flatten()
    assert abs(scaled.pow(3).mean()) < 0.05 and abs(scaled.pow(4).mean() - 3) < 0.1
    likeness = torch.corrcoef((noise / deviation[:, None, None]).flatten(1)).fill_diagonal_(0)
    assert (likeness.abs() > 0.5).float().mean() < 1e-3


def test_noise_is_a_window_of_one_bank():
    bank = np.random.default_rng(NOISE_SEED).standard_normal((32, 32), dtype=np.float32)
    grey = torch.full((3, 16, 16), 128, dtype=torch.uint8)
    # The last place is what rounding makes of a number just below 1.
    noise = torch.tensor([[0.05, 0.0, 0.0], [0.05, 0.5, 0.99], [0.05, 1.0, 0.25]])
    added = (augment(grey, Variations(noise=noise))[:, 0] - 128 / 255) / 0.05
    for (row, column), ours in zip([(0, 0), (8, 16), (16, 4)], added, strict=True):
        np.testing.assert_allclose(ours, bank[row : row + 16, column : column + 16], atol=1e-5)


def test_erasing_paints_one_rectangle_in_one_grey():
    images, variations = radiographs(32), drawn(only(erasing=0.7), 32)
    erased = augment(images, variations)[:, 0]
    for image, row, ours in zip(images / 255.0, variations.erasing, erased, strict=True):
        top, left, bottom, right = (math.ceil(edge * SIZE - 0.5) for edge in row[:4])
        expected = image.clone()
        expected[top:bottom, left:right] = row[4]
        torch.testing.assert_close(ours, expected, atol=1e-7, rtol=0)
        share = (bottom - top) * (right - left) / SIZE**2
        assert share == 0 or 0.015 < share < 0.22


# What holds for all kinds together


@pytest.mark.parametrize("size", [37, 64])
def test_an_image_depends_on_no_other(size):
    """Bit for bit the same alone, in a small and in a large batch."""
    images, variations = radiographs(33, size), drawn(ALL, 33)
    before = images.clone()
    together = augment(images, variations)
    assert torch.equal(augment(images, variations), together)
    assert torch.equal(images, before)
    for length in (1, 2, 7, 16):
        for start in (0, 5):
            rows = slice(start, start + length)
            part = augment(images[rows], variations.rows(rows))
            assert torch.equal(part, together[rows]), (length, start)
    order = torch.randperm(33, generator=torch.Generator().manual_seed(0))
    shuffled = augment(images[order], variations.rows(order))
    assert torch.equal(shuffled, together[order])


def test_joined_is_drawing_one_by_one():
    parts = [drawn(ALL, 1, seed) for seed in range(5)]
    together = joined(parts)
    assert together.largest_blur == ALL.blur
    for row, part in enumerate(parts):
        for name, value in part.tensors().items():
            assert torch.equal(together.tensors()[name][row : row + 1], value)
    assert joined([drawn(OFF, 1)] * 3).tensors() == {}


def test_nothing_waits_for_values():
    """The device "meta" has shapes only: any look at a value would raise."""
    images = torch.empty(4, SIZE, SIZE, dtype=torch.uint8, device="meta")
    batch = augment(images, drawn(ALL, 4).to("meta"))
    assert batch.shape == (4, 1, SIZE, SIZE) and batch.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_and_its_graphs_give_the_same():
    images, variations = radiographs(16), drawn(ALL, 16)
    there, drawn_there = images.cuda(), variations.to("cuda")
    plain = augment(there, drawn_there)
    torch.testing.assert_close(plain.cpu(), augment(images, variations), atol=1e-3, rtol=0)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = augment(there, drawn_there)
    captured.zero_()
    graph.replay()
    assert torch.equal(captured, plain)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            **{
                name: st.floats(0, 1)
                for name in (
                    "horizontal_flip", "vertical_flip", "translation", "brightness", "contrast",
                    "noise", "erasing",
                )
            },
            **{name: st.floats(0, 1, exclude_max=True) for name in ("scale", "stretch", "crop")},
            "rotation_degrees": st.floats(0, 180),
            "shear_degrees": st.floats(0, 90, exclude_max=True),
            "gamma": st.floats(0, 4),
            "blur": st.floats(0, 0.05),
        }
    ),
    st.integers(0, 2**32),
    st.integers(1, 5),
)  # fmt: skip
def test_whatever_the_configuration_allows_gives_images(kinds, seed, count):
    policy = AugmentationPolicy(**Augmentation(**kinds).model_dump())
    images = radiographs(count, 17, seed)
    images[0] = 0
    batch = augment(images, drawn(policy, count, seed))
    assert batch.shape == (count, 1, 17, 17) and batch.dtype == torch.float32
    assert batch.isfinite().all() and batch.min() >= 0 and batch.max() <= 1
