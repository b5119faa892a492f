"""From replicated statistics to what files say of them: value, interval, difference.

Statistics are [1 + replicates] float64, row 0 the sample's; NaN = undefined (null in the result).
"""

import math
from typing import Any

import numpy as np

from pneumobench.statistics.bootstrap import percentile_interval, vary
from pneumobench.statistics.intervals import Percentile, Scale

_PERCENTILE = Percentile()


def number(value: float) -> float | None:
    """Return a float for JSON, None if it is NaN."""
    return None if math.isnan(value) else float(value)


def summarise(values: np.ndarray, confidence: float, scale: Scale = _PERCENTILE) -> dict[str, Any]:
    """Return value, interval and number of undefined replicates of one statistic.

    Parameters
    ----------
    values
        The statistic.
    confidence
        Level of the interval in (0, 1).
    scale
        How the interval is made: what lies between bounds has a scale of its own (`intervals`). An
        undefined statistic has none.
    """
    undefined = int(np.isnan(values[1:]).sum())
    low, high = (np.nan, np.nan) if np.isnan(values[0]) else scale.interval(values, confidence)
    return {
        "value": number(values[0]),
        "low": number(low),
        "high": number(high),
        "undefined_replicates": undefined,
    }


def paired_difference(
    model: np.ndarray, reference: np.ndarray, confidence: float
) -> dict[str, float | bool | None]:
    """Return `difference` = model - reference with `low`, `high` and `excludes_zero`.

    The interval is that of the percentiles, for areas and shares as well: differences lie far from
    their bounds, the replicates of two models vary together, and 0 must mean no difference.

    Parameters
    ----------
    model, reference
        Two statistics of the same replicates.
    confidence
        Level of the percentile interval.
    """
    low, high, _ = percentile_interval(model[1:] - reference[1:], confidence)
    return {
        "difference": number(model[0] - reference[0]),
        "low": number(low),
        "high": number(high),
        # Comparisons with NaN are false: an undefined interval separates nothing.
        "excludes_zero": bool(low > 0 or high < 0),
    }


def independent_difference(
    new: np.ndarray, own: np.ndarray, confidence: float, scales: tuple[Scale, Scale | None]
) -> dict[str, float | bool | None]:
    """Return what `paired_difference` does, of a statistic on two sets of patients.

    Where the replicates of one set do not vary, as at 0 and 1, percentiles would take its figure as
    known for certain: the interval then follows from the intervals on both sets.

    Parameters
    ----------
    new, own
        The statistic on either set, drawn independently of each other.
    confidence
        Level of the interval.
    scales
        How the intervals of `new` and `own` are made; None if `own` was promised, not measured.

    References
    ----------
    Newcombe RG. Interval estimation for the difference between independent proportions: comparison
        of eleven methods. Stat Med 1998;17:873-890. (Its method 10.)
    """
    found = paired_difference(new, own, confidence)
    of_new, of_own = scales
    if found["difference"] is None or (vary(new) and (of_own is None or vary(own))):
        return found
    below, above = _reach(new, of_new, confidence)
    below_own, above_own = (0.0, 0.0) if of_own is None else _reach(own, of_own, confidence)
    low = found["difference"] - math.hypot(below, above_own)
    high = found["difference"] + math.hypot(above, below_own)
    return {
        "difference": found["difference"],
        "low": number(low),
        "high": number(high),
        "excludes_zero": bool(low > 0 or high < 0),
    }


def _reach(values: np.ndarray, scale: Scale, confidence: float) -> tuple[float, float]:
    """Return how far the bounds of a statistic lie below and above it."""
    low, high = scale.interval(values, confidence)
    return float(values[0] - low), float(high - values[0])


def summarise_change(
    before: np.ndarray,
    after: np.ndarray,
    confidence: float,
    scales: tuple[Scale, Scale] = (_PERCENTILE, _PERCENTILE),
) -> dict[str, Any]:
    """Return what a statistic is `before` and `after`, and the paired `difference`.

    `scales` are those of either, as `summarise` takes them.
    """
    return {
        "before": summarise(before, confidence, scales[0]),
        "after": summarise(after, confidence, scales[1]),
        "difference": paired_difference(after, before, confidence),
    }


def difference_columns(found: dict[str, Any]) -> dict[str, float | None]:
    """Return the columns of a table that hold what `paired_difference` returned."""
    return flat_columns("difference", found, "difference")


def flat_columns(name: str, found: dict[str, Any], value: str = "value") -> dict[str, Any]:
    """Return the columns of a table that hold an estimate: `name`, and `_low` and `_high` of it."""
    return {name: found[value], f"{name}_low": found["low"], f"{name}_high": found["high"]}
