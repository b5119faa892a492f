"""What a run would do on the test set if batch normalisation took its statistics from it."""

from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.core.run import Run
from pneumobench.statistics.compared_scores import Compared
from pneumobench.statistics.domains import METRICS, replicate_decided
from pneumobench.statistics.estimates import paired_difference, summarise
from pneumobench.statistics.judgement import score_test
from pneumobench.statistics.predictions import FoldPredictions, align_test, read_predictions


def read_renormalised(paths: list[Path]) -> dict[Run, dict[int, FoldPredictions]]:
    """Read test_statistics.csv files, one for each run and fold.

    Raises
    ------
    UserError
        If one is damaged, or holds plain predictions.
    """
    return read_predictions(paths, RENORMALISED)


def judge_renormalised(
    run: Run,
    predictions: dict[int, FoldPredictions],
    thresholds: np.ndarray,
    test: Compared,
    confidence: float,
) -> dict[str, Any]:
    """Return a run's figures with its own statistics and with those of the test images.

    Parameters
    ----------
    run, predictions
        The run, and what the models of its folds say of the test images.
    thresholds
        [folds] float64 logits, frozen with the networks' own statistics.
    test
        The test images and what the runs say of them.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `changed`, False where the network has no batch normalisation; for each of `METRICS` what
        it is `before` and `after`, and the paired `difference`.

    Raises
    ------
    UserError
        If the predictions are of other images, or a fold is missing.
    """
    logits = align_test(predictions, test.labels, run, len(thresholds))
    _, mean = score_test(logits, thresholds)
    before, after = (
        replicate_decided(test.labels.positive, logit, decision, test.resamples)
        for logit, decision in (
            (test.logit[run], test.decision[run]),
            (mean.logit, mean.decisions["out_of_fold"]),
        )
    )
    return {
        "changed": not np.array_equal(mean.logit, test.logit[run]),
        **{
            name: {
                "before": summarise(before[name], confidence),
                "after": summarise(after[name], confidence),
                "difference": paired_difference(after[name], before[name], confidence),
            }
            for name in METRICS
        },
    }
