"""Whether acting on a model does more good than harm: decision curves, predictive values.

References
----------
Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction models.
    Med Decis Making 2006;26:565-574.
Altman DG, Bland JM. Diagnostic tests 2: predictive values. BMJ 1994;309:102.
"""

import numpy as np

from pneumobench.statistics.metrics import decision_metrics


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


def predictive_values_at(
    sensitivity: np.ndarray, specificity: np.ndarray, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the predictive values would be at another prevalence (Bayes' theorem).

    Sensitivity and specificity are taken to stay as they are, which a prevalence that comes with
    milder or more severe disease does not grant.

    Parameters
    ----------
    sensitivity, specificity, prevalence
        Float in [0, 1], of shapes that broadcast: `sensitivity` [replicates, 1] and `prevalence`
        [prevalences], for instance.

    Returns
    -------
    tuple
        Positive and negative predictive value, float64 in [0, 1] of the common shape, NaN where
        nothing is called positive or negative.
    """
    sensitivity, specificity, prevalence = np.broadcast_arrays(sensitivity, specificity, prevalence)
    shares = (
        specificity * (1 - prevalence),
        (1 - specificity) * (1 - prevalence),
        (1 - sensitivity) * prevalence,
        sensitivity * prevalence,
    )
    found = decision_metrics(np.stack([share.ravel() for share in shares], axis=1))
    return found["ppv"].reshape(prevalence.shape), found["npv"].reshape(prevalence.shape)
