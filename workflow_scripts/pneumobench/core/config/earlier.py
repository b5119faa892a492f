"""Configurations that archives of earlier versions hold: keys that came later, as if left out."""

from typing import Any

# What each key has to be for the pipeline to do what it did before there was the key.
LATER = {("data", "checks", "maximum_near_duplicate_fraction"): 1.0}


def with_later_keys(config: dict[str, Any]) -> dict[str, Any]:
    """Return a whole configuration with the keys that came after it was written.

    Sections that it lacks stay away: what else is wrong with it, `check_config` says.
    """
    return {key: _completed(value, (key,)) for key, value in config.items()}


def _completed(value: Any, place: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    later = {key: given for (*section, key), given in LATER.items() if tuple(section) == place}
    return later | {key: _completed(inner, (*place, key)) for key, inner in value.items()}
