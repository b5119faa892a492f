"""Pairs of radiographs that look the same: difference hashes that differ in few bits, quickly.

Two hashes that differ in at most 5 of 256 bits agree in at least one of 6 parts of them. So only
hashes with an equal part are compared; sorting finds them. The parts take every sixth bit, because
neighbouring bits of radiographs are alike. Memory is linear in the number of radiographs.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

# Resized and recompressed copies of an image stay below, images of different patients above; see
# pneumobench.data.images.difference_hash.
NEAR_DUPLICATE_BITS = 5
# Pairs of different hashes that are kept for the list of pairs; all are counted.
MOST_KEPT = 100_000
# Pairs that are handed on together.
BATCH = 50_000


@dataclass(frozen=True)
class NearDuplicates:
    """Nearly identical images of different groups.

    Attributes
    ----------
    pairs
        Their number.
    across
        Of these, the pairs with one image on either side.
    images
        Number of images that are one of such a pair.
    listed
        The first of them: (row, later row, number of differing bits), in the order of the rows.
    """

    pairs: int
    across: int
    images: int
    listed: list[tuple[int, int, int]]


def hash_words(hashes: Sequence[str]) -> np.ndarray:
    """Return difference hashes, 64 hexadecimal digits each, as uint64 [images, 4]."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), 4)


def find_near_duplicates(
    hashes: np.ndarray, groups: np.ndarray, side: np.ndarray, most_listed: int
) -> NearDuplicates:
    """Find the pairs of images of different groups whose hashes differ in at most 5 bits.

    Images of equal hash (blank ones, say) are counted together, not pair by pair.

    Parameters
    ----------
    hashes
        uint64 [images, 4].
    groups
        Integers [images]; pairs within a group do not count.
    side
        Booleans [images]: on which side of the official split an image is.
    most_listed
        Largest number of pairs to list.
    """
    if len(hashes) == 0:
        return NearDuplicates(0, 0, 0, [])
    distinct, place = np.unique(hashes, axis=0, return_inverse=True)
    place = place.reshape(-1)
    members = _Members(place, groups, side)
    everyone = np.arange(len(distinct))
    pairs, across, kept, room = 0, 0, [], MOST_KEPT
    own = [(everyone, everyone, np.zeros(len(distinct), dtype=np.int64))]
    for left, right, bits in itertools.chain(own, _batches(_near_pairs(distinct))):
        number, crossing = members.count(left, right)
        pairs, across = pairs + int(number.sum()), across + int(crossing.sum())
        members.note_partners(left, right)
        there = np.flatnonzero(number)[:room]
        room -= len(there)
        if len(there):
            kept.append((left[there], right[there], bits[there]))
    listed = list(_list_pairs(place, groups, kept, most_listed))
    return NearDuplicates(pairs, across, members.with_partners(), listed)


