"""What a run would do on the test set if it knew the share of pneumonias there from its images.

Looking at all test images before answering about any is no way to read radiographs one by one: such
figures stand apart and are never ranked.
"""

from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.calibration import calibrate
from pneumobench.statistics.estimates import paired_difference, summarise
from pneumobench.statistics.fold_fits import calibrate_mean
from pneumobench.statistics.label_shift import adjust_probability, estimate_share
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.score_tables import read_test_logits
from pneumobench.statistics.selection import find_fitted

METRICS = ("sensitivity", "specificity")


def adjust_run(
    run: Run,
    scores: Path,
    selection: Path,
    prior: float,
    labels: Labels,
    resamples: Resamples,
    confidence: float,
) -> dict[str, Any]:
    """Return a run's decisions before and after its probabilities are moved to the test's share.

    Probabilities are the mean of the folds' calibrated ones, and the cut is the mean of the folds'
    frozen thresholds, calibrated likewise. In every replicate the share is estimated anew.

    Parameters
    ----------
    run, scores
        The run and its scores.csv.
    selection
        selection.json with its thresholds and calibrations.
    prior
        Share of pneumonias among the development images.
    labels, resamples
        Of the test images.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `estimated_share` (value and interval), `prior`, `true_share`, `calibration`, and for each
        of `METRICS` what it is `before` and `after`, and the paired `difference`.
    """
    _, entry = find_fitted(selection, run)
    fitted = entry["calibration"]
    probability = calibrate_mean(read_test_logits(scores), fitted)
    cut = np.mean(
        [
            calibrate(threshold, own)
            for threshold, own in zip(entry["thresholds"], fitted["folds"], strict=True)
        ]
    )
    images = np.arange(len(probability))
    positive = labels.positive
    share = np.empty(len(resamples.multiplicity))
    rates = {name: np.empty((2, len(share))) for name in METRICS}
    for rows, weights in resamples.weights(images):
        share[rows] = estimate_share(probability, prior, weights)
        adjusted = adjust_probability(probability, prior, share[rows, np.newaxis])
        for step, decision in enumerate((probability > cut, adjusted > cut)):
            rates["sensitivity"][step, rows] = _rate(weights, positive, decision)
            rates["specificity"][step, rows] = _rate(weights, ~positive, ~decision)
    return {
        "calibration": fitted["method"],
        "prior": prior,
        "true_share": float(positive.mean()),
        "estimated_share": summarise(share, confidence),
        **{
            name: {
                "before": summarise(before, confidence),
                "after": summarise(after, confidence),
                "difference": paired_difference(after, before, confidence),
            }
            for name, (before, after) in rates.items()
        },
    }


def _rate(weights: np.ndarray, chosen: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the weighted share of the chosen images that are right, NaN without any."""
    own = weights * chosen
    with np.errstate(invalid="ignore"):
        return (own * right).sum(axis=1) / own.sum(axis=1)
