"""Mistakes in a configuration: how they are described, all of them in one error."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic_core import ErrorDetails

from pneumobench.core.config.allowed import children, find, in_words
from pneumobench.core.config.earlier import RENAMED
from pneumobench.core.config.experiment import ENTRY_TAG, NAME_TAG
from pneumobench.core.config.hints import hint_for
from pneumobench.core.config.misplaced import ALIKE, ENTRY, places_of, written
from pneumobench.core.config.secrets import (
    HIDDEN,
    is_secret,
    places_of_credentials,
    redacted,
)
from pneumobench.core.config.section import PLAIN_NAME_PATTERN
from pneumobench.core.errors import UserError
from pneumobench.core.names import alike, either, nearest

Location = tuple[str | int, ...]

LONGEST_VALUE = 80
# Places that are named for a key which many sections have.
MOST_PLACES = 6


@dataclass(frozen=True)
class Problem:
    """One mistake: key, value given, what is allowed, nearest valid name, what to do."""

    path: str
    given: str
    allowed: str
    hint: str
    nearest: str | None = None

    def __str__(self) -> str:
        """Return the lines that people read."""
        lines = [self.path, f"given:   {self.given}", f"allowed: {self.allowed}"]
        if self.nearest:
            lines.append(f"nearest: {self.nearest}")
        return "\n     ".join([*lines, f"hint:    {self.hint}"])


class ConfigError(UserError):
    """All mistakes of a configuration in one message.

    Parameters
    ----------
    problems
        The mistakes, at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        listed = (f"\n  {number}. {problem}" for number, problem in enumerate(self.problems, 1))
        super().__init__(
            f"{count} error{'s'[: count > 1]} in the configuration{''.join(listed)}",
            where="config.yaml, or the files and values given with --configfile and --config",
            expected="what docs/configuration.md lists for each key",
            remedy="correct all of the above and run the same command again",
        )


def path_text(location: Location) -> str:
    """Return a place as users write it.

    >>> path_text(("runs", 2, "model"))
    'runs[2].model'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".") or "the whole file"


def value_text(value: object) -> str:
    """Return a value in YAML's notation, shortened when long, without what may be secret."""
    value = redacted(value)
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except TypeError:  # A mapping whose keys are dates or lists.
        text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def problems_of_credentials(raw: object) -> list[Problem]:
    """Return a problem for each address with a name or a password, which logs would repeat."""
    return [
        Problem(
            path=path_text(place),
            given="an address with a name or a password, which is not repeated here",
            allowed="an address without them",
            hint="leave them out, and put them into ~/.netrc: machine HOST login NAME password ...",
        )
        for place in places_of_credentials(raw)
    ]


def location_of(error: ErrorDetails) -> Location:
    """Return the place of a pydantic error, without what pydantic adds to it."""
    return tuple(step for step in error["loc"] if step not in (NAME_TAG, ENTRY_TAG, "[key]"))


def problems_from(errors: Sequence[ErrorDetails], config: Any = None) -> list[Problem]:
    """Describe the errors that pydantic found in a configuration.

    A misspelt key of a section that must be complete is one mistake, not a missing key and an
    unknown one; so are all missing keys of one section, and a list whose only entry is wrong.

    Parameters
    ----------
    errors
        As pydantic gives them.
    config
        The configuration, which tells where a key belongs that stands on a wrong level.
    """
    places = [location_of(error) for error in errors]
    missing: dict[Location, list[str]] = {}
    for error, place in zip(errors, places, strict=True):
        if error["type"] == "missing":
            missing.setdefault(place[:-1], []).append(str(place[-1]))
    found = []
    for error, place in zip(errors, places, strict=True):
        kind = error["type"]
        if kind in ("extra_forbidden", "invalid_key"):
            problem = _unknown_key(place, error, config)
            absent = missing.get(place[:-1], [])
            if problem.nearest in absent:
                absent.remove(problem.nearest)
            found.append(problem)
        elif error["loc"][-1:] == ("[key]",):
            found.append(_bad_name(place))
        elif kind != "missing" and not (kind == "too_short" and _has_inner(place, places)):
            found.append(_bad_value(place, error["input"]))
    found.extend(_missing_keys(place, names) for place, names in missing.items() if names)
    return found


