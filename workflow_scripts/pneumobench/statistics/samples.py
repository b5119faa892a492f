"""A data set as it is judged: its images' reference standard and the patients drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.intervals import Cases
from pneumobench.statistics.predictions import Labels, read_labels

DATASETS = ("out_of_fold", "test")


@dataclass(frozen=True)
class Sample:
    """The images of one data set, sorted by image_id.

    Attributes
    ----------
    labels
        The reference standard.
    fold
        [images] int, whose fold's model speaks of the image; all 0 where all of them do.
    resamples
        Draws of patients, within the folds: the same for all that is judged on them.
    """

    labels: Labels
    fold: np.ndarray
    resamples: Resamples

    @property
    def positive(self) -> np.ndarray:
        """The reference standard, [images] bool."""
        return self.labels.positive

    @property
    def images(self) -> np.ndarray:
        """The positions of all images, [images] int."""
        return np.arange(len(self.fold))

    def cases(self, images: np.ndarray | None = None, decision: np.ndarray | None = None) -> Cases:
        """Return whose images a metric of some images, or of all, and their decisions is of."""
        images = self.images if images is None else images
        positive, cluster = self.positive[images], self.resamples.cluster[images]
        return Cases(positive, cluster, self.resamples, decision)

    def of_folds(self) -> list[np.ndarray]:
        """Return the positions of each fold's images."""
        return [np.flatnonzero(self.fold == number) for number in np.unique(self.fold)]


Samples = dict[str, Sample]
"""Those of `DATASETS`."""


def draw_sample(
    labels: Labels, resampling: Resampling, fold: Sequence[int] | np.ndarray | None = None
) -> Sample:
    """Return the images of a data set with draws of their patients, within folds if there are."""
    fold = np.zeros(len(labels.image_id), int) if fold is None else np.asarray(fold)
    return Sample(labels, fold, resample_patients(labels.patient, resampling, strata=fold))


def read_standards(development_labels: Path, test_labels: Path) -> dict[str, Labels]:
    """Return the reference standards of `DATASETS`."""
    files = (development_labels, test_labels)
    return {name: read_labels(path) for name, path in zip(DATASETS, files, strict=True)}
