"""Names of networks in a configuration: which there are, and which a wrong one may mean."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pneumobench.core.config.problems import Location, Problem, path_text, value_text
from pneumobench.core.names import alike

PREFIX = "timm:"
# As long as a folder's name may be, with room for what stands beside it.
TIMM_NAME = re.compile(r"timm:[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# How the prefix is written by mistake.
LIKE_PREFIX = re.compile(r"timm\W+", re.IGNORECASE)
# A shorter part of a name says nothing of it.
SHORTEST = 3
# How many names are named, and how alike they are.
MOST, ALIKE = 3, 0.6


@dataclass(frozen=True)
class Networks:
    """The networks that runs can name.

    Attributes
    ----------
    architectures
        Names of the architectures that exist.
    backbones
        Gives the names of timm's backbones, without `timm:`, when one must be looked up; where it
        gives none, `timm:<name>` is accepted whatever the name.
    summary
        Says in a few words what an architecture is.
    """

    architectures: Sequence[str]
    backbones: Callable[[], Collection[str]] = tuple
    summary: Callable[[str], str] = str

    def problem(self, place: Location, name: str) -> Problem | None:
        """Return what is wrong with a name; None if a network has it."""
        if not name.startswith(PREFIX):
            return None if name in self.architectures else self._no_architecture(place, name)
        if not TIMM_NAME.fullmatch(name):
            return Problem(
                path=path_text(place),
                given=value_text(name),
                allowed="timm:<name>, the name of letters, digits, _, . and - (100 at most)",
                hint="write a name that timm.list_models() lists, as in timm:mobilenetv3_small_100",
            )
        # What stands behind a point names weights.
        backbone, backbones = name.removeprefix(PREFIX).partition(".")[0], self.backbones()
        if not backbones or backbone in backbones:
            return None
        return self._no_backbone(place, name, backbone)

    def _no_backbone(self, place: Location, name: str, backbone: str) -> Problem:
        own = [other for other in self.architectures if _bare(other) == _bare(backbone)]
        found = own or _like(backbone, {other: f"{PREFIX}{other}" for other in self.backbones()})
        search = "search for one: python -c \"import timm; print(timm.list_models('*part*'))\""
        return Problem(
            path=path_text(place),
            given=f"{value_text(name)}, which the timm installed here does not have",
            allowed="timm:<name>, a name that timm.list_models() lists",
            nearest=found[0] if found else None,
            hint=f"write {_either(found)}" if found else search,
        )

    def _no_architecture(self, place: Location, name: str) -> Problem:
        found = self._meant(LIKE_PREFIX.sub("", name))
        described = [self._described(other) for other in found] if len(found) > 1 else found
        return Problem(
            path=path_text(place),
            given=value_text(name),
            allowed=", ".join([*self.architectures, "timm:<name>"]),
            nearest=found[0] if found else None,
            hint=f"write {_either(described)}" if found else "take one of the allowed names",
        )

    def _meant(self, name: str) -> list[str]:
        """Return the networks that a name means but for its spelling, else those most like it."""
        bare = _bare(name)
        own = {other: other for other in self.architectures}
        backbones = {other: f"{PREFIX}{other}" for other in self.backbones()}
        ends = [other for other in own if len(bare) >= SHORTEST and _bare(other).endswith(bare)]
        if exact := [other for other in own if _bare(other) == bare]:
            return exact
        same = [shown for other, shown in backbones.items() if _bare(other) == bare]
        return [*sorted(ends, key=len), *same] or _like(name, own, 1) or _like(name, backbones)

    def _described(self, name: str) -> str:
        return name if name.startswith(PREFIX) else f"{name} ({self.summary(name)})"


def _like(name: str, names: Mapping[str, str], alike_at_most: int = MOST) -> list[str]:
    """Return how names are shown: the one of other spelling, else those that begin so, or alike."""
    bare = _bare(name)
    begin = [other for other in names if len(bare) >= SHORTEST and _bare(other).startswith(bare)]
    exact = [other for other in begin if _bare(other) == bare]
    begin.sort(key=lambda other: (len(other), other))
    found = exact or begin or alike(name, names, alike_at_most, ratio=ALIKE)
    return [names[other] for other in found[:MOST]]


def _bare(name: str) -> str:
    """Return a name without case and without what stands between its parts."""
    return re.sub(r"[\W_]", "", name).lower()


def _either(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
