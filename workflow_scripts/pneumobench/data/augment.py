"""Offline copies: augmented images on disk, of cross-validation images only."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.core.inflation import copy_names
from pneumobench.core.packed import PackedImages
from pneumobench.data.augmentation.apply import augment
from pneumobench.data.augmentation.policy import AugmentationPolicy, draw_variations, joined
from pneumobench.data.squares import write_batches

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
        The .npy file to write: uint8 [M, S, S], M = `per_image` times the cross-validation images;
        a .json file that describes it is written beside it.
    table
        The CSV file to write: source_row (row of the image in `images`), image_id, copy.
    per_image
        Copies of each image; 0 writes an empty array.
    seed
        Everything random follows from it.
    augmentation
        How strongly copies differ from their image: the fields of `AugmentationPolicy`.

    Raises
    ------
    UserError
        If images and splits are not of the same images in the same order.
    """
    policy = AugmentationPolicy(**augmentation)
    assigned = read_table(splits, text=("image_id", "inner", "group"))
    source = PackedImages(images, assigned["image_id"])
    packed = source.all()
    development = assigned.index[assigned["role"] == "cv"]
    copies = pd.DataFrame(
        [
            (row, assigned["image_id"][row], copy)
            for row in development
            for copy in range(per_image)
        ],
        columns=["source_row", "image_id", "copy"],
    )

    def batch(rows: range) -> np.ndarray:
        return _make_copies(packed, copies[rows.start : rows.stop], seed, policy)

    names = copy_names(copies["image_id"], copies["copy"])
    record = write_batches(augmented, names, packed.shape[1], COPIES_AT_A_TIME, batch)
    write_json(augmented.with_suffix(".json"), record | {"images": source.record["sha256"]})
    write_table(table, copies)
    logger.info("%d copies of %d images", len(copies), len(development))


def _make_copies(
    packed: np.ndarray, copies: pd.DataFrame, seed: int, policy: AugmentationPolicy
) -> np.ndarray:
    drawn = [
        draw_variations(copy_generator(seed, image_id, copy), 1, policy)
        for image_id, copy in zip(copies["image_id"], copies["copy"], strict=True)
    ]
    radiographs = torch.from_numpy(packed[copies["source_row"].to_numpy()])
    varied = augment(radiographs, joined(drawn)).squeeze(1).mul_(255.0).round_()
    return varied.to(torch.uint8).numpy()


def copy_generator(seed: int, image_id: str, copy: int) -> np.random.Generator:
    """Return the random numbers of one copy, the same whatever else is in the data set."""
    name = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big")
    return np.random.default_rng((seed, name, copy))
