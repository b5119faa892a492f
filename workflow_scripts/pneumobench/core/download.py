"""Fetching one file over HTTP: whole and right, or not at all."""

import hashlib
import logging
from pathlib import Path

import requests
from tqdm import tqdm

from pneumobench.core.attempts import PassingError, patiently
from pneumobench.core.errors import UserError
from pneumobench.core.provenance import file_sha256
from pneumobench.core.room import writing_failed
from pneumobench.core.transfer import Partial, transfer, without_secrets

logger = logging.getLogger(__name__)


def download(url: str, path: Path, *, sha256_start: str = "", md5: str = "", remedy: str) -> str:
    """Fetch a file, so that `path` is either the whole file or not there.

    Broken connections are taken up again where they broke. What came before a failure stays beside
    `path` as `<name>.part`, and the next call goes on from there.

    Parameters
    ----------
    url
        Address, http or https. Name, password and query appear in no log and no error.
    path
        Where to put the file.
    sha256_start
        First hexadecimal digits of the file's SHA-256, as far as they are known.
    md5
        The file's MD5, hexadecimal, where its publisher states nothing better.
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
    shown, partial = without_secrets(url), Partial(path, url)
    logger.info("fetching %s", shown)
    # Without their causes: the texts of those hold whole addresses.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if partial.begun():
            logger.info("resuming after %d bytes that are there already", partial.size)
        with tqdm(desc=path.name, unit="B", unit_scale=True, disable=None) as bar:
            patiently(lambda: transfer(url, partial, bar), lambda: partial.size)
        return _finish(partial, path, sha256_start, md5, remedy)
    except requests.RequestException as error:
        raise UserError(
            f"the download failed: {failure(error, url)}",
            where=shown,
            expected="a server that can be reached and sends the whole file",
            remedy=remedy,
        ) from None
    except OSError as error:
        raise writing_failed(error, path) from None


def _finish(partial: Partial, path: Path, sha256_start: str, md5: str, remedy: str) -> str:
    """Check the whole file and name it; return its SHA-256."""
    digest = file_sha256(partial.path)
    try:
        check_sha256(digest, sha256_start, where=partial.url, remedy=remedy)
        check_md5(partial.path, md5, where=partial.url, remedy=remedy)
    except UserError:
        partial.remove()
        raise
    partial.finish(path)
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


def check_md5(file: Path, md5: str, *, where: str, remedy: str) -> None:
    """Refuse a file with another MD5, which tells damage from the published file, not malice.

    Parameters
    ----------
    file
        The file.
    md5
        What it should be, hexadecimal; an empty text accepts every file.
    where, remedy
        What the error names, and what the user can do about it.

    Raises
    ------
    UserError
        If it is another one.
    """
    if not md5:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        raise UserError(
            f"the file is not the published one: its MD5 is {found}",
            where=where,
            expected=f"the MD5 {md5}",
            remedy=remedy,
        )


def failure(error: requests.RequestException, url: str) -> str:
    """Say in a few words, without secrets, what requests says in many."""
    host = without_secrets(url).partition("://")[2].partition("/")[0]
    if isinstance(error, requests.HTTPError):
        return f"{host} answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, PassingError):
        return f"{host} {error}"
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
    return f"the address is none that could be asked ({type(error).__name__})"
