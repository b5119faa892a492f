"""The images of Kermany et al. from Kaggle, or a data set laid out like them: the user's account.

Kaggle's own client signs in and asks for the address, `pneumobench.core.download` does the rest:
the client would fetch without checking room, and unpack whatever the archive says.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import requests

from pneumobench.core.attempts import patiently
from pneumobench.core.download import failure
from pneumobench.core.errors import UserError
from pneumobench.core.fetched import KERMANY_ON_KAGGLE
from pneumobench.data.sources.mendeley import unpack_radiographs
from pneumobench.data.sources.published import CITATION, Located, Published

SITE = "https://www.kaggle.com"
LOGIN = "~/.kaggle/credentials.json"
INSTEAD = "or fetch the same radiographs without an account: data.source: mendeley"

T = TypeVar("T")


def published_by_kaggle(options: Mapping[str, Any]) -> Published:
    """Describe a data set.

    Parameters
    ----------
    options
        dataset: owner/name.
    """
    dataset = options["dataset"]
    kermany = dataset == KERMANY_ON_KAGGLE
    return Published(
        title="Chest X-Ray Images (Pneumonia)" if kermany else f"Kaggle data set {dataset}",
        page=f"{SITE}/datasets/{dataset}",
        version=None,
        licence="CC BY 4.0" if kermany else None,
        citation=CITATION.format(version=2) if kermany else None,
        file=f"{dataset.partition('/')[2]}.zip",
        locate=lambda: _locate(dataset),
        unpack=unpack_radiographs,
    )


def _locate(dataset: str) -> Located:
    """Sign in and ask for the newest version of a data set and the address of its archive."""
    # Here: the client reads its surroundings on import. `kaggle` itself would sign in, print, and
    # end the process where it cannot; `kagglesdk` is the part of it that speaks with the server.
    from kagglesdk import KaggleClient
    from kagglesdk.datasets.types.dataset_api_service import (
        ApiDownloadDatasetRequest,
        ApiGetDatasetRequest,
    )

    credentials, place = _credentials()
    wanted, archive = ApiGetDatasetRequest(), ApiDownloadDatasetRequest()
    for request in (wanted, archive):
        request.owner_slug, request.dataset_slug = dataset.split("/")
    with KaggleClient(**credentials) as client:
        service = client.datasets.dataset_api_client
        found = _ask(lambda: service.get_dataset(wanted), dataset, place)
        version = found.current_version_number
        if version:
            archive.dataset_version_number = version
        # Streamed, and closed before its content comes.
        with _ask(lambda: service.download_dataset(archive), dataset, place) as response:
            if not response.history:
                raise _no_address(dataset)
            return Located(response.url, str(version) if version else None, found.license_name)


def _credentials() -> tuple[dict[str, str], str]:
    """Return what signs the user in, and where it stands; looked for where Kaggle's tools look."""
    from kagglesdk.kaggle_env import get_access_token_from_env

    try:
        token, place = get_access_token_from_env()
    except OSError:
        # It may be the path of a file; a long token is none that could be asked for.
        token, place = os.environ["KAGGLE_API_TOKEN"], "KAGGLE_API_TOKEN"
    if token:
        return {"api_token": _printable(token, place)}, place
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    place, file = "KAGGLE_USERNAME and KAGGLE_KEY", _folder() / "kaggle.json"
    if not (user and key):
        if not file.exists() and (token := _token_of_login()):
            return {"api_token": token}, LOGIN
        user, key, place = *_key_in_file(file), str(file)
    return {"username": _printable(user, place), "password": _printable(key, place)}, place


def _token_of_login() -> str | None:
    """Return the token of `kaggle auth login`, renewed where it has expired; None without one."""
    from kagglesdk import KaggleClient
    from kagglesdk.kaggle_creds import KaggleCredentials

    try:
        with KaggleClient() as client:
            login = KaggleCredentials.load(client=client)
            return login and patiently(login.get_access_token)
    except requests.RequestException as error:
        raise _refusal(error, KERMANY_ON_KAGGLE, LOGIN) from None
    except (OSError, ValueError, TypeError, RecursionError):
        raise UserError(
            "the file with the Kaggle login cannot be read",
            where=LOGIN,
            expected="the file as `kaggle auth login` wrote it",
            remedy=f"remove it and sign in again; {INSTEAD}",
        ) from None


