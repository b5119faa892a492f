"""Intervals of what is bounded: they hold at 0 and 1 and near them, and know of patients.

A percentile interval shrinks to a point where no replicate makes an error, and is too narrow before
that. Shares, and other metrics that lie between two bounds, get Wilson's interval with the
effective number of observations that their replicates show. Areas get a symmetric interval on the
logit scale, with the standard error of their replicates. What is not bounded, or lies far from its
bounds as differences do, keeps the percentile interval of `bootstrap`.

References
----------
Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc
    1927;22:209-212.
Kish L. Survey Sampling. Wiley 1965, chapter 8.2. (Effective number of observations.)
Satterthwaite FE. An approximate distribution of estimates of variance components. Biometrics
    Bulletin 1946;2:110-114.
Efron B. Estimation and accuracy after model selection. J Am Stat Assoc 2014;109:991-1007. (What
    each patient contributes, read from bootstrap replicates.)
Newcombe RG. Confidence intervals for an effect size measure based on the Mann-Whitney statistic.
    Part 2. Stat Med 2006;25:559-573. (Its method 5.)
Donner A, Zou GY. Closed-form confidence intervals for functions of the normal mean and standard
    deviation. Stat Methods Med Res 2012;21:347-359. (Ratios of two estimates.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np

from pneumobench.statistics.bootstrap import Resamples, enough, percentile_interval

POWER = 0.8
"""The share of samples that must show an effect for it to count as detectable."""

# Halvings of an interval in which a bound is sought: the last is below 1e-12.
_HALVINGS = 40
_UNDEFINED = (np.nan, np.nan)


class Scale(Protocol):
    """How the interval of a statistic is made."""

    def interval(self, values: np.ndarray, confidence: float) -> tuple[float, float]:
        """Return the bounds, NaN where they are undefined.

        Parameters
        ----------
        values
            [1 + replicates] float64, row 0 the sample's, which is defined; NaN = undefined.
        confidence
            Level of the interval in (0, 1).
        """


class Percentile:
    """Percentiles of the replicates."""

    def interval(self, values: np.ndarray, confidence: float) -> tuple[float, float]:
        """Return them, as `Scale` says."""
        return percentile_interval(values[1:], confidence)[:2] if enough(values) else _UNDEFINED


@dataclass(frozen=True)
class Share:
    """Wilson's interval of a share, or of another metric between two bounds.

    The effective number of observations is the one at which a binomial share would vary as the
    replicates do: p (1 - p) / variance. Where nothing varies, at the bounds, it is the number of
    patients.

    Attributes
    ----------
    patients
        How many patients have images that the metric is of.
    least
        The lower bound of the metric; the upper one is 1.
    """

    patients: float
    least: float = 0.0

    def interval(self, values: np.ndarray, confidence: float) -> tuple[float, float]:
        """Return it, as `Scale` says."""
        width = 1 - self.least
        share = min(max((values[0] - self.least) / width, 0.0), 1.0)
        variance = _variance(values) / width**2
        spread = share * (1 - share)
        n = spread / variance if spread > 0 and variance > 0 else self.patients
        low, high = wilson(share * n, n, confidence)
        return self.least + width * float(low), self.least + width * float(high)


@dataclass(frozen=True)
class Mean:
    """Student's interval of a mean over patients, for differences far from any bound.

    Attributes
    ----------
    patients
        How many patients the mean is of.
    """

    patients: int

    def interval(self, values: np.ndarray, confidence: float) -> tuple[float, float]:
        """Return it, as `Scale` says."""
        if self.patients < 2:
            return np.nan, np.nan
        reach = _student(self.patients - 1, confidence) * self._error(values)
        return float(values[0] - reach), float(values[0] + reach)

    def detectable(self, values: np.ndarray, confidence: float) -> float:
        """Return the smallest true mean that `POWER` of such samples would tell from 0.

        In the unit of the values; NaN with fewer than two patients.
        """
        if self.patients < 2:
            return np.nan
        return _reach_of_power(self.patients, confidence) * self._error(values)

    def _error(self, values: np.ndarray) -> float:
        # Replicates vary as if the mean were known: by (n - 1) / n too little.
        return float(np.sqrt(_variance(values) * self.patients / (self.patients - 1)))


@dataclass(frozen=True)
class Area:
    """A symmetric interval on the logit scale, for areas under curves.

    Its standard error is that of the replicates, its quantile that of Student's t distribution:
    near 1 few patients make up most of the variance, which is then known badly. Satterthwaite's
    degrees of freedom for rare contributions c are 2 (sum c^2)^2 / sum c^4.

    Attributes
    ----------
    resamples
        The draws of patients.
    at_one
        The lower bound at a level, where the area is 1 and nothing varies.
    trainings
        Where the area is a mean over independent trainings, which are a sample, too: their areas.
    """

    resamples: Resamples
    at_one: Callable[[float], float]
    trainings: np.ndarray | None = None

    def interval(self, values: np.ndarray, confidence: float) -> tuple[float, float]:
        """Return it, as `Scale` says."""
        area, variance = values[0], _variance(values)
        if area >= 1:
            return self.at_one(confidence), 1.0
        if area <= 0:
            return 0.0, 1 - self.at_one(confidence)
        if not enough(values):
            return _UNDEFINED
        reach = 0.0
        if variance > 0:
            reach = _student(self._degrees_of_freedom(values), confidence) * np.sqrt(variance)
        if self.trainings is not None:
            reach = np.hypot(reach, reach_of_mean(self.trainings, confidence))
        if not reach > 0:
            return np.nan, np.nan
        reach /= area * (1 - area)
        centre = np.log(area) - np.log1p(-area)
        low, high = 1 / (1 + np.exp(-(centre + np.array([-reach, reach]))))
        return float(low), float(high)

    def _degrees_of_freedom(self, values: np.ndarray) -> float:
        squared = self.resamples.contributions(values) ** 2
        return max(2 * squared.sum() ** 2 / (squared**2).sum(), 1.0)


@dataclass(frozen=True)
class Cases:
    """Whose images a metric is of.

    Attributes
    ----------
    positive
        [images] bool.
    cluster
        [images] int, the column of each image's patient in `resamples`.
    resamples
        The draws of patients.
    decision
        [images] bool, True = called positive; None for what needs no decision.
    """

    positive: np.ndarray
    cluster: np.ndarray
    resamples: Resamples
    decision: np.ndarray | None = None

    def scale(self, metric: str) -> Scale:
        """Return how the interval of a metric of `metrics.METRICS` is made."""
        if metric == "roc_auc":
            positives, negatives = self._by_class()
            return Area(self.resamples, lambda level: lowest_area(positives, negatives, level))
        if metric == "average_precision":
            positives, _ = self._by_class()
            return Area(self.resamples, lambda level: float(wilson(positives, positives, level)[0]))
        if metric in ("balanced_accuracy", "mcc"):
            # Of equal weight, whatever their sizes: as many patients as vary like both together.
            positives, negatives = map(float, self._by_class())
            patients = 4 * positives * negatives / max(positives + negatives, 1)
            return Share(patients, least=-1.0 if metric == "mcc" else 0.0)
        members = self._members(metric)
        return Percentile() if members is None else Share(self._patients(members))

    def exchanged(self) -> "Cases":
        """Return them with the classes, and what is called, exchanged."""
        decision = None if self.decision is None else ~self.decision
        return Cases(~self.positive, self.cluster, self.resamples, decision)

    def _members(self, metric: str) -> np.ndarray | None:
        """Return the images that a share is of, [images] bool; None if the metric is no share."""
        if metric in ("sensitivity", "recall"):
            return self.positive
        if metric == "specificity":
            return ~self.positive
        if metric == "accuracy":
            return np.ones_like(self.positive)
        if self.decision is None:
            return None
        called = {"ppv": self.decision, "precision": self.decision, "npv": ~self.decision}
        return {**called, "f1": self.positive | self.decision}.get(metric)

    def _by_class(self) -> tuple[int, int]:
        return self._patients(self.positive), self._patients(~self.positive)

    def _patients(self, members: np.ndarray) -> int:
        return len(np.unique(self.cluster[members]))


def wilson(
    successes: np.ndarray | float, count: np.ndarray | float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the score interval of a proportion of independent observations (Wilson 1927).

    Without continuity correction.

    Parameters
    ----------
    successes, count
        [...] 0 <= successes <= count; whole numbers, or effective numbers of clustered
        observations.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    tuple
        Lower and upper bounds, each [...] float64 in [0, 1], NaN where `count` is 0.
    """
    successes, count = np.asarray(successes, float), np.asarray(count, float)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return _lower_bound(successes, count, z), 1 - _lower_bound(count - successes, count, z)


