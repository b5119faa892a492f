"""Configurations of earlier versions: keys that were renamed, and keys that came later."""

from typing import Any

# Today's name of each key that was renamed. A configuration that holds an old one is refused with
# the new name; an archive's own is read.
RENAMED = {
    "archive_films": "archive_radiographs",
    "equalisation": "preprocessing",
}
# What each key has to be for the pipeline to do what it did before there was the key.
LATER = {
    ("data", "checks", "maximum_near_duplicate_fraction"): 1.0,
    ("split", "repeats"): 1,
    ("evaluation", "label_errors"): False,
    ("evaluation", "margin"): 1.0,
    ("evaluation", "preregistered"): None,
    ("split", "patient_key"): "name",
    ("explanation", "mistakes"): 0,
    ("figures",): {"runs": None, "font_size": 8, "width": 183, "format": ["png", "pdf"]},
}


def as_written_today(config: dict[str, Any]) -> dict[str, Any]:
    """Return an archive's whole configuration with today's keys.

    Below the top level stand names that users chose: those keys that were renamed there were so
    before the first archive. Sections that it lacks stay away: what else is wrong with it,
    `check_config` says.
    """
    return _completed({RENAMED.get(key, key): value for key, value in config.items()}, ())


def _completed(value: Any, place: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    later = {key: given for (*section, key), given in LATER.items() if tuple(section) == place}
    return later | {key: _completed(inner, (*place, key)) for key, inner in value.items()}