def _folder() -> Path:
    """Return the folder of Kaggle's tools."""
    if given := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(given)
    folder = Path.home() / ".kaggle"
    if sys.platform.startswith("linux") and not folder.exists():
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"
    return folder


def _key_in_file(file: Path) -> tuple[str, str]:
    """Return the user's name and key."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return content["username"], content["key"]
    except FileNotFoundError:
        raise UserError(
            "there is no Kaggle token",
            where=f"KAGGLE_API_TOKEN, ~/.kaggle/access_token, {file}",
            expected=f"the token of an account, from {SITE}/settings",
            remedy="make one there (API, Generate new token), put it into ~/.kaggle/access_token "
            f"and keep that to yourself (chmod 600); {INSTEAD}",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # Without its cause, which would show what stands in the file.
        raise UserError(
            "the file with the Kaggle token cannot be read",
            where=str(file),
            expected='{"username": ..., "key": ...}, as Kaggle made it',
            remedy=f"make a new token at {SITE}/settings; {INSTEAD}",
        ) from None


def _printable(secret: Any, place: str) -> str:
    """Return a secret that can stand in a request's header."""
    text = secret.strip() if isinstance(secret, str) else ""
    if text and text.isascii() and text.isprintable() and " " not in text:
        return text
    raise UserError(
        "the Kaggle token is none",
        where=place,
        expected="letters, digits and signs without a space or a line break between them",
        remedy=f"copy it again, or make a new one at {SITE}/settings; {INSTEAD}",
    )


def _ask(request: Callable[[], T], dataset: str, place: str) -> T:
    """Return the answer to a request, or say why there is none."""
    try:
        return patiently(request)
    except requests.RequestException as error:
        # Without their causes: the texts of those may hold addresses that are signed.
        raise _refusal(error, dataset, place) from None


def _refusal(error: requests.RequestException, dataset: str, place: str) -> UserError:
    # Behind a redirection it is the storage that refuses, which knows no accounts.
    asked = isinstance(error, requests.HTTPError) and not error.response.history
    status = error.response.status_code if asked else None
    page = f"{SITE}/datasets/{dataset}"
    if status == HTTPStatus.UNAUTHORIZED:
        return UserError(
            "Kaggle does not accept the token",
            where=place,
            expected="a token that is valid and has not expired",
            remedy=f"make a new one at {SITE}/settings; {INSTEAD}",
        )
    if status == HTTPStatus.FORBIDDEN:
        return UserError(
            "Kaggle does not hand this data set out to the account",
            where=f"data.kaggle.dataset: {dataset}",
            expected="an account that accepted the terms of the data set",
            remedy=f"sign in, open {page} and accept what is asked there; {INSTEAD}",
        )
    if status == HTTPStatus.NOT_FOUND:
        return UserError(
            "Kaggle has no data set of this name",
            where=f"data.kaggle.dataset: {dataset}",
            expected=f"owner/name of one that the account may see, as in {KERMANY_ON_KAGGLE}",
            remedy=f"see whether {page} opens in a browser, and correct the name",
        )
    return UserError(
        f"Kaggle does not answer as it should: {failure(error, SITE)}",
        where=page,
        expected="a connection to Kaggle",
        remedy="run the same command again later, where there is network (`snakemake fetch` on the "
        f"login node); {INSTEAD}",
    )


def _no_address(dataset: str) -> UserError:
    return UserError(
        "Kaggle's answer names no address to fetch the archive from",
        where=f"data.kaggle.dataset: {dataset}",
        expected="a redirection to the archive",
        remedy=f"download the archive by hand from {SITE}/datasets/{dataset} and put it where "
        f"docs/data.md says; {INSTEAD}",
    )
