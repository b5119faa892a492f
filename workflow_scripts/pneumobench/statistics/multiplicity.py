"""Many tests at once: adjusted p values."""

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values adjusted so that a family of tests errs as seldom as a single one.

    Source: Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of
    Statistics 1979;6:65-70.

    Parameters
    ----------
    p
        [tests] float in [0, 1]; NaN = not tested, left out of the count.

    Returns
    -------
    numpy.ndarray
        [tests] float64 in [0, 1], never below `p`; NaN where `p` is.
    """
    p = np.asarray(p, float)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    adjusted = np.full(len(p), np.nan)
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