def _has_inner(place: Location, places: Sequence[Location]) -> bool:
    return any(other[: len(place)] == place and len(other) > len(place) for other in places)


def _unknown_key(place: Location, error: ErrorDetails, config: Any) -> Problem:
    keys = children(find(place[:-1]))
    if error["type"] == "invalid_key":
        # The input of this error is the key, such as true, which YAML makes of on.
        return Problem(
            path=path_text((*place[:-1], value_text(error["input"]))),
            given="a key that YAML does not read as text",
            allowed=", ".join(keys),
            hint="remove the key",
        )
    name = str(place[-1])
    shown = HIDDEN if is_secret(place[-1]) else value_text(error["input"])
    described = partial(Problem, path=path_text(place), allowed=", ".join(keys))
    renamed = RENAMED.get(name)
    if renamed in keys:
        given = f"a key of an earlier version with the value {shown}"
        return described(given=given, nearest=renamed, hint=f"write {renamed} instead")
    match = nearest(name, keys)
    like_one_here = bool(match and alike(name, [match], 1, ratio=ALIKE))
    elsewhere = _belongs(place, error["input"], config, exactly=like_one_here)
    unless = f", unless {elsewhere}" if elsewhere else ""
    here = f"write {match} instead{unless}" if match else "remove the key"
    return described(
        given=f"an unknown key with the value {shown}",
        nearest=match if like_one_here or not elsewhere else None,
        hint=here if like_one_here else elsewhere or here,
    )


def _belongs(place: Location, value: object, config: Any, *, exactly: bool) -> str | None:
    """Say where a key belongs that stands on a wrong level; None if there is no such place."""
    *below, key = place
    if place[:1] == ("runs",) and key == "timm":
        return f"write timm:{value}, without a space after the colon"
    places = places_of(str(key), tuple(below), config, exactly=exactly)
    if len(places) > 1:
        listed = [".".join(found).replace(f".{ENTRY}", ENTRY) for found in places]
        return f"it belongs to another section: {either(listed[:MOST_PLACES])}"
    if not places:
        return None
    (found,) = places
    if ENTRY in found:
        return f"it belongs to an entry of {found[0]}: {found[0]}[].{found[-1]}"
    text = written(found, "..." if isinstance(value, (dict, list)) else value_text(value))
    return f"it belongs {_level(found)}: {text}"


def _level(place: tuple[str, ...]) -> str:
    return f"below {'.'.join(place[:-1])}" if len(place) > 1 else "on the left edge of the file"


def _missing_keys(place: Location, names: list[str]) -> Problem:
    return Problem(
        path=path_text(place),
        given=f"nothing for {', '.join(names)}",
        allowed=in_words(find(place)),
        hint="write the missing keys; config.yaml shows every key with its meaning",
    )


def _bad_name(place: Location) -> Problem:
    name = place[-1]
    written = plain_name(name) if isinstance(name, str) else None
    return Problem(
        path=path_text(place),
        given=f"a section of the name {value_text(name)}",
        allowed=find(place[:-1])["propertyNames"]["$comment"],
        nearest=written,
        hint=f"write {written}" if written else f'write the name in quotes: "{name}"',
    )


def _bad_value(place: Location, value: object) -> Problem:
    node = find(place)
    match = None
    if isinstance(value, str):
        match = nearest(value, list(map(str, node.get("enum", []))))
        if node.get("pattern") == PLAIN_NAME_PATTERN:
            match = plain_name(value)
    elif isinstance(value, list) and place and f"{place[-1]}s" in children(find(place[:-1])):
        match = f"{place[-1]}s"  # The key that takes a list: seeds for seed.
    return Problem(
        path=path_text(place),
        given=value_text(value),
        allowed=in_words(node),
        nearest=match,
        hint=f"write {match}" if match else hint_for(value, node),
    )


def plain_name(text: str) -> str:
    """Return a plain folder name like `text`.

    >>> plain_name("My Run: 2nd/try")
    'my_run_2nd_try'
    """
    return re.sub("[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:64] or "name"
