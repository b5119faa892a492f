"""A file on its way over HTTP: its bytes so far, what they are of, and one try to get the rest."""

import json
import os
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from pneumobench.core.attempts import PassingError
from pneumobench.core.room import check_room

TIMEOUT = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""

# What a broken connection loses of what came already.
BLOCK = 1 << 16

_HEADERS = {
    # Packed on the way, the length that the server states would not be the file's.
    "Accept-Encoding": "identity",
    # Some publishers refuse programs that do not look like a browser's relative.
    "User-Agent": "Mozilla/5.0 (compatible; pneumobench)",
}


def without_secrets(url: str) -> str:
    """Return an address without what may be secret: name and password, query, fragment.

    >>> without_secrets("https://me:password@mirror.example:8443/a/b.zip?token=1#2")
    'https://mirror.example:8443/a/b.zip'
    """
    scheme, separator, rest = re.fullmatch(r"(?:(\w+)(://))?(.*)", url, re.DOTALL).groups("")
    authority, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


class Partial:
    """The first bytes of a file, beside the place where the whole of it will lie.

    `<name>.part` holds the bytes, `<name>.part.json` what the server said of the file that they
    are of: address (without secrets), validator (a strong ETag, or Last-Modified) and length.

    Parameters
    ----------
    target
        Path of the whole file.
    url
        Address; its secrets may differ from try to try.
    """

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self.record = target.with_name(f"{target.name}.part.json")
        self.url = without_secrets(url)

    @property
    def size(self) -> int:
        """Number of bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def begun(self) -> dict[str, Any] | None:
        """Return the record of bytes that can be continued, None where there are none."""
        try:
            said = json.loads(self.record.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        if not isinstance(said, dict) or said.keys() != {"url", "validator", "length"}:
            return None
        return said if said["url"] == self.url and said["validator"] and self.size else None

    def start_over(self, response: requests.Response) -> None:
        """Forget the bytes; note what the file is of that the response brings from its start."""
        # In this order: bytes without a record are never continued.
        self.remove()
        record = {
            "url": self.url,
            "validator": _validator(response),
            "length": _number(response.headers.get("Content-Length")),
        }
        self.record.write_text(json.dumps(record), encoding="utf-8")

    def remove(self) -> None:
        """Remove bytes and record."""
        self.path.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the bytes their final name."""
        os.replace(self.path, target)
        self.record.unlink(missing_ok=True)


def transfer(url: str, partial: Partial, bar: tqdm) -> None:
    """Try once to get the bytes that are missing; afterwards none is.

    Bytes are continued only where the server proves that they are of the same file (If-Range);
    where it cannot, ignores ranges, or has another file by now, all are fetched anew.

    Parameters
    ----------
    url
        Address.
    partial
        The bytes so far; what comes is added at once, whatever happens next.
    bar
        Shows progress.

    Raises
    ------
    requests.RequestException
        If the request fails, the connection breaks off or the server contradicts itself.
    UserError
        If there is no room for the rest.
    OSError
        If writing fails.
    """
    begun = partial.begun()
    if begun and partial.size == begun["length"]:
        return
    headers = dict(_HEADERS)
    if begun:
        headers |= {"Range": f"bytes={partial.size}-", "If-Range": begun["validator"]}
    with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
        length = _length_to_expect(response, partial, begun)
        check_room(partial.path.parent, max(0, (length or 0) - partial.size))
        bar.total, bar.n = length, partial.size
        with partial.path.open("ab") as stream:
            for block in response.iter_content(BLOCK):
                stream.write(block)
                # At once, so that it is there if this process is killed.
                stream.flush()
                bar.update(len(block))
            os.fsync(stream.fileno())
    if length is not None and partial.size != length:
        raise PassingError("sent another number of bytes than it had said")


def _length_to_expect(
    response: requests.Response, partial: Partial, begun: dict[str, Any] | None
) -> int | None:
    """Return the whole file's length, None if unknown; what is there fits the response then."""
    if begun and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        partial.remove()
        raise PassingError("has not as many bytes as it sent before")
    response.raise_for_status()
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise PassingError("sent a web page instead of the file")
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        if begun and _continues(response, partial.size, begun):
            return begun["length"]
        partial.remove()
        raise PassingError("sent another part of the file than it was asked for")
    partial.start_over(response)
    return _number(response.headers.get("Content-Length"))


def _continues(response: requests.Response, size: int, begun: dict[str, Any]) -> bool:
    """Tell whether a partial response brings the bytes from `size` on of the same file."""
    given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not given or int(given[1]) != size:
        return False
    if given[2] != "*" and begun["length"] is not None and int(given[2]) != begun["length"]:
        return False
    # Not every server heeds If-Range.
    return _validator(response) in (begun["validator"], None)


def _validator(response: requests.Response) -> str | None:
    """Return what tells this version of the file from others, as If-Range takes it."""
    etag = response.headers.get("ETag", "")
    strong = etag.startswith('"')
    return etag if strong else response.headers.get("Last-Modified")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
