"""Whether acting on a model does more good than harm: decision curves, predictive values.

References
----------
Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction models.
    Med Decis Making 2006;26:565-574.
Altman DG, Bland JM. Diagnostic tests 2: predictive values. BMJ 1994;309:102.
"""

import numpy as np

from pneumobench.core.estimates import Estimate
from pneumobench.statistics.intervals import ratio_bounds


def net_benefit(
    positive: np.ndarray,
    probability: np.ndarray,
    thresholds: np.ndarray,
    weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the net benefit of treating by the model, of treating everybody and nobody.

    True positives / n - false positives / n x threshold / (1 - threshold) (Vickers and Elkin),
    in true positives an image: whoever treats from a probability of `threshold` on holds a patient
    treated in vain for threshold / (1 - threshold) times as bad as a pneumonia missed. The share of
    pneumonia is that of the images, which in a case-control sample is not that of a clinic.

    Parameters
    ----------
    positive
        [images] bool.
    probability
        [images] float in [0, 1], calibrated; the model treats where it is at least the threshold.
    thresholds
        [thresholds] float; outside [0, 1) the net benefit is undefined.
    weights
        [weightings, images] float, not negative; None = one weighting, all ones.

    Returns
    -------
    dict
        `model`, `treat_all` and `treat_none` (0 by definition), each [weightings, thresholds]
        float64 of at most the share of positives, NaN where undefined or where all weights are 0.
    """
    weights = np.ones((1, len(positive))) if weights is None else weights
    thresholds = np.asarray(thresholds, float)
    defined = (thresholds >= 0) & (thresholds < 1)
    undefined = np.full(len(thresholds), np.nan)
    odds = np.divide(thresholds, 1 - thresholds, out=undefined, where=defined)
    treated = np.asarray(probability)[:, np.newaxis] >= thresholds
    # What treating each image gains, [images, thresholds].
    gain = np.where(positive[:, np.newaxis], np.where(defined, 1.0, np.nan), -odds)
    with np.errstate(invalid="ignore"):
        share = weights / weights.sum(axis=1, keepdims=True)
    treat_all = share @ gain
    return {
        "model": share @ (treated * gain),
        "treat_all": treat_all,
        "treat_none": np.where(np.isnan(treat_all), np.nan, 0.0),
    }


def positive_predictive(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> Estimate:
    """Return what the positive predictive value would be at another prevalence.

    By Bayes' theorem its odds are those of the disease times the likelihood ratio, sensitivity /
    (1 - specificity), whose bounds follow from those of both rates. Rates are taken to stay as they
    are, which a prevalence that comes with milder or more severe disease does not grant.

    Parameters
    ----------
    sensitivity, specificity
        With their intervals; they come from different images, and count as independent.
    prevalence
        In (0, 1).

    Returns
    -------
    Estimate
        Value and bounds in [0, 1]; undefined (None) where a rate is, or where nothing is called
        positive.
    """
    return _predictive(sensitivity, specificity, prevalence)


def negative_predictive(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> Estimate:
    """Return what the negative predictive value would be, as `positive_predictive` does."""
    return _predictive(specificity, sensitivity, 1 - prevalence)


def _predictive(right: Estimate, opposite: Estimate, share: float) -> Estimate:
    """Return the predictive value of an answer from the rate that it is right where it should be.

    `opposite` is the rate of the other answer, `share` that of the images that should get this one.
    """
    if right.value is None or opposite.value is None:
        return Estimate(None)
    wrong = 1 - opposite.value, 1 - opposite.high, 1 - opposite.low
    if right.value == wrong[0] == 0:
        return Estimate(None)
    ratio = right.value / wrong[0] if wrong[0] > 0 else np.inf
    bounds = ratio_bounds((right.value, right.low, right.high), wrong)
    odds = np.array([ratio, *bounds]) * share / (1 - share)
    # Written so that infinite odds are a value of 1.
    value, low, high = 1 - 1 / (1 + odds)
    return Estimate(float(value), float(low), float(high))
