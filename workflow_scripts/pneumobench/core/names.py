"""The nearest valid name to a mistyped one."""

import difflib
from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None when nothing is alike (ratio below 0.5).

    >>> nearest("resnet5O", ["alexnet", "resnet50"])
    'resnet50'
    """
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    return lowered[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return a sentence naming the nearest candidate, or an empty string."""
    match = nearest(name, candidates)
    return f"did you mean {match}?" if match else ""
