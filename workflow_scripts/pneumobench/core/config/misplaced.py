"""Keys on the wrong level: where the configuration has a key of that name."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pneumobench.core.config.allowed import ANY_NAME, Node, children, find, resolve
from pneumobench.core.config.data import Data
from pneumobench.core.names import alike

Location = tuple[str | int, ...]
ENTRY = "[]"
"""Stands for an entry of a list in the places of keys."""
EXTERNAL = "external"
SOURCES = get_args(Data.model_fields["source"].annotation)
# How like a key must be to one of another section.
ALIKE = 0.8


def places_of(
    key: str, below: Location, config: Any, *, exactly: bool = False
) -> list[tuple[str, ...]]:
    """Return where the configuration has a key of a name or, unless `exactly`, of one very like it.

    Places within the section where the key was found come before all others; of the sections of
    sources, which have keys of the same names, that of the source in use counts.

    Parameters
    ----------
    key
        A key that the section does not have.
    below
        The section where it stands.
    config
        The whole configuration as YAML gives it.
    """
    known = _all_places()
    names = [key] if key in known or exactly else alike(key, known, 1, ratio=ALIKE)
    found = [place for name in names for place in known.get(name, [])]
    # Nobody writes the second source of images by mistake.
    if below[:1] == (EXTERNAL,):
        found = [(EXTERNAL, *place[1:]) if place[0] == "data" else place for place in found]
    found = [place for place in found if place[: len(below)] == below] or found
    source = _at(config, below[0] if below[:1] == (EXTERNAL,) else "data", "source")
    used = [place for place in found if len(place) < 3 or place[1] not in SOURCES]
    used += [place for place in found if place[1:2] == (source,)]
    return [_named(place, config) for place in dict.fromkeys(used or found)]


def written(place: tuple[str, ...], value: str) -> str:
    """Return a key with its sections on one line of YAML.

    >>> written(("data", "table", "path"), '"a.csv"')
    'data: {table: {path: "a.csv"}}'
    """
    *sections, key = place
    text = f"{key}: {value}"
    for section in reversed(sections):
        text = f"{section}: {{{text}}}"
    return text


@cache
def _all_places() -> dict[str, list[tuple[str, ...]]]:
    """Return the places of all keys by their names."""
    places: dict[str, list[tuple[str, ...]]] = {}
    for place in _places(find(()), ()):
        places.setdefault(place[-1], []).append(place)
    return places


def _places(node: Node, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, child in children(node).items():
        place = (*above, key)
        if key != ANY_NAME:
            yield place
        # It has the keys of data once more.
        if place != (EXTERNAL,):
            child = resolve(child)
            yield from _places(child, place)
            if "items" in child:
                yield from _places(resolve(child["items"]), (*place, ENTRY))


def _named(place: tuple[str, ...], config: Any) -> tuple[str, ...]:
    """Return a place with the recipe that runs use in place of any."""
    recipe = _at(config, "defaults", "recipe")
    known = isinstance(recipe, str)
    return tuple(recipe if known and step == ANY_NAME else step for step in place)


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value
