"""How few cases are few, and what so few leave open: decided here, quoted everywhere."""

from statistics import NormalDist

FEW = 30
"""Images of a class in a set below which no verdict rests on areas, slopes or net benefits.

Coverage of the intervals was measured from here on (docs/differences.md).
"""

WANTED = 100
"""Cases of a class that a set to judge by should have, at the least: fewer are warned of.

Vergouwe Y, Steyerberg EW, Eijkemans MJC, Habbema JDF. Substantial effective sample sizes were
required for external validation studies of predictive logistic regression models. J Clin Epidemiol
2005;58:475-483.
"""

_LEVEL = 0.95


def is_few(*numbers: int) -> bool:
    """Tell whether one of these numbers of cases is `FEW`er than a verdict needs."""
    return min(numbers) < FEW


def largest_unseen(cases: int) -> float:
    """Return the largest true share of errors that is likely to show none in so many cases.

    The upper bound of Wilson's 95 % interval of 0 of `cases`, in (0, 1]; 1 without any.
    """
    squared = NormalDist().inv_cdf((1 + _LEVEL) / 2) ** 2
    return squared / (cases + squared)
