"""The scores of all runs on the same images: read, checked, and their areas in every replicate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import Scores, replicate_ranking
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.score_tables import (
    check_same_images,
    different_scores,
    labels_of,
    read_scores,
)


@dataclass(frozen=True)
class Compared:
    """What all runs say about the images of one data set, sorted by image_id.

    Attributes
    ----------
    labels
        The reference standard.
    fold
        [images] int, whose fold's model spoke; all zero on the test set, where it is the mean of
        the folds' models.
    resamples
        Draws of patients, out of fold within the folds: the same for every run.
    logit
        [images] float32 of each run.
    decision
        [images] bool of each run at its frozen thresholds, True = called pneumonia.
    """

    labels: Labels
    fold: np.ndarray
    resamples: Resamples
    logit: dict[Run, np.ndarray]
    decision: dict[Run, np.ndarray]


def read_compared(scores_of: dict[Run, Path], draw: dict[str, int]) -> dict[str, Compared]:
    """Read scores.csv of all runs.

    Parameters
    ----------
    scores_of
        The file of each run, at least one.
    draw
        `replicates` and `seed` of the bootstrap.

    Returns
    -------
    dict
        `out_of_fold` and `test`.

    Raises
    ------
    UserError
        If two runs are of different images, labels or folds.
    """
    found: dict[str, Compared] = {}
    for run, path in sorted(scores_of.items()):
        for name, table in read_scores(path).items():
            fold = table["fold"].fillna(0).to_numpy(int)
            if name not in found:
                labels = labels_of(path, table)
                resamples = resample_patients(labels.patient, strata=fold, **draw)
                found[name] = Compared(labels, fold, resamples, {}, {})
            part = found[name]
            check_same_images(path, table, part.labels)
            if not np.array_equal(fold, part.fold):
                raise different_scores(path, part.labels, "are of different folds")
            part.logit[run] = table["logit"].to_numpy(np.float32)
            part.decision[run] = table["decision_selected"].to_numpy(bool)
    return found


def replicate_areas(part: Compared) -> dict[Run, np.ndarray]:
    """Return every run's AUC in the sample (row 0) and in every replicate, [1 + replicates].

    Out of fold it is the mean of the AUC inside each fold, for the folds' models have no common
    scale; on the test set the AUC of the mean prediction.
    """
    return {
        run: np.mean(
            [
                replicate_ranking(
                    Scores(images, logit[images], {}, None), part.labels, part.resamples
                )["roc_auc"]
                for images in _images_of_folds(part.fold)
            ],
            axis=0,
        )
        for run, logit in part.logit.items()
    }


def _images_of_folds(fold: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(fold == number) for number in np.unique(fold)]
