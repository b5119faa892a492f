"""Stopping in good order: signals, and the time limit of the job."""

import contextlib
import logging
import signal
import time
from collections.abc import Iterator

logger = logging.getLogger(__name__)

EXIT_STATUS = 75
"""sysexits.h: temporary failure; doing the same again goes on where it stopped."""

# Seconds that are left for saving and for the processes around the job.
RESERVE = 90.0


class InterruptedJobError(Exception):
    """The job saved its state and stops; the same command goes on from there."""


class Interruption:
    """Knows whether the job has been asked to stop, or is about to run out of time.

    Parameters
    ----------
    runtime_minutes
        Time limit of the job counted from now, None without one.
    """

    def __init__(self, runtime_minutes: float | None = None) -> None:
        self.signal: int | None = None
        self.deadline: float | None = None
        if runtime_minutes is not None:
            limit = runtime_minutes * 60
            # A limit of a few minutes still leaves half of it for work.
            self.deadline = time.monotonic() + max(limit - RESERVE, limit / 2)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as requests to stop, inside the block."""
        before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: object) -> None:
        self.signal = number
        logger.warning("%s received: finishing the step", signal.Signals(number).name)

    @property
    def reason(self) -> str | None:
        """Why the job should stop now, None while it may go on."""
        if self.signal is not None:
            return f"{signal.Signals(self.signal).name} was received"
        if self.deadline is not None and time.monotonic() > self.deadline:
            return "the job's time limit (resources: runtime) is close"
        return None
