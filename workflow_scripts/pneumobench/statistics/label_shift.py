"""How many images are pneumonias, told from probabilities alone, if nothing else has changed.

References
----------
Saerens M, Latinne P, Decaestecker C. Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure. Neural Computation 2002;14:21-41.
"""

import numpy as np

# Halvings of the interval in which the share is sought: the last is below 1e-12.
HALVINGS = 40


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
