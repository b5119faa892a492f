"""The simplest model of subtypes: logits of three classes from a thumbnail of each radiograph."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from pneumobench.core.files import write_table
from pneumobench.core.task import LOGIT_COLUMNS, THUMBNAIL_RUN
from pneumobench.data.baseline_features import thumbnail_features
from pneumobench.data.labels import development_subtypes
from pneumobench.prediction.baselines import read_radiographs

logger = logging.getLogger(__name__)

# Tuned on nothing; thumbnails come with mean 0 and standard deviation 1, each by itself.
STRENGTH = 0.01


def score_subtypes(
    images: Path,
    manifest: Path,
    splits: Path,
    labels: Path,
    *,
    out_of_fold: list[Path],
    test: list[Path],
) -> None:
    """Fit logistic regression of three classes fold by fold, as networks are trained.

    Its files have the columns of a run's, so that they are judged as those are; the logit of
    pneumonia is not among them, as `score_baselines` has its own baselines for that.

    Parameters
    ----------
    images
        Packed images, uint8 [N, S, S].
    manifest, splits
        manifest.csv, whose accepted rows are those of the images, and splits.csv, likewise.
    labels
        development_labels.csv.
    out_of_fold, test
        The files to write, one for each fold, in the order of the folds.

    Raises
    ------
    UserError
        If images, manifest and splits are not of one data set, or a development image has no label.
    """
    radiographs = read_radiographs(images, manifest, splits)
    features = thumbnail_features(radiographs.packed).astype(np.float64)
    truth = development_subtypes(labels, radiographs.splits)
    for number, (own_path, test_path) in enumerate(zip(out_of_fold, test, strict=True)):
        fitted = ~radiographs.tested & (radiographs.fold != number)
        model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(features[fitted], truth[fitted])
        for path, rows in ((own_path, radiographs.fold == number), (test_path, radiographs.tested)):
            logits = model.decision_function(features[rows]).astype(np.float32)
            table = pd.DataFrame({"image_id": radiographs.image_id[rows], "tta": "identity"})
            table = table.assign(fold=number, **THUMBNAIL_RUN)
            table[list(LOGIT_COLUMNS)] = logits
            write_table(path, table)
    logger.info("%d features of %d images, %d folds", features.shape[1], len(features), len(test))
