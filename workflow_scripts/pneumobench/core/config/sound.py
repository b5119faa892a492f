"""The values of a configuration that checks across keys may rely on."""

from collections.abc import Sequence
from typing import Any

from pneumobench.core.config.problems import Location


class SoundValues:
    """The values of a configuration that are valid in themselves.

    Parameters
    ----------
    raw
        The configuration as YAML gives it.
    unsound
        The places where something is wrong; what lies above or below them is not shown either.
    """

    def __init__(self, raw: Any, unsound: Sequence[Location]) -> None:
        self.raw, self.unsound = raw, unsound

    def get(self, *place: str | int) -> Any:
        """Return the value at a place, None where there is none or something is wrong with it."""
        for wrong in self.unsound:
            shared = min(len(wrong), len(place))
            if wrong[:shared] == place[:shared]:
                return None
        return self._at(place)

    def names(self, *place: str) -> list[str]:
        """Return the names in a section whose contents may be wrong."""
        value = self._at(place)
        keys = value if isinstance(value, dict) else ()
        return [key for key in keys if isinstance(key, str) and key]

    def count(self, *place: str | int) -> int:
        """Return the length of a list whose contents may be wrong."""
        value = self._at(place)
        return len(value) if isinstance(value, (list, tuple)) else 0

    def _at(self, place: Location) -> Any:
        value = self.raw
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value
