"""Which run holds best when radiographs get worse? The worst figures of all runs, pair by pair."""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.files import write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.predictions import (
    Labels,
    check_same_folds,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.robustness import (
    WORST,
    read_aligned,
    replicate_decisions,
    replicate_worst,
)
from pneumobench.statistics.selection import find_selected

logger = logging.getLogger(__name__)

COLUMNS = (
    "strength", "metric",
    *(f"{side}_{key}" for side in ("first", "second") for key in ("model", "recipe", "seed")),
    "first_worst", "second_worst", "difference", "difference_low", "difference_high",
    "excludes_zero", "n", "events", "patients",
)  # fmt: skip

Worst = dict[tuple[int, str], np.ndarray]
"""By strength and metric a run's lowest figure, [1 + replicates] float64, row 0 the sample's."""


def compare_robustness(
    out_of_fold: list[Path],
    corrupted: list[Path],
    development_labels: Path,
    selection: Path,
    table: Path,
    *,
    strengths: list[int],
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write what tells runs apart under corruptions, paired by patient.

    Parameters
    ----------
    out_of_fold, corrupted
        Predictions of all runs of their out-of-fold images as they are and corrupted, one file a
        fold each, those of a fold side by side in one folder.
    development_labels
        Their reference standard.
    selection
        selection.json with the runs' thresholds.
    table
        robustness.csv to write: a row for every strength, metric of `robustness.WORST` and pair of
        runs. `first` is the run whose worst figure is higher; `difference` is its worst figure
        minus the other's, each run's worst corruption sought anew in every replicate, with the
        interval of the bootstrap over patients within folds; it is not adjusted for the number of
        pairs. Without a second run there are no rows.
    strengths
        The strengths that were asked for.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If predictions are missing, damaged or of other images or folds than the labels or each
        other.
    """
    labels = read_labels(development_labels)
    files = _group(corrupted)
    standard: np.ndarray | None = None
    worst: dict[Run, Worst] = {}
    for folder, plain in _group(out_of_fold).items():
        run = next(iter(read_predictions(plain[:1])))
        _, thresholds = find_selected(selection, run)
        fold, logits = read_aligned(
            plain, files.get(folder, []), labels, run, strengths=strengths, folds=len(thresholds)
        )
        if standard is None:
            standard = fold
            resamples = resample_patients(
                labels.patient, strata=fold, replicates=replicates, seed=bootstrap_seed
            )
        check_same_folds(fold, standard, plain, run, "than those of another run")
        worst[run] = _worst(logits, fold, np.array(thresholds), labels, resamples, strengths)
    rows = [
        row | labels.counts()
        for strength in strengths
        for metric in WORST
        for row in _pairs(worst, strength, metric, confidence)
    ]
    write_table(table, pd.DataFrame(rows, columns=COLUMNS))
    logger.info("%d runs, %d rows", len(worst), len(rows))


def _group(paths: list[Path]) -> dict[Path, list[Path]]:
    """Return the files by the folder of their run, folders in order."""
    found: dict[Path, list[Path]] = {}
    for path in sorted(paths):
        found.setdefault(path.parents[1], []).append(path)
    return found


def _worst(
    logits: dict[tuple[str, int], np.ndarray],
    fold: np.ndarray,
    thresholds: np.ndarray,
    labels: Labels,
    resamples: Resamples,
    strengths: list[int],
) -> Worst:
    found = {
        kind: replicate_decisions(logit, fold, thresholds, labels, resamples)
        for kind, logit in logits.items()
    }
    return {
        (strength, metric): replicate_worst(found, metric, strength)
        for strength in strengths
        for metric in WORST
    }


def _pairs(
    worst: dict[Run, Worst], strength: int, metric: str, confidence: float
) -> list[dict[str, Any]]:
    """Return a row for every pair, the run that holds better first; equal runs by name."""
    values = {run: found[strength, metric] for run, found in worst.items()}
    order = sorted(values, key=lambda run: (-values[run][0], run))
    rows = []
    for first, second in combinations(order, 2):
        found = paired_difference(values[first], values[second], confidence)
        rows.append(
            {
                "strength": strength,
                "metric": metric,
                **{
                    f"{side}_{key}": getattr(run, key)
                    for side, run in (("first", first), ("second", second))
                    for key in ("model", "recipe", "seed")
                },
                "first_worst": values[first][0],
                "second_worst": values[second][0],
                "difference": found["difference"],
                "difference_low": found["low"],
                "difference_high": found["high"],
                "excludes_zero": found["excludes_zero"],
            }
        )
    return rows
