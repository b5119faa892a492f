"""The nearest valid name to a mistyped one."""

import difflib
from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None when nothing is alike (ratio below 0.5).

    >>> nearest("resnet5O", ["alexnet", "resnet50"])
    'resnet50'
    """
    return next(iter(alike(name, candidates, 1)), None)


def alike(name: str, candidates: Iterable[str], most: int, *, ratio: float = 0.5) -> list[str]:
    """Return the candidates most like `name`, the nearest first; none with a ratio below `ratio`.

    >>> alike("resnet5O", ["alexnet", "resnet50", "resnet101"], 2)
    ['resnet50', 'resnet101']
    """
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), lowered, n=most, cutoff=ratio)
    return [lowered[match] for match in found]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return a sentence naming the nearest candidate, or an empty string."""
    match = nearest(name, candidates)
    return f"did you mean {match}?" if match else ""
