"""What the simplest models, fitted to the development images, say of the external radiographs."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.files import write_table
from pneumobench.data.labels import development_labels
from pneumobench.prediction.baseline_models import test_scores
from pneumobench.prediction.baselines import FEATURES, read_radiographs

logger = logging.getLogger(__name__)


def score_external_baselines(
    images: Path,
    manifest: Path,
    splits: Path,
    labels: Path,
    external_images: Path,
    external_manifest: Path,
    external_splits: Path,
    *,
    external: dict[str, Path],
) -> None:
    """Fit every baseline fold by fold, as `baselines.score_baselines` does, and score the external images.

    Parameters
    ----------
    images, manifest, splits, labels
        As `baselines.score_baselines` takes them.
    external_images, external_manifest, external_splits
        The same of the external radiographs; their labels are not looked at.
    external
        The files to write, by the baselines' names, columns as test.csv: a row for each fold's model
        and external radiograph.

    Raises
    ------
    UserError
        If images, manifest and splits are not of one data set, or a development image has no label.
    """
    radiographs = read_radiographs(images, manifest, splits)
    others = read_radiographs(external_images, external_manifest, external_splits)
    development = np.flatnonzero(~radiographs.tested)
    positive = development_labels(labels, radiographs.splits)[development]
    fold = radiographs.fold[development]
    for kind, path in external.items():
        features = FEATURES[kind](radiographs.rows, radiographs.packed)[development]
        new = FEATURES[kind](others.rows, others.packed)
        by_fold = [
            pd.DataFrame(
                {"baseline": kind, "fold": number, "image_id": others.image_id, "logit": scores}
            )
            for number, scores in zip(
                np.unique(fold), test_scores(features, positive, fold, new, kind), strict=True
            )
        ]
        write_table(path, pd.concat(by_fold))
        logger.info("%s: %d external radiographs", kind, len(others.image_id))
