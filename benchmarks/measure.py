"""Interleaved timing: contenders take turns, so that a slow minute meets them all."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """A median with its interval over n repetitions."""

    median: float
    low: float
    high: float
    n: int

    def record(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"median": self.median, "low": self.low, "high": self.high, "n": self.n}


def median_of(values: list[float]) -> Figure:
    """Return the median with its distribution-free interval: two order statistics.

    The interval holds the median with 95 % or more (binomial distribution; with seven values it is
    the range, 98.4 %).
    """
    ordered, n = sorted(values), len(values)
    cut = 0
    while sum(math.comb(n, k) for k in range(cut + 1)) / 2**n <= (1 - CONFIDENCE) / 2:
        cut += 1
    cut = max(cut - 1, 0)
    return Figure(statistics.median(ordered), ordered[cut], ordered[n - 1 - cut], n)


def take_turns(
    contenders: dict[str, Callable[[], int]], repetitions: int
) -> dict[str, list[float]]:
    """Run every contender once unmeasured, then all in turn; return units a second of each turn.

    Parameters
    ----------
    contenders
        Name -> what is timed; returns how many units (images, jobs) it did.
    repetitions
        Measured turns.
    """
    for run in contenders.values():
        run()
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repetitions):
        # Whoever came first comes last in the next turn.
        names = list(contenders)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            units = contenders[name]()
            speeds[name].append(units / (time.perf_counter() - start))
    return speeds


def ratio_of(speeds: dict[str, list[float]], ours: str, other: str) -> Figure:
    """Return the median ratio of two contenders' speeds, turn by turn."""
    return median_of([a / b for a, b in zip(speeds[ours], speeds[other], strict=True)])
