"""What the simplest models, fitted to the development images, say of the external films."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.files import write_table
from pneumobench.data.labels import development_labels
from pneumobench.prediction.floor_models import test_scores
from pneumobench.prediction.floors import FEATURES, read_films

logger = logging.getLogger(__name__)


def score_external_floors(
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
    """Fit every floor fold by fold, as `floors.score_floors` does, and score the external films.

    Parameters
    ----------
    images, manifest, splits, labels
        As `floors.score_floors` takes them.
    external_images, external_manifest, external_splits
        The same of the external films; their labels are not looked at.
    external
        The files to write, by the floors' names, columns as test.csv: a row for each fold's model
        and external film.

    Raises
    ------
    UserError
        If images, manifest and splits are not of one data set, or a development image has no label.
    """
    films = read_films(images, manifest, splits)
    others = read_films(external_images, external_manifest, external_splits)
    development = np.flatnonzero(~films.tested)
    positive = development_labels(labels, films.splits)[development]
    fold = films.fold[development]
    for kind, path in external.items():
        features = FEATURES[kind](films.rows, films.packed)[development]
        new = FEATURES[kind](others.rows, others.packed)
        by_fold = [
            pd.DataFrame(
                {"floor": kind, "fold": number, "image_id": others.image_id, "logit": scores}
            )
            for number, scores in zip(
                np.unique(fold), test_scores(features, positive, fold, new, kind), strict=True
            )
        ]
        write_table(path, pd.concat(by_fold))
        logger.info("%s: %d external films", kind, len(others.image_id))