def lowest_area(positives: int, negatives: int, confidence: float) -> float:
    """Return the least area under the ROC curve that agrees with classes perfectly separated.

    It is where the distance to 1 is z standard errors, with the variance that equally spread
    classes have at that area (Newcombe's method 5).

    Parameters
    ----------
    positives, negatives
        Numbers of independent observations.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    float
        In (0, 1), NaN where a class is empty.
    """
    if not (positives and negatives):
        return np.nan
    z, total = NormalDist().inv_cdf((1 + confidence) / 2), positives + negatives
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        area = (low + high) / 2
        spread = total - 1 - (1.5 * total - 3) / ((2 - area) * (1 + area))
        # Both sides divided by 1 - area.
        too_low = 1 - area > z**2 * area * spread / (positives * negatives)
        low, high = (area, high) if too_low else (low, area)
    return (low + high) / 2


def reach_of_mean(values: np.ndarray, confidence: float) -> float:
    """Return how far the bounds of the mean of independent values, [n >= 2] float64, lie from it.

    Student's; half the width of the interval.
    """
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return _student(len(values) - 1, confidence) * error


def detectable_effect(patients: int, confidence: float) -> float:
    """Return the smallest effect that `POWER` of samples show, in standard deviations of patients.

    Of a mean that is tested against 0, to both sides, at 1 - confidence: (t of the level + t of the
    power) / sqrt(n). Infinite with fewer than two patients.
    """
    if patients < 2:
        return float("inf")
    return _reach_of_power(patients, confidence) / patients**0.5


