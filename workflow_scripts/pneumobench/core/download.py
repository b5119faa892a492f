"""Fetching one file over HTTP: whole and right, or not at all."""

import hashlib
import logging
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path

logger = logging.getLogger(__name__)

TIMEOUT = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""

BLOCK = 1 << 20


def download(url: str, path: Path, *, sha256_start: str = "", remedy: str) -> str:
    """Fetch a file, so that `path` is either the whole file or not there.

    Parameters
    ----------
    url
        Address, http or https.
    path
        Where to put the file.
    sha256_start
        First hexadecimal digits of the file's SHA-256, as far as they are known.
    remedy
        What the user can do when the file cannot be had.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    UserError
        If the server cannot be reached, refuses, breaks off or sends another file, or if there is
        no room for the file.
    """
    logger.info("fetching %s", url)
    with atomic_path(path) as temporary:
        try:
            digest = _stream(url, temporary)
        except requests.RequestException as error:
            raise UserError(
                f"the download failed: {_reason(error, url)}",
                where=url,
                expected="a server that can be reached and sends the whole file",
                remedy=remedy,
            ) from error
        except OSError as error:
            raise UserError(
                f"the download cannot be written: {error.strerror or error}",
                where=str(path),
                expected="room on the disk, and the right to write there",
                remedy="make room, then run the same command again",
            ) from error
        check_sha256(digest, sha256_start, where=url, remedy=remedy)
    return digest


def check_sha256(digest: str, start: str, *, where: str, remedy: str) -> None:
    """Refuse a file whose SHA-256 does not begin as it should.

    Parameters
    ----------
    digest
        The file's SHA-256, hexadecimal.
    start
        How it should begin; an empty text accepts every file.
    where, remedy
        The file, and what the user can do about it.

    Raises
    ------
    UserError
        If it begins otherwise.
    """
    if not digest.startswith(start):
        raise UserError(
            f"the file is not the published one: its SHA-256 begins with {digest[: len(start)]}",
            where=where,
            expected=f"a SHA-256 that begins with {start}",
            remedy=remedy,
        )


def _stream(url: str, path: Path) -> str:
    digest = hashlib.sha256()
    # Packed on the way, the length that the server states would not be the file's.
    headers = {"Accept-Encoding": "identity"}
    with (
        requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response,
        path.open("wb") as stream,
    ):
        response.raise_for_status()
        length = int(response.headers.get("Content-Length", 0)) or None
        name = urlsplit(url).path.rpartition("/")[2]
        with tqdm(total=length, desc=name, unit="B", unit_scale=True, disable=None) as bar:
            for block in response.iter_content(BLOCK):
                stream.write(block)
                digest.update(block)
                bar.update(len(block))
    return digest.hexdigest()


def _reason(error: requests.RequestException, url: str) -> str:
    """Say in a few words what requests says in many."""
    host = urlsplit(url).netloc
    if isinstance(error, requests.HTTPError):
        return f"{host} answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{host} broke off before the end of the file"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} cannot be verified"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy in front of {host} cannot be reached"
    if isinstance(error, requests.Timeout):
        return f"{host} does not answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"there is no connection to {host}"
    return str(error)
