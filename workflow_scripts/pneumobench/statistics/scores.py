"""scores.csv of runs, read again: what they say of the same images, with the labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_table
from pneumobench.core.run import Run
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.replicates import rank_inside_folds
from pneumobench.statistics.samples import DATASETS, Sample, draw_sample


@dataclass(frozen=True)
class Compared(Sample):
    """What all runs say about the images of one data set.

    Attributes
    ----------
    logit
        [images] float32 of each run; on the test set the mean of the folds' models.
    decision
        [images] bool of each run at its frozen thresholds, True = called pneumonia.
    """

    logit: dict[Run, np.ndarray]
    decision: dict[Run, np.ndarray]

    def areas(self) -> dict[Run, np.ndarray]:
        """Return every run's AUC in the sample and in every replicate, out of fold inside folds."""
        return {run: self.area(run) for run in self.logit}

    def area(self, run: Run) -> np.ndarray:
        """Return one run's."""
        return rank_inside_folds(self.logit[run], self)["roc_auc"]


def check_any(paths: list[Path], table: Path) -> None:
    """Check that there are files of runs to fill a table with.

    Raises
    ------
    UserError
        If there are none.
    """
    if not paths:
        raise UserError(
            "no run is complete: there is nothing to compare",
            where=str(table),
            expected="at least one run with all its folds",
            remedy="run snakemake again; the logs of the training jobs say why they failed",
        )


def read_compared(scores_of: dict[Run, Path], resampling: Resampling) -> dict[str, Compared]:
    """Read scores.csv of all runs, at least one: `out_of_fold` and `test`.

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
                sample = draw_sample(labels_of(path, table), resampling, fold)
                found[name] = Compared(**vars(sample), logit={}, decision={})
            part = found[name]
            _check_same(path, labels_of(path, table), fold, part)
            part.logit[run] = table["logit"].to_numpy(np.float32)
            part.decision[run] = table["decision_selected"].to_numpy(bool)
    return found


def read_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the out-of-fold rows and the test set's mean predictions, sorted by image_id."""
    table = read_table(path, text=("dataset", "image_id", "patient", "label", "subtype"))
    mean = table["fold"].isna()
    return {
        name: table[(table["dataset"] == name) & (mean == is_mean)].sort_values("image_id")
        for name, is_mean in zip(DATASETS, (False, True), strict=True)
    }


def read_test_logits(path: Path) -> np.ndarray:
    """Return the test logits of each fold's model, [folds, images] float32, by image_id."""
    table = read_table(path, text=("dataset", "image_id"))
    of_models = table[(table["dataset"] == "test") & table["fold"].notna()]
    return of_models.pivot(index="fold", columns="image_id", values="logit").to_numpy(np.float32)


def labels_of(path: Path, table: pd.DataFrame) -> Labels:
    """Return the reference standard that one data set's rows of a scores.csv hold."""
    text = {name: table[name].to_numpy(dtype=str) for name in ("image_id", "subtype", "patient")}
    return Labels(path=path, positive=(table["label"] == "pneumonia").to_numpy(), **text)


def _check_same(path: Path, labels: Labels, fold: np.ndarray, standard: Compared) -> None:
    images = (
        (labels.image_id, standard.labels.image_id),
        (labels.positive, standard.positive),
    )
    if not all(np.array_equal(*pair) for pair in images):
        problem = "are of different images or labels"
    elif not np.array_equal(fold, standard.fold):
        problem = "are of different folds"
    else:
        return
    raise UserError(
        f"the scores of two runs {problem}",
        where=f"{standard.labels.path} and {path}",
        expected="the same images, labels and folds for all runs",
        remedy=f"remove the folder {path.parent} and run snakemake again: the run is retrained",
    )
