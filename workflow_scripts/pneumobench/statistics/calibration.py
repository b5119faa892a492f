"""Probabilities that mean what they say: fitted on out-of-fold logits, and how far they are off.

A calibration belongs to one fold's model: what is fitted on single models does not fit their mean.
Pneumonia is the positive class; probabilities are those of pneumonia.

References
----------
Platt J. Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers,
    MIT Press 1999, 61-74.
Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. ICML 2017.
Zadrozny B, Elkan C. Transforming classifier scores into accurate multiclass probability estimates.
    KDD 2002, 694-699.
Cox DR. Two further applications of a model for binary regression. Biometrika 1958;45:562-565.
Van Calster B et al. Calibration: the Achilles heel of predictive analytics. BMC Med 2019;17:230.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.both_classes import check_both_classes
from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.statistics.logistic import fit_logistic
from pneumobench.statistics.metrics import sigmoid


def fit_calibration(
    positive: np.ndarray, logit: np.ndarray, method: str, *, where: str
) -> dict[str, Any]:
    """Return what turns one model's logits into calibrated probabilities.

    Parameters
    ----------
    positive
        [images] bool.
    logit
        [images] float, out-of-fold logits.
    method
        `platt`: sigmoid(slope x logit + intercept) of greatest likelihood, the labels 1 and 0
        replaced by (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), the posterior means of a uniform prior,
        so that separable classes have a finite solution. The slope is negative where higher logits
        speak against pneumonia.
        `temperature`: the same with the intercept 0; the slope is 1 / temperature. Guo et al. take
        plain labels, whose likelihood has no maximum in separable classes. The slope is 0 (all
        probabilities 0.5) where no positive one is better.
        `isotonic`: the rising step function of least squared error, straight between its corners.
        It ties images that the logit ranks, and may give probabilities of exactly 0 and 1.
        `none`: sigmoid(logit).
    where
        Whose images these are, for messages.

    Returns
    -------
    dict
        Plain numbers for JSON: `method`, and `slope` and `intercept`, or for `isotonic` the corners
        `logits` (rising) and `probabilities` (not falling).

    Raises
    ------
    UserError
        If the method is unknown, one of the classes has no image or a logit is not finite.
    """
    if method not in METHODS:
        raise UserError(
            f"the calibration method {method!r} is unknown",
            where="evaluation.calibration",
            expected=" or ".join(METHODS),
            remedy=f"correct the name in the config {did_you_mean(method, METHODS)}".strip(),
        )
    logit = np.asarray(logit, float)
    if not np.isfinite(logit).all():
        raise UserError(
            "a calibration cannot be fitted to logits that are not finite",
            where=f"{where}: {int((~np.isfinite(logit)).sum())} of {len(logit)} images",
            expected="a finite logit for every image",
            remedy="retrain this fold: its predictions are damaged or its training diverged",
        )
    check_both_classes(positive, "a calibration", where=where)
    return {"method": method, **METHODS[method](positive, logit)}


def calibrate(logit: np.ndarray, fitted: dict[str, Any]) -> np.ndarray:
    """Return calibrated probabilities, float64 in [0, 1] in the shape of `logit`.

    Parameters
    ----------
    logit
        Logits of the model that the calibration was fitted to, float of any shape.
    fitted
        From `fit_calibration`. An isotonic one continues level beyond its first and last corner.
    """
    logit = np.asarray(logit, float)
    if fitted["method"] == "isotonic":
        return np.interp(logit, fitted["logits"], fitted["probabilities"])
    return sigmoid(fitted["slope"] * logit + fitted["intercept"])


def assign_bins(probability: np.ndarray, bins: int, binning: str) -> np.ndarray:
    """Return the bin of each image, [images] int in 0 to bins - 1.

    Parameters
    ----------
    probability
        [images] float in [0, 1].
    bins
        Number of bins, at least 1.
    binning
        `equal_mass`: bins of as many images, to within one; images of equal probability stay
        together, in the bin where the middle of their ranks lies, so that a bin may be empty.
        `equal_width`: bins ((b - 1) / bins, b / bins], the first with 0, as in Guo et al.
    """
    if binning == "equal_width":
        inner = np.linspace(0, 1, bins + 1)[1:-1]
        return np.searchsorted(inner, probability, side="left")
    if binning == "equal_mass":
        _, group, counts = np.unique(probability, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        # Twice the middle of a group's ranks, counted from 0 to images: whole numbers.
        return (bins * (2 * last - counts) // (2 * len(probability)))[group]
    raise ValueError(f"binning is {binning!r}, not equal_mass or equal_width")


def reliability(
    positive: np.ndarray, probability: np.ndarray, *, bins: int, binning: str
) -> pd.DataFrame:
    """Return the points of the reliability curve, one row for each bin that holds images.

    Parameters
    ----------
    positive
        [images] bool.
    probability
        [images] float in [0, 1].
    bins, binning
        As in `assign_bins`.

    Returns
    -------
    pandas.DataFrame
        `n` images, of which `events` are positive (int); `mean_probability` and `observed_share` =
        events / n (float64 in [0, 1]), the two coordinates of the curve.
    """
    bin_of_image = assign_bins(probability, bins, binning)
    counts = np.bincount(bin_of_image, minlength=bins)
    held = np.flatnonzero(counts)
    counts = counts[held]
    events = np.bincount(bin_of_image[positive], minlength=bins)[held]
    total = np.bincount(bin_of_image, probability, minlength=bins)[held]
    return pd.DataFrame(
        {
            "n": counts,
            "events": events,
            "mean_probability": total / counts,
            "observed_share": events / counts,
        }
    )


def expected_calibration_error(
    positive: np.ndarray,
    probability: np.ndarray,
    *,
    bins: int,
    binning: str,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the mean distance between probability and observed share over the bins.

    Sum over the bins of weight x |mean probability - observed share| / total weight (Guo et al.,
    equation 3), of the probability of pneumonia, not of the probability of the class called. The
    bins are those of the sample, in every weighting. The error of a finite sample is above 0 even
    in a perfect model, and that of a bootstrap replicate above the sample's: a percentile interval
    may exclude the estimate.

    Parameters
    ----------
    positive
        [images] bool.
    probability
        [images] float in [0, 1].
    bins, binning
        As in `assign_bins`.
    weights
        [weightings, images] float, not negative; None = one weighting, all ones.

    Returns
    -------
    numpy.ndarray
        [weightings] float64 in [0, 1], NaN where all weights are 0.
    """
    weights = _weigh_all(weights, len(positive))
    membership = np.eye(bins)[assign_bins(probability, bins, binning)]
    # Weight x (mean probability - observed share) of a bin: its sum of probability - label.
    excess = weights @ (membership * (np.asarray(probability, float) - positive)[:, np.newaxis])
    total = weights.sum(axis=1)
    undefined = np.full(len(weights), np.nan)
    return np.divide(np.abs(excess).sum(axis=1), total, out=undefined, where=total > 0)


