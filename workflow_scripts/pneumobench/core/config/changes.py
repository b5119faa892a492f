"""What changed between two sets of settings, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from pneumobench.core.config.problems import value_text


def flat(values: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of nested sections by their dotted keys.

    >>> dict(flat({"split": {"folds": 5}}))
    {'split.folds': 5}
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from flat(value, f"{above}.{key}" if above else str(key))
    else:
        yield above, values


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return which settings have another value now, as `epochs 2 -> 3`.

    Settings that only one of the two has are left out: another version of the program knows them.
    """
    before, now = dict(flat(old)), dict(flat(new))
    return [
        f"{key} {value_text(before[key])} -> {value_text(value)}"
        for key, value in now.items()
        if key in before and _plain(before[key]) != _plain(value)
    ]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, where there are no tuples."""
    return list(value) if isinstance(value, tuple) else value
