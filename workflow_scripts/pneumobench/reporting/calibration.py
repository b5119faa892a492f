"""What calibration.json and external.json say of a run's probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pneumobench.core.estimates import record_with
from pneumobench.reporting.few import has_few, too_few
from pneumobench.reporting.wording import listing
from pneumobench.reporting.words import Words

NOT_SHOWN = "are not shown to be miscalibrated"
UNEXAMINED = "cannot be examined (the classes hardly overlap, or a probability is 0 or 1)"
# The largest share of draws that may leave a measure undefined, which its interval leaves out.
MOST_UNDEFINED = 0.05


@dataclass(frozen=True)
class Verdict:
    """What is shown of probabilities.

    Attributes
    ----------
    text
        It, as in `the probabilities {text}`.
    faults
        What is shown to be wrong.
    unjudged
        Whether nothing can be said: too few images, or a measure that is not defined.
    """

    text: str
    faults: tuple[str, ...] = ()
    unjudged: bool = False


def measured(content: dict[str, Any], dataset: str, measure: str) -> dict[str, Any]:
    """Return a measure's record of calibration.json: before, after and their difference."""
    where = "calibration.json: measures"
    return record_with(content["measures"], where, dataset=dataset, measure=measure)


def verdict_on(
    slope: Mapping[str, Any],
    level: Mapping[str, Any],
    part: Mapping[str, Any],
    replicates: int,
    words: Words,
) -> Verdict:
    """Say what is shown to be wrong with probabilities on a set.

    Nothing is where the interval of the slope includes 1 and that of calibration in the large 0;
    what the data do not contradict may still be wrong.

    Parameters
    ----------
    slope, level
        Slope and calibration in the large, as `statistics.estimates.summarise` returns them.
    part
        `n` and `events` of the set.
    replicates
        Of how many draws the intervals are.
    words
        What the classes are called.
    """
    if has_few(part):
        return Verdict(f"cannot be judged: {too_few(part, words)}", unjudged=True)
    undefined = max(slope["undefined_replicates"], level["undefined_replicates"])
    if None in (slope["low"], level["low"]) or undefined > MOST_UNDEFINED * replicates:
        return Verdict(UNEXAMINED, unjudged=True)
    wrong = {
        "too high on average": level["high"] < 0,
        "too low on average": level["low"] > 0,
        "too extreme": slope["high"] < 1,
        "too cautious": slope["low"] > 1,
    }
    found = tuple(fault for fault, there in wrong.items() if there)
    return Verdict(f"are {listing(found)}", found) if found else Verdict(NOT_SHOWN)
