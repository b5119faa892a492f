"""Which labels do the networks doubt? Confident learning on out-of-fold probabilities.

A label is doubted where the networks, none of which was trained on the image, are as sure of the
other class as they usually are of images that have that class. An image that they misread looks
the same as one with a wrong label: the numbers do not show that any label is wrong.
docs/labels.md has the simulation. Nothing is dropped or changed: the table is for somebody who
reads the radiographs.

Source: Northcutt CG, Jiang L, Chuang IL. Confident learning: estimating uncertainty in dataset
labels. J Artif Intell Res 2021;70:1373-1411. Computed by its authors' library, cleanlab.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.estimates import summarise
from pneumobench.statistics.intervals import Share

logger = logging.getLogger(__name__)

# Draws of patients for the interval: each repeats confident learning.
MOST_REPLICATES = 500
_TEXT = ("dataset", "image_id", "patient", "label", "subtype")


@dataclass(frozen=True)
class LabelFiles:
    """What labels are held against: calibrated.csv of every run, cross-fitted out of fold."""

    calibrated: list[Path]


def find_label_errors(
    files: LabelFiles, table: Path, details: Path, *, resampling: Resampling
) -> None:
    """Write the images whose labels the networks doubt, and how many are expected to be wrong.

    Parameters
    ----------
    files
        The calibrated probabilities of all runs; their mean over the runs is used.
    table
        label_errors.csv to write: a row for every doubted label, the most doubtful first, with
        `rank`, image_id, patient, label, subtype, `probability` (of pneumonia, the mean of the
        runs), `support` (that of the image's own label, 0 to 1) and `against`, the number of runs
        whose decision contradicts the label.
    details
        label_errors.json to write: n, events, patients and runs; `expected`, confident learning's
        estimate of the number of wrong labels, with an interval of that estimate over patients, of
        at most `MOST_REPLICATES` draws; and `by_label`, how many of each class are doubted.
    resampling
        How the interval is drawn.

    Raises
    ------
    UserError
        If cleanlab is not installed, or runs are of different images.
    """
    cleanlab = _cleanlab()
    images = _together(files.calibrated)
    labels = (images["label"] == "pneumonia").to_numpy(int)
    probabilities = np.stack([1 - images["probability"], images["probability"]], axis=1)
    doubted = cleanlab.filter.find_label_issues(labels, probabilities, n_jobs=1)
    found = images.assign(support=probabilities[np.arange(len(labels)), labels])[doubted]
    found = found.sort_values(["support", "image_id"], kind="stable")
    found.insert(0, "rank", np.arange(1, len(found) + 1))
    write_table(table, found)
    expected = _expected(cleanlab, labels, probabilities, images["patient"], resampling)
    content = {
        "n": len(images),
        "events": int(labels.sum()),
        "patients": images["patient"].nunique(),
        "runs": len(files.calibrated),
        "confidence": resampling.confidence,
        "expected": expected,
        "by_label": {name: int((found["label"] == name).sum()) for name in ("normal", "pneumonia")},
    }
    write_json(details, content)
    logger.info("%d labels doubted of %d", len(found), len(images))


def _cleanlab() -> ModuleType:
    try:
        import cleanlab
        import cleanlab.count
        import cleanlab.filter
    except ImportError as error:
        raise UserError(
            "labels cannot be examined: the package cleanlab is not installed",
            where="evaluation.label_errors: true",
            expected="the optional part `labels` of pneumobench",
            remedy='install it (pip install "cleanlab>=2.7"), or set evaluation.label_errors: '
            "false",
        ) from error
    return cleanlab


def _together(paths: list[Path]) -> pd.DataFrame:
    """Return the development images with the mean probability of all runs."""
    tables = []
    for path in sorted(paths):
        table = read_table(path, text=_TEXT)
        tables.append(table[table["dataset"] == "out_of_fold"].set_index("image_id").sort_index())
    first = tables[0]
    for path, table in zip(sorted(paths), tables, strict=True):
        if not table.index.equals(first.index) or not table["label"].equals(first["label"]):
            raise UserError(
                "the probabilities of two runs are of different images or labels",
                where=f"{sorted(paths)[0]} and {path}",
                expected="the same images and labels for all runs",
                remedy=f"remove {path} and run snakemake again",
            )
    positive = first["label"] == "pneumonia"
    return first[["patient", "label", "subtype"]].assign(
        probability=np.mean([table["probability"] for table in tables], axis=0),
        against=np.sum([(table["decision_selected"] == 1) != positive for table in tables], axis=0),
    ).reset_index()  # fmt: skip


def _expected(
    cleanlab: ModuleType,
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: pd.Series,
    resampling: Resampling,
) -> dict[str, Any]:
    """Return the estimated number of wrong labels (calibrated joint), and its interval."""
    drawn = Resampling(
        resampling.confidence, min(resampling.replicates, MOST_REPLICATES), resampling.seed
    )
    resamples = resample_patients(patients.to_numpy(dtype=str), drawn)
    values = np.full(drawn.replicates + 1, np.nan)
    for row, times in enumerate(resamples.multiplicity):
        chosen = np.repeat(np.arange(len(labels)), times[resamples.cluster])
        if len(np.unique(labels[chosen])) == 2:
            wrong = cleanlab.count.num_label_issues(
                labels[chosen],
                probabilities[chosen],
                estimation_method="off_diagonal_calibrated",
            )
            values[row] = wrong / len(chosen)
    share = summarise(values, drawn.confidence, Share(resamples.multiplicity.shape[1]))
    number_of = {name: share[name] * len(labels) for name in ("value", "low", "high")}
    return number_of | {"replicates": drawn.replicates}
