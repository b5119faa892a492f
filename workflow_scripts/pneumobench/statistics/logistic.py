"""Logistic regression of few coefficients, for many weightings of the images at once.

Source: Lin HT, Lin CJ, Weng RC. A note on Platt's probabilistic outputs for support vector
machines. Machine Learning 2007;68:267-276, Appendix: Newton's method, every step halved until the
loss falls enough. Bach F. Self-concordant analysis for logistic regression. Electronic Journal of
Statistics 2010;4:384-414.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from pneumobench.statistics.metrics import sigmoid

# The search ends where a step promises less than this much log-likelihood an image; that step is
# still taken, after which rounding is all that is left.
_LEAST_PROMISE = 1e-12
_KEPT_SHARE = 1e-4  # of what a step promises, it must keep so much
_RIDGE = 1e-12
_MOST_STEPS = 100
_MOST_HALVINGS = 60


def fit_logistic(
    design: np.ndarray, target: np.ndarray, weights: np.ndarray, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the coefficients of greatest likelihood for every weighting.

    Parameters
    ----------
    design
        [images, columns] float64, one column a coefficient, in size about 1.
    target
        [images] bool or float in [0, 1].
    weights
        [weightings, images] float, not negative, in sum above 0.
    offset
        [images] float, added to every linear predictor.

    Returns
    -------
    numpy.ndarray
        [weightings, columns] float64, NaN where the search did not end. Where separable classes
        leave the likelihood without a maximum, the numbers mean nothing: the caller looks for that.
    """
    images, columns = design.shape
    products = (design[:, :, np.newaxis] * design[:, np.newaxis, :]).reshape(images, -1)
    found = np.full((len(weights), columns), np.nan)
    start = np.zeros((1, columns))
    if len(weights) > 1:
        # Replicates lie around the sample: half the steps from there.
        start = fit_logistic(design, target, np.ones((1, images)), offset)
    rows, current = np.arange(len(weights)), np.repeat(start, len(weights), axis=0)
    for _ in range(_MOST_STEPS):
        probability = sigmoid(current @ design.T + offset)
        gradient = (weights * (probability - target)) @ design
        curvature = (weights * (probability * (1 - probability))) @ products
        total = weights.sum(axis=1)
        # A little more keeps the curvature positive where every probability is 0 or 1.
        ridge = _RIDGE * total[:, np.newaxis, np.newaxis] * np.eye(columns)
        curvature = curvature.reshape(-1, columns, columns) + ridge
        step = np.linalg.solve(curvature, -gradient[..., np.newaxis])[..., 0]
        promise = -np.einsum("ij,ij->i", gradient, step)
        done = promise <= _LEAST_PROMISE * total
        found[rows[done]] = (current + step)[done]
        rows, current, step, promise, weights = (
            values[~done] for values in (rows, current, step, promise, weights)
        )
        if len(rows) == 0:
            break
        # A step that moves no linear predictor by more than 1 changes the curvature by at most
        # the factor e and keeps 0.28 of its promise (Bach 2010, proposition 1): nothing to search.
        far = np.abs(step) @ np.abs(design).max(axis=0) > 1
        loss = partial(_loss, design=design, target=target, weights=weights[far], offset=offset)
        step[far] *= _step_share(loss, current[far], step[far], promise[far])
        current = current + step
    return found


def _step_share(
    loss: Callable[[np.ndarray], np.ndarray],
    current: np.ndarray,
    step: np.ndarray,
    promise: np.ndarray,
) -> np.ndarray:
    """Return how much of each step to take, [weightings, 1] float64 in (0, 1]."""
    share, before = np.ones((len(current), 1)), loss(current)
    for _ in range(_MOST_HALVINGS):
        poor = loss(current + share * step) > before - _KEPT_SHARE * share[:, 0] * promise
        if not poor.any():
            break
        share[poor] /= 2
    return share


def _loss(
    coefficients: np.ndarray,
    design: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray | float,
) -> np.ndarray:
    """Return the negative log-likelihood, [weightings] float64, without overflow."""
    linear = coefficients @ design.T + offset
    each = np.maximum(linear, 0) - target * linear + np.log1p(np.exp(-np.abs(linear)))
    return np.einsum("ij,ij->i", weights, each)
