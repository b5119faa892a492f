"""Few images: which sets have so few that a reader must be told, and what they leave open."""

from collections.abc import Iterable, Mapping
from typing import Any

from pneumobench.core.few import is_few
from pneumobench.reporting.wording import count, listing
from pneumobench.reporting.words import Words

_PLACES = {"out_of_fold": "out of fold", "test": "in the test set", "external": "external"}


def has_few(part: Mapping[str, Any]) -> bool:
    """Tell whether a set with `n` images and `events` has too few of a class for verdicts."""
    return is_few(part["events"], part["n"] - part["events"])


def numbers(part: Mapping[str, Any], words: Words) -> str:
    """Write how many images of either class a set has: `5 without and 6 with pneumonia`."""
    return (
        f"{count(part['n'] - part['events'])} without and {count(part['events'])} with "
        f"{words.positive}"
    )


def few_sentence(
    datasets: Mapping[str, Mapping[str, Any]], names: Iterable[str], words: Words
) -> list[str]:
    """Return one sentence on the sets that have few images of a class; none where none has.

    Parameters
    ----------
    datasets
        `n` and `events` of every set, as comparison.json has them.
    names
        The sets that the sentences before it rest on.
    words
        What the classes are called.
    """
    found = [name for name in names if has_few(datasets[name])]
    if not found:
        return []
    parts = [f"{numbers(datasets[name], words)} ({_PLACES[name]})" for name in found]
    return [
        f"These results rest on few images, {listing(parts)}: what they do not show may well be "
        "there."
    ]


def too_few(part: Mapping[str, Any], words: Words) -> str:
    """Say that a set is too small to tell, with its numbers: `too few images (5 without ...)`."""
    return f"too few images ({numbers(part, words)})"
