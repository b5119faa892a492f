"""Secrets have no place in a configuration: logs, reports and archives repeat it."""

import re
from collections.abc import Iterator
from typing import Any

# Name and password in an address, with or without its scheme: all up to the last @ of the word.
CREDENTIALS = re.compile(
    r"(?:\w{1,32}:|(?<![^\s\"'=]))[/\\]{2}[^\s\"'{}\[\]]{0,512}@"
    r"|[^\s\"'{}\[\]()?/\\:@]{1,128}:[^\s\"'{}\[\]/\\@]{0,256}@"
)
QUERY = re.compile(r"(?<=://)([^\s\"'?]*)\?[^\s\"']*")
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|secret|token$|credential|api_?key|(^|_)key$|auth$|authorization|cookie|signature",
    re.IGNORECASE,
)
HIDDEN = "***"


def has_credentials(text: str) -> bool:
    """Whether a text holds an address with a name or a password.

    >>> has_credentials("https://me:word@mirror.example/a"), has_credentials("IM-(\\\\d+)@2x")
    (True, False)
    """
    return CREDENTIALS.search(text) is not None


def is_secret(name: object) -> bool:
    """Whether a key's name says that its value is a secret."""
    return isinstance(name, str) and SECRET_NAME.search(name) is not None


def redacted(value: Any) -> Any:
    """Return a value to be shown: what may be secret in it, at any depth, is replaced by ***."""
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret(key) else redacted(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(child) for child in value]
    if not isinstance(value, str):
        return value
    return QUERY.sub(rf"\1?{HIDDEN}", CREDENTIALS.sub(f"{HIDDEN}@", value))


def places_of_credentials(value: Any, place: tuple = ()) -> Iterator[tuple]:
    """Yield the places of all texts that hold an address with a name or a password.

    Where it is a key that does, the place is that of its section.
    """
    if isinstance(value, dict):
        if any(isinstance(key, str) and has_credentials(key) for key in value):
            yield place
        for key, child in value.items():
            yield from places_of_credentials(child, (*place, key))
    elif isinstance(value, (list, tuple)):
        for number, child in enumerate(value):
            yield from places_of_credentials(child, (*place, number))
    elif isinstance(value, str) and has_credentials(value):
        yield place
