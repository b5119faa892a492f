"""Checks of what figures are to show, and in which size."""

from collections.abc import Iterator, Sequence

from pneumobench.core.config.figures import named_runs
from pneumobench.core.config.problems import Problem, path_text
from pneumobench.core.config.sound import SoundValues
from pneumobench.core.run import Run

# The size of letters that figures are composed for, and the width in mm that they need with it: on
# less, names and numbers would leave no room for what is drawn.
USUAL_SIZE, NARROWEST = 8, 118


def problems_of_figures(sound: SoundValues, runs: Sequence[Run]) -> Iterator[Problem]:
    """Yield runs that are named twice, and letters for which the page is too narrow."""
    yield from _doubled_runs(sound.get("figures", "runs") or (), runs)
    size, width = (sound.get("figures", key) for key in ("font_size", "width"))
    if None not in (size, width) and width * USUAL_SIZE < NARROWEST * size:
        least = -int(-NARROWEST * size / USUAL_SIZE // 1)
        yield Problem(
            path=path_text(("figures", "width")),
            given=f"{width:g} with figures.font_size: {size:g}",
            allowed=f"{least} mm and more for letters of {size:g} points: on less, names and "
            "numbers leave no room for what is drawn",
            hint=f"take a larger width, or a font_size of {_largest_size(width):g} or less",
        )


def _doubled_runs(names: Sequence[str], runs: Sequence[Run]) -> Iterator[Problem]:
    seen: dict[Run, str] = {}
    for position, name in enumerate(names):
        found, place = named_runs(name, runs), path_text(("figures", "runs", position))
        if doubled := next((seen[run] for run in found if run in seen), None):
            yield Problem(
                path=place,
                given=f"{name}, which {doubled} shows already",
                allowed="every run once",
                hint="remove one of the two",
            )
        seen |= dict.fromkeys(found, place)


def _largest_size(width: float) -> float:
    """Return the largest size of letters for a width, in whole tenths of a point."""
    return int(10 * width * USUAL_SIZE / NARROWEST) / 10
