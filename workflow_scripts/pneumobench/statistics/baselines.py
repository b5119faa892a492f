"""What a model must beat: baselines that need no network."""

from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.estimates import paired_difference, summarise
from pneumobench.statistics.fold_scores import BASELINE, judge_scores
from pneumobench.statistics.judgement import Judged
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.selection import find_selected_baseline


def majority_baseline(
    positive: np.ndarray, majority: bool, resamples: Resamples, confidence: float
) -> dict[str, Any]:
    """Return the accuracy of calling every image what most development images are.

    Parameters
    ----------
    positive
        [images] bool of the data set that is judged.
    majority
        Whether most development images are positive. The test set has no say in it.
    resamples
        Replicates of this data set.
    confidence
        Level of the interval.

    Returns
    -------
    dict
        `majority_accuracy`, `low`, `high`, and `class`, the class that is called.
    """
    right = np.stack([positive == majority, np.ones_like(positive)], axis=1)
    hits = resamples.sums(right, np.arange(len(positive)))
    summary = summarise(hits[:, 0] / hits[:, 1], confidence)
    return {
        "class": "pneumonia" if majority else "normal",
        "majority_accuracy": summary["value"],
        "low": summary["low"],
        "high": summary["high"],
    }


def judge_baselines(
    out_of_fold: list[Path],
    test: list[Path],
    selection: Path,
    standards: dict[str, Labels],
    resamples: dict[str, Resamples],
    fold: np.ndarray,
    confidence: float,
) -> dict[str, Judged]:
    """Judge the baselines as runs are judged, with thresholds from the selection.

    Parameters
    ----------
    out_of_fold, test
        One file a baseline.
    selection
        selection.json.
    standards, resamples
        Labels and replicates of `out_of_fold` and `test`, those that the runs are judged by.
    fold
        [development images] int, the runs' folds.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        By the baselines' names, in order of their out-of-fold AUC, best first.

    Raises
    ------
    UserError
        If a file is damaged, of other images or folds, or if the selection does not know a baseline.
    """
    return judge_scores(
        out_of_fold, test, lambda kind: find_selected_baseline(selection, kind), standards, resamples,
        fold, confidence, BASELINE,
    )  # fmt: skip


def hold_against_baselines(
    area: np.ndarray, baselines: dict[str, Judged], confidence: float
) -> dict[str, Any]:
    """Say whether a run's out-of-fold AUC beats every baseline.

    It beats a baseline if the interval of the paired difference lies above 0. As it must beat all of
    them, their number needs no adjustment (intersection-union test: Berger RL. Multiparameter
    hypothesis testing and acceptance sampling. Technometrics 1982;24:295-300).

    Parameters
    ----------
    area
        [1 + replicates] float64, the run's AUC (mean of the folds) in the baselines' replicates.
    baselines
        From `judge_baselines`.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `beats_baselines`, and by the baselines' names in `differences` the run's AUC minus theirs, as
        `estimates.paired_difference` returns it.
    """
    differences = {
        kind: paired_difference(area, baseline.areas["out_of_fold"], confidence)
        for kind, baseline in baselines.items()
    }
    # An interval that is not defined beats nothing.
    lows = [found["low"] for found in differences.values()]
    return {
        "beats_baselines": all(low is not None and low > 0 for low in lows),
        "differences": differences,
    }
