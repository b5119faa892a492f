"""Blocks of radiographs with neighbouring file numbers."""

import re

import numpy as np

from pneumobench.data.file_names import parse_stem

_NUMBERED = re.compile(r"(.*?)(\d+)")


def number_blocks(
    image_id: np.ndarray, group: np.ndarray, positive: np.ndarray, fold: np.ndarray, blocks: int
) -> np.ndarray | None:
    """Cut the radiographs into blocks by the numbers of their patients, which their names carry.

    Numbers were given by series (bacterial, viral, and each prefix of normal images), so each
    series is cut into as many blocks by itself, with as many patients in each; block k of all
    series together is block k. Groups stay together.

    Parameters
    ----------
    image_id, group
        [images] text: the image's name, and its patient, united with those of identical images.
    positive, fold
        [images] bool and int.
    blocks
        Number of blocks.

    Returns
    -------
    numpy.ndarray or None
        [images] int, 0 to blocks - 1. None if a name is outside the known grammars, a block lacks a
        class, or without a block some other fold's side would.
    """
    numbers = {name: _series_and_number(str(name)) for name in image_id}
    if None in numbers.values():
        return None
    number_of_group: dict[str, tuple[str, int]] = {}
    for name, key in zip(image_id, group, strict=True):
        number_of_group.setdefault(str(key), numbers[name])
    block_of_group: dict[str, int] = {}
    for series in {series for series, _ in number_of_group.values()}:
        keys = [key for key, (own, _) in number_of_group.items() if own == series]
        keys.sort(key=lambda key: (number_of_group[key][1], key))
        for position, key in enumerate(keys):
            block_of_group[key] = position * blocks // len(keys)
    block = np.array([block_of_group[str(key)] for key in group])
    for number in range(blocks):
        parts = [block == number]
        parts += [(block != number) & (fold == own) for own in np.unique(fold)]
        if any(len(np.unique(positive[part])) < 2 for part in parts):
            return None
    return block


def _series_and_number(stem: str) -> tuple[str, int] | None:
    named = parse_stem(stem)
    match = _NUMBERED.fullmatch(named.patient) if named else None
    # Version 3 has one key for all subtypes of a patient, but a series for each.
    return (f"{named.subtype} {match[1]}", int(match[2])) if match else None
