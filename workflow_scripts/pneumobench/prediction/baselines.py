"""What the baselines predict: out of fold, for test images and for external ones."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.core.packed import PackedImages
from pneumobench.data.baseline_features import (
    border_features,
    metadata_features,
    thumbnail_features,
)
from pneumobench.data.labels import development_labels
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.prediction.baseline_models import out_of_fold_scores, test_scores

logger = logging.getLogger(__name__)

FEATURES: dict[str, Callable[[pd.DataFrame, np.ndarray], np.ndarray]] = {
    "metadata": metadata_features,
    "thumbnail": lambda _radiographs, images: thumbnail_features(images),
    "border": lambda _radiographs, images: border_features(images),
}
"""What each of `core.baselines.BASELINES` sees of rows of the manifest and their packed images."""


@dataclass(frozen=True)
class Radiographs:
    """The radiographs of a data set, in the order of the packed images, without those left out.

    Attributes
    ----------
    packed
        uint8 [N, S, S].
    rows
        image_id, width, height and bytes: the manifest without labels.
    splits
        splits.csv.
    """

    packed: np.ndarray
    rows: pd.DataFrame
    splits: pd.DataFrame

    @property
    def image_id(self) -> np.ndarray:
        """[N] text."""
        return self.splits["image_id"].to_numpy(dtype=str)

    @property
    def group(self) -> np.ndarray:
        """[N] text: the patient, united with those of identical radiographs."""
        return self.splits["group"].to_numpy(dtype=str)

    @property
    def tested(self) -> np.ndarray:
        """[N] bool, True for images of the test set."""
        return (self.splits["role"] == "test").to_numpy()

    @property
    def fold(self) -> np.ndarray:
        """[N] int, -1 for images of the test set."""
        return self.splits["fold"].fillna(-1).to_numpy().astype(int)


def score_baselines(
    images: Path,
    manifest: Path,
    splits: Path,
    labels: Path,
    *,
    out_of_fold: dict[str, Path],
    test: dict[str, Path],
) -> None:
    """Fit every baseline fold by fold, as networks are, and write what it says.

    Unlike a network a baseline has one file for all folds: columns baseline, fold, image_id and
    logit (float32; higher speaks for pneumonia). out_of_fold.csv has one row for each development
    image, test.csv one for each fold's model and test image.

    Parameters
    ----------
    images
        Packed images, uint8 [N, S, S].
    manifest, splits
        manifest.csv, whose accepted rows are those of the images, and splits.csv, likewise. The
        manifest's labels are not looked at.
    labels
        development_labels.csv.
    out_of_fold, test
        The files to write, by the baselines' names.

    Raises
    ------
    UserError
        If images, manifest and splits are not of one data set, or a development image has no label.
    """
    radiographs = read_radiographs(images, manifest, splits)
    names = radiographs.image_id
    development, tested = np.flatnonzero(~radiographs.tested), np.flatnonzero(radiographs.tested)
    positive = development_labels(labels, radiographs.splits)[development]
    fold = radiographs.fold[development]
    for kind in out_of_fold:
        features = FEATURES[kind](radiographs.rows, radiographs.packed)
        fitted = (features[development], positive, fold)
        own = out_of_fold_scores(*fitted, kind)
        write_table(out_of_fold[kind], _tabulate(kind, fold, names[development], own))
        write_table(test[kind], _by_fold(kind, fitted, names[tested], features[tested]))
        logger.info("%s: %d features of %d images", kind, features.shape[1], len(features))


def score_external_baselines(
    radiographs: Radiographs, labels: Path, others: Radiographs, *, external: dict[str, Path]
) -> None:
    """Fit every baseline fold by fold, as `score_baselines` does, and score external radiographs.

    Parameters
    ----------
    radiographs, labels
        Those of the experiment, and development_labels.csv.
    others
        The external radiographs; their labels are not looked at.
    external
        The files to write, by the baselines' names, columns as test.csv: a row for each fold's
        model and external radiograph.

    Raises
    ------
    UserError
        If a development image has no label.
    """
    development = np.flatnonzero(~radiographs.tested)
    positive = development_labels(labels, radiographs.splits)[development]
    for kind, path in external.items():
        features, new = (FEATURES[kind](each.rows, each.packed) for each in (radiographs, others))
        fitted = (features[development], positive, radiographs.fold[development])
        write_table(path, _by_fold(kind, fitted, others.image_id, new))
        logger.info("%s: %d external radiographs", kind, len(new))


def read_radiographs(images: Path, manifest: Path, splits: Path) -> Radiographs:
    """Read packed images with the rows of manifest and splits that belong to them.

    Images that the split left out are not among them: they have no label here, and no fold.
    Parameters and errors are those of `score_baselines`.
    """
    table = read_table(splits, text=("image_id", "inner", "group"))
    rows = accepted_images(read_manifest(manifest))[["image_id", "width", "height", "bytes"]]
    names = table["image_id"].to_numpy(dtype=str)
    packed = PackedImages(images, names).all()
    if not np.array_equal(rows["image_id"], names):
        raise UserError(
            f"{len(rows)} accepted images and {len(table)} rows of splits are not of one data set",
            where=f"{manifest} and {splits}",
            expected="the same images in the same order",
            remedy=f"remove {images.parent} and run snakemake again",
        )
    used = (table["role"] != "left_out").to_numpy()
    if not used.all():
        packed, rows, table = (
            packed[used],
            *(each[used].reset_index(drop=True) for each in (rows, table)),
        )
    return Radiographs(packed, rows, table)


def _by_fold(
    kind: str,
    fitted: tuple[np.ndarray, np.ndarray, np.ndarray],
    names: np.ndarray,
    features: np.ndarray,
) -> pd.DataFrame:
    """Return what each fold's model says of images that it was not fitted to."""
    scores = zip(np.unique(fitted[2]), test_scores(*fitted, features, kind), strict=True)
    return pd.concat([_tabulate(kind, fold, names, found) for fold, found in scores])


def _tabulate(
    kind: str, fold: np.ndarray | int, names: np.ndarray, scores: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame({"baseline": kind, "fold": fold, "image_id": names, "logit": scores})
