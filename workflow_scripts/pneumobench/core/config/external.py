"""External data must hold other radiographs than those that networks are trained and tested on."""

import os
from collections.abc import Iterator

from pneumobench.core.config.problems import Problem, path_text
from pneumobench.core.config.sound import SoundValues
from pneumobench.core.fetched import KERMANY_ON_KAGGLE

# Sources of the same images: Kermany et al. 2018 in three places; RSNA's are images of NIH's.
SAME_RADIOGRAPHS = (("kaggle", "mendeley", "pneumoniamnist"), ("nih", "rsna"))
# What tells two data sets of one source apart.
_APART = {"phantom": "seed", "directory": "path", "table": "path", "kaggle": "dataset"}


def problems_of_external(sound: SoundValues) -> Iterator[Problem]:
    """Yield why the external data would be the radiographs of `data` over again."""
    own, other = (sound.get(section, "source") for section in ("data", "external"))
    if own is None or other is None:
        return
    kinds = {_kind_of_radiographs(sound, section) for section in ("data", "external")}
    for radiographs in SAME_RADIOGRAPHS:
        if kinds <= set(radiographs):
            yield Problem(
                path=path_text(("external", "source")),
                given=f"{other} with data.source: {own}, which holds the same radiographs",
                allowed="a source of other radiographs",
                hint="take another source, or external: null",
            )
            return
    key = _APART.get(own)
    if own != other or key is None:
        return
    places = [(section, own, key) for section in ("data", "external")]
    given = [sound.get(*place) for place in places]
    if None not in given and len({os.path.normpath(str(value)) for value in given}) == 1:
        yield Problem(
            path=path_text(places[1]),
            given=f"{given[1]}, the {key} that data.{own} has",
            allowed=f"another {key} than that of data.{own}: equal ones give the same patients",
            hint=f"write another {key} below external: {own}, or external: null",
        )


def _kind_of_radiographs(sound: SoundValues, section: str) -> str | None:
    """Return the source whose images a section's are; None for other images of Kaggle's."""
    source = sound.get(section, "source")
    other = source == "kaggle" and sound.get(section, "kaggle", "dataset") != KERMANY_ON_KAGGLE
    return None if other else source
