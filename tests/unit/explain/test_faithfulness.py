import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.perturbation_confidence import (
    PerturbationConfidenceMetric,
    RemoveLeastRelevantFirst,
    RemoveMostRelevantFirst,
)
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from scipy.ndimage import gaussian_filter1d

from pneumobench.explain.controls import centre_maps, random_maps
from pneumobench.explain.faithfulness import (
    BLUR_DEVIATION,
    importance_ranks,
    impute,
    insertion_deletion,
    road,
)

SIZE = 32
REGION = (slice(4, 12), slice(18, 28))


def radiographs(count, size=SIZE, seed=0):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


def distinct_maps(count, size, seed=0):
    """Maps without equal values, exact when taken from 1, as the package does."""
    generator = np.random.default_rng(seed)
    values = [generator.permutation(size * size).reshape(size, size) for _ in range(count)]
    return torch.from_numpy(np.stack(values) / 2**14).float()


def bright(images):
    """A predictor that sees one pixel."""
    return images[:, 0, 0, 0]


def region_map(count, size=SIZE):
    maps = torch.zeros(count, size, size)
    maps[:, *REGION] = 1.0
    return maps


def sees_checks(images):
    """How far a region still shows its chequered pattern: blur, means and imputation wipe it."""
    rows, columns = torch.meshgrid(*[torch.arange(SIZE)] * 2, indexing="ij")
    pattern = ((rows + columns) % 2 * 2 - 1).float()
    return (images[:, 0] * pattern)[:, *REGION].mean((1, 2)) * 2


def chequered(count):
    images = 0.5 + 0.1 * (radiographs(count) - 0.5)
    rows, columns = torch.meshgrid(*[torch.arange(SIZE)] * 2, indexing="ij")
    images[:, 0] += 0.4 * ((rows + columns) % 2 * 2 - 1)
    return images


def test_ranks_of_distinct_values():
    maps = torch.tensor([[[0.1, 0.4], [0.3, 0.2]], [[4.0, 3.0], [1.0, 2.0]]])
    ranks = importance_ranks(maps, seed=0)
    assert ranks.tolist() == [[[3, 0], [1, 2]], [[0, 1], [3, 2]]]


def test_equal_values_favour_no_place():
    maps = torch.zeros(2, 64, 64)
    maps[1, 10, 10] = 1.0
    ranks = importance_ranks(maps, seed=0).float()
    assert ranks[1, 10, 10] == 0
    assert sorted(ranks[0].flatten().tolist()) == list(range(64 * 64))
    for quarter in (ranks[0, :32, :32], ranks[0, 32:, :32], ranks[0, :32, 32:], ranks[0, 32:, 32:]):
        # The mean of 1024 of 4096 ranks varies by 32.
        assert abs(quarter.mean() - 2047.5) < 150
    assert torch.equal(importance_ranks(maps[:1], seed=0).float(), ranks[:1])
    assert not torch.equal(importance_ranks(maps, seed=1).float(), ranks)


def test_curves_of_a_predictor_that_sees_one_pixel():
    images = torch.full((1, 1, 4, 4), 0.25)
    images[..., 0, 0] = 1.0
    first, last = torch.zeros(2, 1, 4, 4)
    first[0, 0, 0], last[0, 0, 0] = 1.0, -1.0
    mean = float(images.mean())
    blurred = float(blur(images.double().numpy()[0, 0])[0, 0])
    # Four steps: the pixel changes in the first or in the last of them.
    insertion, deletion = insertion_deletion(bright, images, first, steps=4)
    np.testing.assert_allclose(deletion, [mean + (1 - mean) / 8], rtol=1e-6)
    np.testing.assert_allclose(insertion, [1 - (1 - blurred) / 8], rtol=1e-6)
    insertion, deletion = insertion_deletion(bright, images, last, steps=4)
    np.testing.assert_allclose(deletion, [1 - (1 - mean) / 8], rtol=1e-6)
    np.testing.assert_allclose(insertion, [blurred + (1 - blurred) / 8], rtol=1e-6)


def blur(image):
    deviation = BLUR_DEVIATION * len(image)
    radius = int(3 * deviation)
    for axis in (0, 1):
        image = gaussian_filter1d(image, deviation, axis=axis, mode="mirror", radius=radius)
    return image


def test_insertion_starts_from_the_blurred_and_ends_with_the_whole_image():
    seen = []

    def watch(images):
        seen.append(images.clone())
        return images.mean((1, 2, 3))

    images = radiographs(2)
    insertion_deletion(watch, images, distinct_maps(2, SIZE), steps=3)
    inserted, deleted = seen[::2], seen[1::2]
    assert len(inserted) == len(deleted) == 4
    reference = np.stack([blur(image) for image in images[:, 0].double().numpy()])
    np.testing.assert_allclose(inserted[0][:, 0], reference, atol=1e-6)
    assert torch.equal(inserted[-1], images) and torch.equal(deleted[0], images)
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    assert torch.equal(deleted[-1], mean)
    # Portions are equal and nested.
    counts = [int((part != images).sum()) for part in deleted]
    assert counts == [0, 2 * 341, 2 * 682, 2 * 1024]


def test_constant_predictor_gives_its_constant():
    def constant(images):
        return torch.full((len(images),), 0.7)

    images, maps = radiographs(2), distinct_maps(2, SIZE)
    for area in insertion_deletion(constant, images, maps, steps=7):
        np.testing.assert_allclose(area, 0.7, rtol=1e-6)
    np.testing.assert_allclose(road(constant, images, maps, percentiles=(50,)), 0.0, atol=1e-9)


