"""Offline copies: augmented images on disk, of cross-validation images only."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pneumobench.core.files import atomic_path, read_table, write_table
from pneumobench.data.augmentation.apply import augment
from pneumobench.data.augmentation.policy import AugmentationPolicy, draw_variations, joined

logger = logging.getLogger(__name__)

# Keeps a batch of large images below a few hundred megabytes.
COPIES_AT_A_TIME = 16


def augment_images(
    images: Path,
    splits: Path,
    augmented: Path,
    table: Path,
    *,
    per_image: int,
    seed: int,
    augmentation: dict[str, float],
) -> None:
    """Write augmented copies of the cross-validation images, and which image each comes from.

    A copy follows from (seed, image_id, number of the copy) and the image alone: adding images
    changes no other copy. Test images have no copies.

    Parameters
    ----------
    images
        Packed images, uint8 [N, S, S].
    splits
        splits.csv, its rows those of `images`.
    augmented
        The .npy file to write: uint8 [M, S, S], M = `per_image` times the cross-validation images.
    table
        The CSV file to write: source_row (row of the image in `images`), image_id, copy.
    per_image
        Copies of each image; 0 writes an empty array.
    seed
        Everything random follows from it.
    augmentation
        How strongly copies differ from their image: the fields of `AugmentationPolicy`.
    """
    policy = AugmentationPolicy(**augmentation)
    packed = np.load(images, mmap_mode="r")
    assigned = read_table(splits, text=("image_id", "inner", "group"))
    if len(assigned) != len(packed):
        raise ValueError(f"{splits} has {len(assigned)} rows, {images} holds {len(packed)} images")
    development = assigned.index[assigned["role"] == "cv"]
    copies = pd.DataFrame(
        [
            (row, assigned["image_id"][row], copy)
            for row in development
            for copy in range(per_image)
        ],
        columns=["source_row", "image_id", "copy"],
    )
    with atomic_path(augmented) as temporary:
        _write_copies(temporary, packed, copies, seed, policy)
    write_table(table, copies)
    logger.info("%d copies of %d images", len(copies), len(development))


def _write_copies(
    path: Path, packed: np.ndarray, copies: pd.DataFrame, seed: int, policy: AugmentationPolicy
) -> None:
    shape = (len(copies), *packed.shape[1:])
    if not len(copies):
        # An empty file cannot be mapped into memory.
        np.save(path, np.empty(shape, dtype=np.uint8))
        return
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, len(copies), COPIES_AT_A_TIME):
        some = copies[start : start + COPIES_AT_A_TIME]
        drawn = [
            draw_variations(copy_generator(seed, image_id, copy), 1, policy)
            for image_id, copy in zip(some["image_id"], some["copy"], strict=True)
        ]
        films = torch.from_numpy(packed[some["source_row"].to_numpy()])
        varied = augment(films, joined(drawn)).squeeze(1).mul_(255.0).round_()
        written[start : start + len(some)] = varied.to(torch.uint8).numpy()
    written.flush()


def copy_generator(seed: int, image_id: str, copy: int) -> np.random.Generator:
    """Return the random numbers of one copy, the same whatever else is in the data set."""
    name = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big")
    return np.random.default_rng((seed, name, copy))
