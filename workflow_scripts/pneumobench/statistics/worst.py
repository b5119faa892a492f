"""The lowest of several metrics of the same images, with intervals that allow for the choice.

The lowest estimate is too low on average, and so is the lowest of every replicate: where twelve
corruptions are equally bad, percentiles of the lowest hold the truth in 27 to 43 % of samples, and
in 63 to 70 % if they are centred. Bounds follow from those of each metric instead. The lowest truth
lies below no lower bound if that of its own metric holds, whichever that is, so that lower
bounds need no adjustment (intersection-union: Berger RL. Technometrics 1982;24:295-300); all upper
bounds together are adjusted for their number (Bonferroni). The level is at least what it says.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import percentile_interval
from pneumobench.statistics.estimates import number
from pneumobench.statistics.intervals import Scale

Replicates = Mapping[str, np.ndarray]
"""By name [1 + replicates] float64, of the same draws; row 0 the sample's."""


def lowest_name(values: Replicates) -> str:
    """Return which is the lowest in the sample; undefined ones are passed over."""
    return min(values, key=lambda name: np.nan_to_num(values[name][0], nan=np.inf))


def summarise_lowest(values: Replicates, confidence: float, scale: Scale) -> dict[str, Any]:
    """Return the lowest `value`, and `low` and `high` of the lowest truth.

    Parameters
    ----------
    values
        The metrics.
    confidence
        Least level of the interval, in (0, 1).
    scale
        How the interval of each is made.
    """
    defined = [own for own in values.values() if not np.isnan(own[0])]
    if not defined:
        return {"value": None, "low": None, "high": None}
    adjusted = 1 - (1 - confidence) / len(defined)
    return {
        "value": number(min(own[0] for own in defined)),
        "low": number(min(scale.interval(own, confidence)[0] for own in defined)),
        "high": number(min(scale.interval(own, adjusted)[1] for own in defined)),
    }


def lowest_difference(first: Replicates, second: Replicates, confidence: float) -> dict[str, Any]:
    """Return `difference`, the lowest of `first` minus the lowest of `second`, with its interval.

    The lowest of `second` is at most each of it: the difference is at least what lies between the
    lowest of `first`, whichever that is, and any one of `second`, for which the lowest in the
    sample is taken. The upper bound is found likewise.

    Parameters
    ----------
    first, second
        Metrics of the same draws; a single one needs no allowance.
    confidence
        Least level of the interval, in (0, 1).

    Returns
    -------
    dict
        `difference`, `low`, `high`, and `excludes_zero`; undefined where a metric is.
    """
    of_first, of_second = first[lowest_name(first)], second[lowest_name(second)]
    low = [
        percentile_interval((own - of_second)[1:], 1 - (1 - confidence) / len(second))[0]
        for own in first.values()
    ]
    high = [
        percentile_interval((of_first - own)[1:], 1 - (1 - confidence) / len(first))[1]
        for own in second.values()
    ]
    bounds = min(low), max(high)
    return {
        "difference": number(of_first[0] - of_second[0]),
        "low": number(bounds[0]),
        "high": number(bounds[1]),
        "excludes_zero": bool(bounds[0] > 0 or bounds[1] < 0),
    }