def calibration_slope_intercept(
    positive: np.ndarray, logit: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return slope and intercepts of the logistic regression of the labels on the logit (Cox).

    A slope below 1 says that probabilities are too extreme, an intercept in the large below 0 that
    they are too high on average (Van Calster et al.).

    Parameters
    ----------
    positive
        [images] bool.
    logit
        [images] float, the logit of the probability that is judged. An infinite one (an isotonic
        calibration's 0 or 1) leaves everything undefined.
    weights
        [weightings, images] float, not negative; None = one weighting, all ones.

    Returns
    -------
    dict
        `slope` and `intercept` of P = sigmoid(slope x logit + intercept), NaN where the classes do
        not overlap (no likelihood has a maximum) or one is absent, and `in_the_large`, the
        intercept where the slope is held at 1, NaN without both classes; each [weightings] float64.
        Logits that lie many orders of magnitude apart may leave the search without an end: NaN.
    """
    logit, weights = np.asarray(logit, float), _weigh_all(weights, len(positive))
    found = {name: np.full(len(weights), np.nan) for name in ("slope", "intercept", "in_the_large")}
    if not np.isfinite(logit).all():
        return found
    held = weights > 0
    negatives, positives = held & ~positive, held & positive
    both = negatives.any(axis=1) & positives.any(axis=1)
    one = np.ones((len(logit), 1))
    found["in_the_large"][both] = fit_logistic(one, positive, weights[both], logit)[:, 0]
    overlap = (_highest(logit, negatives) > _lowest(logit, positives)) & (
        _highest(logit, positives) > _lowest(logit, negatives)
    )
    found["slope"][overlap], found["intercept"][overlap] = _fit_line(
        logit, positive, weights[overlap]
    )
    return found


def _fit_platt(positive: np.ndarray, logit: np.ndarray) -> dict[str, Any]:
    slope, intercept = _fit_line(logit, _smooth(positive), _weigh_all(None, len(logit)))
    return {"slope": float(slope[0]), "intercept": float(intercept[0])}


def _fit_temperature(positive: np.ndarray, logit: np.ndarray) -> dict[str, Any]:
    scale = np.abs(logit).max() or 1.0
    design, weights = (logit / scale)[:, np.newaxis], _weigh_all(None, len(logit))
    slope = fit_logistic(design, _smooth(positive), weights)[0, 0] / scale
    # The likelihood is concave: where it is greatest below 0, it falls from 0 on.
    return {"slope": float(np.maximum(slope, 0)), "intercept": 0.0}


def _fit_isotonic(positive: np.ndarray, logit: np.ndarray) -> dict[str, Any]:
    # Here, since its import takes longer than most jobs that calibrate.
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(logit, positive)
    return {
        "logits": fitted.X_thresholds_.tolist(),
        "probabilities": fitted.y_thresholds_.tolist(),
    }


def _fit_none(_positive: np.ndarray, _logit: np.ndarray) -> dict[str, Any]:
    return {"slope": 1.0, "intercept": 0.0}


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "platt": _fit_platt,
    "temperature": _fit_temperature,
    "isotonic": _fit_isotonic,
    "none": _fit_none,
}


def _smooth(positive: np.ndarray) -> np.ndarray:
    """Return Platt's targets, [images] float64 inside (0, 1)."""
    events = positive.sum()
    return np.where(positive, (events + 1) / (events + 2), 1 / (len(positive) - events + 2))


def _fit_line(
    logit: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept of the logistic regression, each [weightings] float64."""
    centre = logit.mean()
    # Numbers of about 1 keep the equations well conditioned; equal logits get the slope 0.
    scale = np.abs(logit - centre).max() or 1.0
    design = np.stack([(logit - centre) / scale, np.ones_like(logit)], axis=1)
    slope, level = fit_logistic(design, target, weights).T
    return slope / scale, level - slope * (centre / scale)


def _lowest(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the least chosen value of each row of `chosen`, infinity without one."""
    return np.where(chosen, values, np.inf).min(axis=1)


def _highest(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return -_lowest(-values, chosen)


def _weigh_all(weights: np.ndarray | None, images: int) -> np.ndarray:
    return np.ones((1, images)) if weights is None else weights
