"""Near duplicates: the same pairs as comparing all with all, at a size where that takes minutes."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumobench.data import near_duplicates
from pneumobench.data.near_duplicates import NEAR_DUPLICATE_BITS, find_near_duplicates


def brute_force(hashes, groups, side):
    """Compare every image with every other."""
    pairs = []
    for row in range(len(hashes)):
        bits = np.bitwise_count(hashes[row + 1 :] ^ hashes[row]).sum(axis=1, dtype=int)
        near = (bits <= NEAR_DUPLICATE_BITS) & (groups[row + 1 :] != groups[row])
        pairs += [(row, row + 1 + int(at), int(bits[at])) for at in np.flatnonzero(near)]
    images = {image for pair in pairs for image in pair[:2]}
    return pairs, sum(bool(side[row] != side[other]) for row, other, _ in pairs), len(images)


def flipped(hashes, rng, most):
    """Return the hashes with 0 to `most` bits changed in each."""
    bits = np.unpackbits(hashes.view(np.uint8).reshape(len(hashes), -1), axis=1)
    for row in bits:
        row[rng.choice(256, rng.integers(0, most + 1), replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def hashes_of(rng, number, originals, most, density=0.5):
    """Return hashes of which many are near to one another."""
    bits = rng.random((originals, 256)) < density
    base = np.packbits(bits, axis=1).view(np.uint64)
    return flipped(base[rng.integers(0, originals, number)], rng, most)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(1, 120),
    originals=st.integers(1, 40),
    most=st.integers(0, 8),
    density=st.sampled_from([0.0, 0.01, 0.5]),
    patients=st.integers(1, 60),
)
def test_the_same_pairs_as_all_with_all(seed, number, originals, most, density, patients):
    rng = np.random.default_rng(seed)
    hashes = hashes_of(rng, number, originals, most, density)
    groups, side = rng.integers(0, patients, number), rng.random(number) < 0.3
    pairs, across, images = brute_force(hashes, groups, side)
    found = find_near_duplicates(hashes, groups, side, 10**6)
    assert (found.pairs, found.across, found.listed) == (len(pairs), across, pairs)
    assert found.images == images
    assert find_near_duplicates(hashes, groups, side, 7).listed == pairs[:7]


@pytest.mark.parametrize("bits", range(8))
def test_the_limit_is_exact_wherever_the_bits_lie(bits):
    rng = np.random.default_rng(bits)
    for _ in range(20):
        one = rng.integers(0, 2**64, (1, 4), dtype=np.uint64)
        other = np.unpackbits(one.view(np.uint8), axis=1)
        other[0, rng.choice(256, bits, replace=False)] ^= 1
        both = np.concatenate([one, np.packbits(other, axis=1).view(np.uint64)])
        found = find_near_duplicates(both, np.arange(2), np.array([True, False]), 10)
        near = bits <= NEAR_DUPLICATE_BITS
        assert found.listed == ([(0, 1, bits)] if near else [])
        assert found.pairs == found.across == int(near)


def test_no_image_and_one_image():
    nothing = np.zeros((0, 4), dtype=np.uint64)
    assert find_near_duplicates(nothing, np.zeros(0, int), np.zeros(0, bool), 9).pairs == 0
    one = np.zeros((1, 4), dtype=np.uint64)
    assert find_near_duplicates(one, np.zeros(1, int), np.zeros(1, bool), 9).pairs == 0


def test_many_equal_hashes_are_counted_and_not_compared():
    number = 100_000
    hashes = np.zeros((number, 4), dtype=np.uint64)
    groups, side = np.arange(number) // 2, np.arange(number) < 1000
    began = time.process_time()
    found = find_near_duplicates(hashes, groups, side, 1000)
    assert time.process_time() - began < 10
    assert found.pairs == number * (number - 1) // 2 - number // 2
    assert found.across == 1000 * 99_000
    assert len(found.listed) == 1000 and found.listed[0] == (0, 2, 0)


def test_hashes_that_are_all_alike_are_compared_once_each(monkeypatch):
    # One bit set, or none, in different places: every pair is near, every part is equal.
    single = np.zeros((257, 256), dtype=np.uint8)
    single[np.arange(256), np.arange(256)] = 1
    hashes = np.packbits(single, axis=1).view(np.uint64)
    monkeypatch.setattr(near_duplicates, "MOST_KEPT", 500)
    monkeypatch.setattr(near_duplicates, "BATCH", 300)
    found = find_near_duplicates(hashes, np.arange(257), np.arange(257) < 7, 100)
    assert (found.pairs, found.across) == (257 * 256 // 2, 7 * 250)
    assert len(found.listed) == 100


def test_112_000_images_take_seconds_and_little_memory():
    rng = np.random.default_rng(0)
    number = 112_000
    hashes = rng.integers(0, 2**64, (number, 4), dtype=np.uint64)
    # Radiographs resemble one another: half of the bits are nearly always the same.
    hashes[:, :2] &= rng.integers(0, 2**64, (number, 2), dtype=np.uint64)
    hashes[:, :2] &= rng.integers(0, 2**64, (number, 2), dtype=np.uint64)
    hashes[-50:] = flipped(hashes[:50], rng, 5)
    side = np.arange(number) >= number - 20
    tracemalloc.start()
    began = time.process_time()
    found = find_near_duplicates(hashes, np.arange(number), side, 1000)
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.pairs, found.across) == (50, 20)
    assert [pair[:2] for pair in found.listed] == [(row, number - 50 + row) for row in range(50)]
    assert seconds < 30 and peak < 400e6, (seconds, peak)
