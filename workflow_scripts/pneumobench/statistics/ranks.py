"""Ranks of scores, ties at their mean."""

import numpy as np


def count_below(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return how many reference scores lie below each score; equal ones count half.

    Counted among themselves, scores get their midranks less one half.

    Parameters
    ----------
    scores
        [scores] float, finite.
    reference
        [references] float, finite.

    Returns
    -------
    numpy.ndarray
        [scores] float64, whole and half numbers in [0, references].
    """
    ordered = np.sort(reference)
    below = np.searchsorted(ordered, scores, side="left")
    return (below + np.searchsorted(ordered, scores, side="right")) / 2
