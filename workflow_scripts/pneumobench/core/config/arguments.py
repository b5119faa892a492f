"""Values of `--config`: all of them are text, which their keys' kinds give a meaning."""

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from pneumobench.core.config.allowed import Node, find
from pneumobench.core.config.problems import Location, path_text
from pneumobench.core.config.reading import check_config_text
from pneumobench.core.errors import UserError

# As YAML has them.
SWITCHES = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
NOTHING = ("null", "~", "")
WHOLE = re.compile(r"[+-]?\d{1,18}")
NUMBER = re.compile(r"[+-]?(\d{1,18}\.?\d{0,18}|\.\d{1,18})([eE][+-]?\d{1,3})?")


def with_arguments(config: dict[str, Any], entries: Sequence[str]) -> dict[str, Any]:
    """Return the configuration with the values of `--config` as their keys take them.

    Snakemake reads `allow_partial=true` and what stands inside {} as text. A word becomes true or
    false where the key is a switch, digits a number where it takes one, and `null` nothing where
    it may be null; all else stays text, and a value that its key does not allow is found later.

    Parameters
    ----------
    config
        The configuration as Snakemake merged it; left as it is.
    entries
        What stands behind `--config`: `key=value`.

    Raises
    ------
    UserError
        If a value is no YAML, or a key is given twice.
    """
    merged, given = copy.deepcopy(config), set()
    for entry in entries:
        key, _, text = entry.partition("=")
        value = _typed(parsed(key, text), (key,))
        for place in _leaves(value, (key,)):
            if place in given:
                raise UserError(
                    f"the key {path_text(place)} is given twice, and only the last would count",
                    where="--config",
                    expected="every key once",
                    remedy="keep one of the two",
                )
            given.add(place)
        _merge(merged, key, value)
    return merged


def parsed(key: str, text: str) -> Any:
    """Return what YAML makes of a value when it knows nothing but text, lists and sections.

    Raises
    ------
    UserError
        If it is no YAML, or does not say one thing.
    """
    if "type" in _node((key,)) and not text.lstrip().startswith(("{", "[")):
        return text.strip().strip("\"'") if text.strip()[:1] in "\"'" else text.strip()
    check_config_text(f"{key}: {text}", f"--config {key}=...", subject="the value")
    return yaml.load(text, Loader=yaml.BaseLoader)


def _typed(value: Any, place: Location) -> Any:
    if isinstance(value, dict):
        return {key: _typed(child, (*place, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_typed(child, (*place, number)) for number, child in enumerate(value)]
    return _scalar(value, _node(place))


def _node(place: Location) -> Node:
    """Return the node of the schema at a place, an empty one where there is none."""
    try:
        return find(place)
    except KeyError:
        return {}


def _scalar(text: str, node: Node) -> Any:
    kinds = node.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if node.get("nullable") and text.lower() in NOTHING:
        return None
    if "boolean" in kinds and text.lower() in SWITCHES:
        return SWITCHES[text.lower()]
    if {"integer", "number"} & set(kinds):
        if WHOLE.fullmatch(text):
            return int(text)
        if NUMBER.fullmatch(text):
            return float(text)
    return text


def _leaves(value: Any, place: Location) -> Iterator[Location]:
    """Yield the places of a value that Snakemake replaces as a whole."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _leaves(child, (*place, key))
    else:
        yield place


def _merge(section: dict[str, Any], key: str, value: Any) -> None:
    """Merge as Snakemake does: sections key by key, everything else replaced."""
    if isinstance(value, dict) and isinstance(section.get(key), dict):
        for name, child in value.items():
            _merge(section[key], name, child)
    else:
        section[key] = value