class _Members:
    """How many images of each group and side every distinct hash has."""

    def __init__(self, place: np.ndarray, groups: np.ndarray, side: np.ndarray) -> None:
        shape = (int(place.max()) + 1, int(groups.max()) + 1)
        self.sides = [
            sparse.csr_matrix((chosen.astype(np.int64), (place, groups)), shape=shape)
            for chosen in (side, ~side)
        ]
        self.both = self.sides[0] + self.sides[1]
        self.place, self.groups = place, groups
        # The first and the last group of each hash, and of all hashes near it.
        self.ends = [np.full(shape[0], shape[1]), np.full(shape[0], -1)]
        np.minimum.at(self.ends[0], place, groups)
        np.maximum.at(self.ends[1], place, groups)
        self.near = [ends.copy() for ends in self.ends]

    def note_partners(self, left: np.ndarray, right: np.ndarray) -> None:
        """Remember of either hash of near pairs the groups of the other."""
        for one, other in ((left, right), (right, left)):
            np.minimum.at(self.near[0], one, self.ends[0][other])
            np.maximum.at(self.near[1], one, self.ends[1][other])

    def with_partners(self) -> int:
        """Return the number of images that have a near one of another group."""
        first, last = (ends[self.place] for ends in self.near)
        return int(((first != self.groups) | (last != self.groups)).sum())

    def count(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs of different groups between hashes, and those across the sides."""
        # Within one hash every pair is seen from both of its ends.
        ends = np.where(left == right, 2, 1)
        one, other = self.sides
        number = _between(self.both, self.both, left, right) // ends
        crossing = _between(one, other, left, right) + _between(other, one, left, right)
        return number, crossing // ends


def _between(
    one: sparse.csr_matrix, other: sparse.csr_matrix, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return the number of pairs of different groups, for rows of two tables [hash, group]."""
    totals = [np.asarray(table.sum(axis=1)).ravel() for table in (one, other)]
    same = np.asarray(one[left].multiply(other[right]).sum(axis=1)).ravel()
    return totals[0][left] * totals[1][right] - same


def _near_pairs(distinct: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield batches of (row, other row, differing bits), every near pair of distinct rows once."""
    keys = _parts(distinct)
    compared = sum(_pairs_of_equals(key) for key in keys)
    if compared > _pairs_of_equals(np.zeros(len(distinct))):
        # Hashes so alike that the parts tell nothing apart: each pair is compared once.
        keys = np.zeros((1, len(distinct)), dtype=np.uint64)
    for part, key in enumerate(keys):
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        begins, distance = np.arange(len(key)), 0
        while len(begins):
            distance += 1
            # Sorted, equals stand together: who has none at this distance has none farther off.
            begins = begins[begins + distance < len(key)]
            begins = begins[ordered[begins] == ordered[begins + distance]]
            left, right = order[begins], order[begins + distance]
            bits = np.bitwise_count(distinct[left] ^ distinct[right]).sum(axis=1, dtype=np.int64)
            near = bits <= NEAR_DUPLICATE_BITS
            left, right, bits = left[near], right[near], bits[near]
            # A pair that agrees in several parts counts in the first.
            fresh = ~(keys[:part, left] == keys[:part, right]).any(axis=0)
            if fresh.any():
                yield left[fresh], right[fresh], bits[fresh]


def _batches(
    pairs: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Iterator[list[np.ndarray]]:
    """Join small batches of pairs."""
    waiting, number = [], 0
    for found in pairs:
        waiting.append(found)
        number += len(found[0])
        if number >= BATCH:
            yield [np.concatenate(column) for column in zip(*waiting, strict=True)]
            waiting, number = [], 0
    if waiting:
        yield [np.concatenate(column) for column in zip(*waiting, strict=True)]


def _parts(distinct: np.ndarray) -> np.ndarray:
    """Return the parts of each hash, uint64 [6, rows]."""
    number = NEAR_DUPLICATE_BITS + 1
    bits = np.unpackbits(distinct.view(np.uint8).reshape(len(distinct), -1), axis=1)
    keys = np.zeros((number, len(distinct), 8), dtype=np.uint8)
    for part in range(number):
        packed = np.packbits(bits[:, part::number], axis=1)
        keys[part, :, : packed.shape[1]] = packed
    return keys.view(np.uint64)[..., 0]


def _pairs_of_equals(key: np.ndarray) -> int:
    runs = np.unique(key, return_counts=True)[1]
    return int((runs * (runs - 1) // 2).sum())


def _list_pairs(
    place: np.ndarray,
    groups: np.ndarray,
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    most: int,
) -> Iterator[tuple[int, int, int]]:
    """Yield pairs of images in the order of their rows, at most `most`."""
    near: dict[int, dict[int, int]] = defaultdict(dict)
    for left, right, bits in (tuple(column.tolist() for column in part) for part in kept):
        for one, other, number in zip(left, right, bits, strict=True):
            near[one][other] = near[other][one] = number
    by_hash = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[by_hash], np.arange(int(place.max()) + 2))
    for row in np.flatnonzero(np.isin(place, list(near))).tolist():
        partners = [
            (int(other), number)
            for found, number in near[int(place[row])].items()
            for other in by_hash[starts[found] : starts[found + 1]]
            if other > row and groups[other] != groups[row]
        ]
        for other, number in sorted(partners)[:most]:
            yield row, other, number
        most -= min(len(partners), most)
        if not most:
            return
