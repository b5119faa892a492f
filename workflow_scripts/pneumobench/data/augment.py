"""Offline copies: augmented images on disk, of cross-validation images only."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pneumobench.core.files import atomic_path, read_table, write_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CopySettings:
    """How strongly copies differ from their image.

    Attributes
    ----------
    horizontal_flip
        Probability of mirroring, 0 to 1.
    rotation_degrees
        Largest rotation to either side.
    translation
        Largest shift along each axis, as a share of the side.
    scale
        Largest relative change of size.
    brightness
        Largest shift of all grey values, as a share of the grey range.
    contrast
        Largest relative change of the distance from the mean grey value.
    """

    horizontal_flip: float
    rotation_degrees: float
    translation: float
    scale: float
    brightness: float
    contrast: float


def augment_images(
    images: Path,
    splits: Path,
    augmented: Path,
    table: Path,
    *,
    per_image: int,
    seed: int,
    horizontal_flip: float,
    rotation_degrees: float,
    translation: float,
    scale: float,
    brightness: float,
    contrast: float,
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
    horizontal_flip, rotation_degrees, translation, scale, brightness, contrast
        See `CopySettings`.
    """
    settings = CopySettings(
        horizontal_flip, rotation_degrees, translation, scale, brightness, contrast
    )
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
        _write_copies(temporary, packed, copies, seed, settings)
    write_table(table, copies)
    logger.info("%d copies of %d images", len(copies), len(development))


def _write_copies(
    path: Path, packed: np.ndarray, copies: pd.DataFrame, seed: int, settings: CopySettings
) -> None:
    shape = (len(copies), *packed.shape[1:])
    if not len(copies):
        # An empty file cannot be mapped into memory.
        np.save(path, np.empty(shape, dtype=np.uint8))
        return
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for position, copy in enumerate(copies.itertuples(index=False)):
        random = copy_generator(seed, copy.image_id, copy.copy)
        written[position] = augmented_copy(packed[copy.source_row], random, settings)
    written.flush()


def copy_generator(seed: int, image_id: str, copy: int) -> np.random.Generator:
    """Return the random numbers of one copy, the same whatever else is in the data set."""
    name = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big")
    return np.random.default_rng((seed, name, copy))


def augmented_copy(
    image: np.ndarray, random: np.random.Generator, settings: CopySettings
) -> np.ndarray:
    """Return a copy with other grey values, mirrored, turned, shifted and resized.

    Never mirrored top to bottom: a chest has its diaphragm below. What comes in from outside the
    image is black.

    Parameters
    ----------
    image
        uint8 [S, S].
    random
        Source of the ten or fewer random numbers.
    settings
        Largest changes.

    Returns
    -------
    numpy.ndarray
        uint8 [S, S].
    """
    flip = -1.0 if random.random() < settings.horizontal_flip else 1.0
    angle = np.deg2rad(random.uniform(-1, 1) * settings.rotation_degrees)
    shift = random.uniform(-1, 1, size=2) * settings.translation * image.shape[0]
    enlargement = 1 + random.uniform(-1, 1) * settings.scale
    brightness = random.uniform(-1, 1) * settings.brightness * 255
    contrast = 1 + random.uniform(-1, 1) * settings.contrast

    mean = image.mean()
    grey = (image - mean) * contrast + mean + brightness
    grey = np.rint(grey).clip(0, 255).astype(np.uint8)

    # Pillow wants the map from output to input pixels: shift back, turn back, mirror, about the
    # centre. Its pixel centres lie at halves, so the centre is S / 2.
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.diag([flip, 1.0]) @ rotation / enlargement
    centre = np.full(2, image.shape[0] / 2)
    offset = centre - matrix @ (centre + shift)
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    moved = Image.fromarray(grey).transform(
        (image.shape[1], image.shape[0]),
        Image.Transform.AFFINE,
        coefficients,
        Image.Resampling.BILINEAR,
    )
    return np.asarray(moved)
