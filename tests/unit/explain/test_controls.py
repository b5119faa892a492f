import numpy as np
import pytest
import torch

from pneumobench.explain.controls import CENTRE_DEVIATION, centre_maps, random_maps

KEYS = ["person1_bacteria_1", "person2_virus_7", "IM-0115-0001"]


def test_noise_follows_from_the_image_alone():
    maps = random_maps(KEYS, 7, 64, seed=3)
    assert maps.shape == (3, 64, 64) and maps.dtype == torch.float32
    assert maps.min() >= 0 and maps.max() < 1
    torch.testing.assert_close(random_maps(KEYS[::-1], 7, 64, seed=3), maps.flip(0), rtol=0, atol=0)
    torch.testing.assert_close(random_maps(KEYS[1:2], 7, 64, seed=3), maps[1:2], rtol=0, atol=0)
    assert not torch.equal(maps[0], maps[1])
    assert not torch.equal(random_maps(KEYS, 7, 64, seed=4), maps)


def test_noise_leaves_the_global_state_alone():
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    random_maps(KEYS, 7, 64, seed=3)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


def test_noise_has_no_favourite_place():
    maps = random_maps([f"image{number}" for number in range(2000)], 4, 8, seed=0)
    # A uniform number's mean varies by 0.29 / sqrt(2000) = 0.0065.
    assert (maps.mean(0) - 0.5).abs().max() < 0.03


def test_noise_is_as_coarse_as_its_grid():
    maps = random_maps(KEYS, 4, 64, seed=0)
    # Between the middles of two cells, 16 px apart, a map changes by less than 1.
    assert maps.diff(dim=1).abs().max() < 1 / 16
    assert maps.std() > 0.1


@pytest.mark.parametrize("size", [64, 75])
def test_blob_is_a_centred_gaussian(size):
    maps = centre_maps(2, size)
    assert maps.shape == (2, size, size) and maps.dtype == torch.float32
    rows, columns = np.mgrid[:size, :size]
    squares = (rows - (size - 1) / 2) ** 2 + (columns - (size - 1) / 2) ** 2
    expected = np.exp(-squares / (2 * (CENTRE_DEVIATION * size) ** 2))
    np.testing.assert_allclose(maps, np.stack([expected] * 2), rtol=1e-6)
