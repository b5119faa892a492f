"""What runs would do on the test set if they adapted to its images, without their labels.

Looking at all test images before answering about any is no way to read radiographs one by one: such
figures stand apart and are never ranked.

References
----------
Saerens M, Latinne P, Decaestecker C. Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure. Neural Computation 2002;14:21-41.
"""

from typing import Any

import numpy as np

from pneumobench.statistics.domains import replicate_judged
from pneumobench.statistics.estimates import summarise, summarise_change
from pneumobench.statistics.fold_fits import calibrate_folds
from pneumobench.statistics.judgement import score_test
from pneumobench.statistics.metrics import JUDGED, RATES
from pneumobench.statistics.samples import Sample

# Halvings of the interval in which the share is sought: the last is below 1e-12.
HALVINGS = 40


def adjust_decisions(
    logits: np.ndarray, entry: dict[str, Any], prior: float, test: Sample, confidence: float
) -> dict[str, Any]:
    """Return a run's decisions before and after its probabilities are moved to the test's share.

    Each fold's model estimates the share from its own calibrated probabilities, and these are moved
    to it; then estimates and probabilities are averaged over the folds. The mean of calibrated
    probabilities is no calibrated probability: it is too cautious, and of a share of 0.10 the
    estimate from it was 0.04. The cut is the mean of the folds' frozen thresholds, calibrated
    likewise. In every replicate the shares are estimated anew.

    Parameters
    ----------
    logits
        [folds, images] float32 of the test images.
    entry
        What was frozen of the run: `thresholds` and `calibration`.
    prior
        Share of pneumonias among the development images.
    test
        The test images.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `estimated_share` (value and interval), `prior`, `true_share`, `calibration`, and for each
        of `RATES` what it is `before` and `after`, and the paired `difference`.
    """
    fitted = entry["calibration"]
    probabilities = calibrate_folds(logits, fitted)
    before = probabilities.mean(axis=0)
    cut = calibrate_folds(np.array(entry["thresholds"]), fitted).mean(axis=0)
    share = np.empty(len(test.resamples.multiplicity))
    rates = {name: np.empty((2, len(share))) for name in RATES}
    for rows, weights in test.resamples.weights(test.images):
        shares = [estimate_share(own, prior, weights) for own in probabilities]
        share[rows] = np.mean(shares, axis=0)
        adjusted = np.mean(
            [
                adjust_probability(own, prior, found[:, np.newaxis])
                for own, found in zip(probabilities, shares, strict=True)
            ],
            axis=0,
        )
        for step, decision in enumerate((before > cut, adjusted > cut)):
            rates["sensitivity"][step, rows] = _rate(weights, test.positive, decision)
            rates["specificity"][step, rows] = _rate(weights, ~test.positive, ~decision)
    cases = test.cases()
    return {
        "calibration": fitted["method"],
        "prior": prior,
        "true_share": float(test.positive.mean()),
        "estimated_share": summarise(share, confidence, cases.scale("accuracy")),
        **{
            name: summarise_change(*steps, confidence, (cases.scale(name),) * 2)
            for name, steps in rates.items()
        },
    }


def judge_renormalised(
    logits: np.ndarray,
    plain: tuple[np.ndarray, np.ndarray],
    thresholds: np.ndarray,
    test: Sample,
    confidence: float,
) -> dict[str, Any]:
    """Return a run's figures with its own statistics of batch normalisation and the test images'.

    Parameters
    ----------
    logits
        [folds, images] float32 of the test images, with their statistics.
    plain
        [images] logit and decision of the run with its own statistics.
    thresholds
        [folds] float64 logits, frozen with the networks' own statistics.
    test
        The test images.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `changed`, False where the network has no batch normalisation; for each of `JUDGED` what it
        is `before` and `after`, and the paired `difference`.
    """
    _, mean = score_test(logits, thresholds)
    before = replicate_judged(*plain, test)
    after = replicate_judged(mean.logit, mean.decisions["out_of_fold"], test)
    cases = test.cases()
    changes = {
        name: summarise_change(before[name], after[name], confidence, (cases.scale(name),) * 2)
        for name in JUDGED
    }
    return {"changed": not np.array_equal(mean.logit, plain[0]), **changes}


def estimate_share(
    probability: np.ndarray, prior: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the share of positives under which unlabelled images are likeliest.

    It is what the EM algorithm of Saerens et al. (equations 2.7 to 2.9) ends at. The likelihood is
    concave in the share, so that halving finds its maximum. It holds only if images of each class
    look as they did where the probabilities were calibrated; where one class looks otherwise, as on
    test sets made in another way, that counts as a change of the share.

    Parameters
    ----------
    probability
        [images] float in [0, 1], calibrated where the share was `prior`.
    prior
        That share, in (0, 1).
    weights
        [weightings, images] float, not negative; None = each image once.

    Returns
    -------
    numpy.ndarray
        [weightings] float64 in [0, 1].
    """
    probability = np.asarray(probability, float)
    weights = np.ones((1, len(probability))) if weights is None else weights
    positive, negative = probability / prior, (1 - probability) / (1 - prior)
    low, high = np.zeros((len(weights), 1)), np.ones((len(weights), 1))
    for _ in range(HALVINGS):
        share = (low + high) / 2
        slope = (positive - negative) / (share * positive + (1 - share) * negative)
        rising = np.einsum("ij,ij->i", weights, slope)[:, np.newaxis] > 0
        low, high = np.where(rising, share, low), np.where(rising, high, share)
    return ((low + high) / 2)[:, 0]


def adjust_probability(
    probability: np.ndarray, prior: float, share: np.ndarray | float
) -> np.ndarray:
    """Return probabilities for images with another share of positives (Saerens, equation 2.4).

    Parameters
    ----------
    probability
        [images] float in [0, 1], calibrated where the share was `prior`.
    prior
        That share, in (0, 1).
    share
        The share of positives among the images, in (0, 1); a column of several gives as many rows.
    """
    positive = probability * share / prior
    return positive / (positive + (1 - probability) * (1 - share) / (1 - prior))


def _rate(weights: np.ndarray, chosen: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the weighted share of the chosen images that are right, NaN without any."""
    own = weights * chosen
    with np.errstate(invalid="ignore"):
        return (own * right).sum(axis=1) / own.sum(axis=1)