def ratio_bounds(
    numerator: tuple[float, float, float], denominator: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the bounds of a ratio of two independent estimates from their own bounds.

    Parameters
    ----------
    numerator, denominator
        Value, lower and upper bound of each, not negative, the upper bounds positive.

    Returns
    -------
    tuple
        Lower and upper bound (Donner and Zou, equation 9); the upper is infinite where the
        denominator may be 0.
    """
    (top, top_low, top_high), (base, base_low, base_high) = numerator, denominator
    product = top * base

    def root(end: float, other: float) -> float:
        squared = product**2 - end * other * (2 * top - end) * (2 * base - other)
        return float(np.sqrt(max(squared, 0.0)))

    # The lower bound multiplied out: its own denominator passes through 0.
    low = 0.0
    if top_low > 0:
        low = top_low * (2 * top - top_low) / (product + root(top_low, base_high))
    if base_low <= 0:
        return low, np.inf
    return low, (product + root(top_high, base_low)) / (base_low * (2 * base - base_low))


def _lower_bound(successes: np.ndarray, count: np.ndarray, z: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(successes * (count - successes) / count + z**2 / 4)
    return (successes + z**2 / 2 - z * spread) / (count + z**2)


def _variance(values: np.ndarray) -> float:
    """Return the variance of the defined replicates; 0 where there are fewer than two."""
    defined = values[1:][~np.isnan(values[1:])]
    return float(np.var(defined)) if len(defined) > 1 else 0.0


def _reach_of_power(patients: int, confidence: float) -> float:
    return _student(patients - 1, confidence) + _student(patients - 1, 2 * POWER - 1)


def _student(degrees_of_freedom: float, confidence: float) -> float:
    # Here: the report reads names from this room and starts sooner without SciPy.
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))
