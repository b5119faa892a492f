"""Secrets have no place in a configuration: logs, reports and archives repeat it."""

import re
from collections.abc import Iterator
from typing import Any

from pneumobench.core.config.allowed import find

# Name and password in an address: all up to the last @ of the word, where one stands before the
# first slash, or what looks like a port there is none (a password with a slash).
CREDENTIALS = re.compile(
    r"(?:\w{1,32}:|(?<![^\s\"'=]))[/\\]{2}"
    r"(?=[^\s\"'{}\[\]/\\@]{0,512}@|[^\s\"'{}\[\]/\\@:]{0,128}:(?!\d*(?:[/\\]|$)))"
    r"[^\s\"'{}\[\]]{0,512}@"
)
# The same in an address without its scheme; in other texts an @ behind a colon is none.
LOGIN = re.compile(r"[^\s\"'{}\[\]()?/\\:@]{1,128}:[^\s\"'{}\[\]/\\@]{0,256}@")
QUERY_NAMES = re.compile(r"[?&]([\w-]+)=")
QUERY = re.compile(r"(?<=://)([^\s\"'?]*)\?[^\s\"']*")
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|secret|token$|credential|api_?key|(^|_)key$|auth$|authorization|cookie|signature",
    re.IGNORECASE,
)
HIDDEN = "***"


def has_credentials(text: str, *, address: bool = False) -> bool:
    """Whether a text holds an address with a name or a password.

    In one that is or may be an `address`, the scheme may be missing.

    >>> has_credentials("https://me:word@mirror.example/a"), has_credentials("ward 12:30@east")
    (True, False)
    """
    return bool(CREDENTIALS.search(text) or (address and LOGIN.search(text)))


def is_secret(name: object) -> bool:
    """Whether a key's name says that its value is a secret."""
    return isinstance(name, str) and name != "patient_key" and SECRET_NAME.search(name) is not None


def redacted(value: Any) -> Any:
    """Return a value to be shown: what may be secret in it, at any depth, is replaced by ***."""
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret(key) else redacted(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(child) for child in value]
    if not isinstance(value, str):
        return value
    without = LOGIN.sub(f"{HIDDEN}@", CREDENTIALS.sub(f"{HIDDEN}@", value))
    return QUERY.sub(rf"\1?{HIDDEN}", without)


def names_of_secrets(value: Any) -> Iterator[str]:
    """Yield the keys of a value, at any depth, that say that a secret stands there.

    YAML takes `{token:word}` for a key; addresses have names behind a question mark.
    """
    if isinstance(value, dict):
        yield from (name for key in value if is_secret(name := re.split("[:=]", key)[0].strip()))
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from names_of_secrets(child)
    elif isinstance(value, str):
        yield from filter(is_secret, QUERY_NAMES.findall(value))


def places_of_credentials(value: Any, place: tuple = ()) -> Iterator[tuple]:
    """Yield the places of all texts that hold an address with a name or a password.

    Where it is a key that does, the place is that of its section.
    """
    if isinstance(value, dict):
        if any(isinstance(key, str) and has_credentials(key, address=True) for key in value):
            yield place
        for key, child in value.items():
            yield from places_of_credentials(child, (*place, key))
    elif isinstance(value, (list, tuple)):
        for number, child in enumerate(value):
            yield from places_of_credentials(child, (*place, number))
    elif isinstance(value, str) and has_credentials(value, address=_may_be_address(place)):
        yield place


def _may_be_address(place: tuple) -> bool:
    """Whether a place is one of an address, or of nothing that the configuration knows."""
    try:
        find(place)
    except KeyError:
        return True
    return place[:1] == ("downloads",)
