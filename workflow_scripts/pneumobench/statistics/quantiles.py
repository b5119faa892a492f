"""Quantiles of scores in the sample and in every replicate."""

import numpy as np

from pneumobench.statistics.bootstrap import Resamples


def replicate_quantiles(
    scores: np.ndarray, images: np.ndarray, resamples: Resamples, shares: tuple[float, ...]
) -> np.ndarray:
    """Return quantiles for each share, [1 + replicates, shares] float64, row 0 the sample's.

    A quantile is the lowest score that at least this share of the images does not exceed (inverse
    of the empirical distribution function; Hyndman RJ, Fan Y. Am Stat 1996;50:361-365, type 1).

    Parameters
    ----------
    scores
        [images] float, finite.
    images
        [images] int, their positions among those that the replicates are of.
    resamples
        Draws of patients; one without any of the images gives NaN.
    shares
        In (0, 1).
    """
    order = np.argsort(scores, kind="stable")
    ordered = np.append(np.asarray(scores, float)[order], np.nan)
    found = np.empty((len(resamples.multiplicity), len(shares)))
    for rows, weights in resamples.weights(images[order]):
        below = np.cumsum(weights, axis=1)
        total = below[:, -1]
        for column, share in enumerate(shares):
            # Rounding must not push a whole number of images over the next one.
            wanted = share * total * (1 - 1e-12)
            position = (below < wanted[:, np.newaxis]).sum(axis=1)
            found[rows, column] = ordered[np.where(total > 0, position, len(scores))]
    return found
