"""Patients by a regular expression of the user's, which may be one that never ends."""

import re
import signal
import threading
import time
from types import FrameType

from pneumobench.core.errors import UserError

# Seconds for all paths together, and for each one more. Usual patterns take a millionth.
PATIENCE, PATIENCE_OF_EACH = 5.0, 2e-4
KEY = "data.directory.patient_pattern"


class PatientPattern:
    """Finds patients in paths.

    Parameters
    ----------
    pattern
        A regular expression whose group `patient`, or else its first group, is the patient.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self.group = "patient" if "patient" in self.pattern.groupindex else 1
        self.left = PATIENCE

    def patient(self, path: str) -> str:
        """Return the patient in a path, an empty text where the pattern finds none.

        Raises
        ------
        UserError
            If the search takes too long: some patterns try more ways than there are seconds.
        """
        begun = time.monotonic()
        match = self._search(path)
        self.left += PATIENCE_OF_EACH - (time.monotonic() - begun)
        return (match[self.group] or "") if match else ""

    def _search(self, path: str) -> re.Match[str] | None:
        """Search until an alarm rings, which `re` hears; in other threads none can be set."""
        if threading.current_thread() is not threading.main_thread():
            return self.pattern.search(path)

        def stop(_number: int, _frame: FrameType | None) -> None:
            raise UserError(
                "the pattern of patients takes too long to search",
                where=f"{KEY}: {self.pattern.pattern}, at the path {path[:200]}",
                expected="a pattern that tells in a moment whether a path matches",
                remedy="repeat nothing that is repeated already, as in (a+)+ or (.*)*; write what "
                r"stands there, as in /(?P<patient>p\d+)_",
            )

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(self.left, 0.01))
        try:
            return self.pattern.search(path)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
