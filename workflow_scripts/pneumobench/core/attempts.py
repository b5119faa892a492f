"""Whether a failed request over the network is worth another try, and after what pause."""

import email.utils
import logging
import random
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import requests
import tenacity
from urllib3.exceptions import NewConnectionError

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
"""Seconds. Pauses double; a server that asks for a longer one than the longest is given up."""

FRUITLESS, UNREACHABLE = 7, 2
"""Tries in a row that bring nothing new; fewer where nobody answers, as without network."""

PROGRESS = 1 << 20
"""Bytes that make a try a fruitful one, so that a server cannot hold a job for ever."""

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

T = TypeVar("T")


class PassingError(requests.RequestException):
    """An answer that another try may well better; its text says what was wrong, without address."""


def patiently(request: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
    """Return what a request returns, after as many tries as it is worth.

    Tries are made again after broken connections, timeouts, 429 and the like, and faults of the
    server (5xx), not after a refusal (401, 403, 404).

    Parameters
    ----------
    request
        Raises `requests.RequestException` where it fails.
    progress
        Returns how many bytes are there; tries that bring more do not count.

    Raises
    ------
    requests.RequestException
        That of the last try.
    """
    tries = _Tries(progress)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_passes),
        after=tries.count,
        wait=tries.pause,
        stop=tries.enough,
        before_sleep=_report,
        reraise=True,
    )
    return retrying(request)


class _Tries:
    """Counts the tries since there was progress."""

    def __init__(self, progress: Callable[[], int]) -> None:
        self.progress, self.furthest, self.fruitless = progress, progress(), 0

    def count(self, _: tenacity.RetryCallState) -> None:
        reached = self.progress()
        if reached >= self.furthest + PROGRESS:
            self.furthest, self.fruitless = reached, 0
        self.fruitless += 1

    def pause(self, state: tenacity.RetryCallState) -> float:
        growing = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.fruitless - 1))
        # Jobs that broke off together should not come back together.
        return max(_asked_pause(state.outcome.exception()), growing * random.uniform(0.7, 1.0))

    def enough(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception()
        if _asked_pause(error) > LONGEST_PAUSE:
            return True
        return self.fruitless >= (UNREACHABLE if _is_unreachable(error) else FRUITLESS)


def _passes(error: BaseException) -> bool:
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE" not in str(error).upper()
    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, (*broken, PassingError))


def _is_unreachable(error: BaseException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(cause, NewConnectionError)


def _asked_pause(error: BaseException) -> float:
    """Return the seconds that a server asks to wait (Retry-After: a number or a date), else 0."""
    if not isinstance(error, requests.HTTPError):
        return 0.0
    asked = error.response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0


def _report(state: tenacity.RetryCallState) -> None:
    # The kind alone: the texts of these errors hold whole addresses.
    error = state.outcome.exception()
    kind = error.response.status_code if isinstance(error, requests.HTTPError) else type(error)
    name = getattr(kind, "__name__", kind)
    logger.info(
        "attempt %d: %s; retrying in %.0f s", state.attempt_number, name, state.upcoming_sleep
    )
