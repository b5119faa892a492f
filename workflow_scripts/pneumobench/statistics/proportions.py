"""Intervals of proportions."""

from statistics import NormalDist

import numpy as np


def wilson(
    successes: np.ndarray | int, count: np.ndarray | int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the score interval of a proportion of independent observations.

    Source: Wilson EB. Probable inference, the law of succession, and statistical inference. Journal
    of the American Statistical Association 1927;22:209-212. Without continuity correction.

    Parameters
    ----------
    successes, count
        [...] int, 0 <= successes <= count.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    tuple
        Lower and upper bounds, each [...] float64 in [0, 1], NaN where `count` is 0.
    """
    successes, count = np.asarray(successes), np.asarray(count)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return _lower(successes, count, z), 1 - _lower(count - successes, count, z)


def _lower(successes: np.ndarray, count: np.ndarray, z: float) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(successes * (count - successes) / count + z**2 / 4)
    return (successes + z**2 / 2 - z * spread) / (count + z**2)