def test_the_right_map_beats_the_controls():
    images = chequered(3)
    right = region_map(3)
    controls = (random_maps(["a", "b", "c"], 4, SIZE, seed=0), centre_maps(3, SIZE))
    insertion, deletion = insertion_deletion(sees_checks, images, right)
    score = road(sees_checks, images, right)
    assert (score > 0.1).all() and (insertion > 0.6).all() and (deletion < 0.2).all()
    for control in controls:
        other_insertion, other_deletion = insertion_deletion(sees_checks, images, control)
        assert (insertion > other_insertion).all() and (deletion < other_deletion).all()
        assert (score > road(sees_checks, images, control)).all()


def test_a_batch_equals_its_images():
    images, maps = radiographs(3, 16), random_maps(["a", "b", "c"], 3, 16, seed=1).round(decimals=1)
    together = (*insertion_deletion(bright, images, maps), road(bright, images, maps))
    for row in range(3):
        alone = slice(row, row + 1)
        apart = insertion_deletion(bright, images[alone], maps[alone])
        for whole, part in zip(
            together, (*apart, road(bright, images[alone], maps[alone])), strict=True
        ):
            # A processor may add up one image in another order than three.
            np.testing.assert_allclose(whole[alone], part, rtol=1e-6)
    assert all(values.shape == (3,) and values.dtype == np.float64 for values in together)


def test_imputed_pixel_is_the_weighted_mean_of_its_neighbours():
    image = np.array([[1.0, 2.0, 3.0], [4.0, 99.0, 6.0], [7.0, 8.0, 9.0]])
    removed = np.zeros((3, 3), bool)
    removed[1, 1] = True
    assert impute(image, removed)[1, 1] == pytest.approx((2 + 4 + 6 + 8) / 6 + (1 + 3 + 7 + 9) / 12)
    corner = np.zeros((3, 3), bool)
    corner[0, 0] = True
    # Two direct neighbours and one diagonal; those outside do not count.
    assert impute(image, corner)[0, 0] == pytest.approx((2 * 2 + 2 * 4 + 99) / 5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("shape", [(24, 24), (17, 30)])
def test_imputation_equals_the_package(share, shape):
    generator = np.random.default_rng(0)
    image = generator.random(shape).astype(np.float32)
    removed = generator.random(shape) < share
    removed[5, 7], removed[0, 0] = False, True
    mask = torch.from_numpy(np.float32(~removed))
    expected = NoisyLinearImputer(noise=0)(torch.from_numpy(image)[None], mask)[0].numpy()
    found = impute(image, removed)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(found[~removed], image[~removed])


def package_score(model, images, maps, percentiles):
    """ROADCombined of the package without its noise, which has no seed."""
    targets = [lambda output: output] * len(images)

    def mean_change(removal):
        return np.mean(
            [
                PerturbationConfidenceMetric(removal(percentile, NoisyLinearImputer(noise=0)))(
                    images, maps.numpy(), targets, model
                )
                for percentile in percentiles
            ],
            axis=0,
        )

    return (mean_change(RemoveLeastRelevantFirst) - mean_change(RemoveMostRelevantFirst)) / 2


@pytest.mark.parametrize("size", [16, 21])
@pytest.mark.parametrize("percentiles", [(10, 50, 90), (1, 33, 99)])
def test_scores_equal_the_package(size, percentiles):
    images, maps = radiographs(3, size), distinct_maps(3, size)
    torch_generator = torch.Generator().manual_seed(0)
    weights = torch.randn(size * size, generator=torch_generator) / size

    def model(batch):
        return torch.sigmoid(4 * (batch.flatten(1) - 0.5) @ weights)

    found = road(model, images, maps, percentiles=percentiles, noise=0.0)
    np.testing.assert_allclose(
        found, package_score(model, images, maps, percentiles), rtol=1e-4, atol=1e-6
    )
    assert np.abs(found).min() > 1e-3


def test_noise_is_seeded_and_lies_on_imputed_pixels_only():
    images, maps = radiographs(2, 16), distinct_maps(2, 16)

    def shown(seed, noise):
        seen = []

        def watch(batch):
            seen.append(batch.clone())
            return bright(batch)

        road(watch, images, maps, percentiles=(50,), seed=seed, noise=noise)
        return torch.stack(seen)

    plain, noisy = shown(0, 0.0), shown(0, 0.05)
    assert torch.equal(shown(0, 0.05), noisy) and not torch.equal(shown(1, 0.05), noisy)
    kept = plain == images
    assert int(kept.sum()) == 2 * 2 * 128
    assert torch.equal(noisy[kept], plain[kept])
    grain = (noisy - plain)[~kept]
    assert 0.04 < float(grain.std()) < 0.06 and abs(float(grain.mean())) < 0.01
    # Not the same noise in both directions.
    assert not torch.allclose((noisy - plain)[0].sum(0), (noisy - plain)[1].sum(0))


@pytest.mark.parametrize("percentile", [0, 100])
def test_percentiles_that_leave_nothing_are_refused(percentile):
    with pytest.raises(ValueError, match="between 0 and 100"):
        road(bright, radiographs(1, 16), distinct_maps(1, 16), percentiles=(50, percentile))


def test_equal_values_leave_exact_numbers_of_pixels():
    """The package would remove every pixel of such a map at once."""
    counts = []
    images = radiographs(1, 16)

    def count(batch):
        counts.append(int((batch == images).sum()))
        return bright(batch)

    road(count, images, torch.zeros(1, 16, 16), percentiles=(20,))
    assert counts == [51, 51]
