"""Runs that no test tells apart: the bars of a critical-difference diagram.

Source: Demsar J. Statistical comparisons of classifiers over multiple data sets. Journal of Machine
Learning Research 2006;7:1-30, whose diagram is drawn here for one data set and tests of all pairs.
"""

import numpy as np


def indistinguishable_groups(distinguishable: np.ndarray) -> list[list[int]]:
    """Return the longest stretches of the ranking in which no two runs are distinguishable.

    Being indistinguishable is not passed on: of three runs the outer two may differ although neither
    differs from the middle one. Such a ranking has two overlapping groups. Two runs with a third
    between them that differs from one of both are in no common group.

    Parameters
    ----------
    distinguishable
        [runs, runs] bool in order of rank, symmetric, False on the diagonal.

    Returns
    -------
    list of list of int
        Positions in the ranking, each group in order; none within another. A run that differs from
        its neighbours is a group of its own.
    """
    runs = len(distinguishable)
    groups: list[list[int]] = []
    for first in range(runs):
        last = first
        while last + 1 < runs and not distinguishable[first : last + 1, last + 1].any():
            last += 1
        if not groups or last > groups[-1][-1]:
            groups.append(list(range(first, last + 1)))
    return groups
