"""File names made of names that are not ours: short, plain, and no two alike on any file system."""

import re
import unicodedata
from collections.abc import Iterable

# File systems take 255 bytes; temporary names beside a file are longer than its own.
LONGEST = 160
_UNUSUAL = re.compile(r"[^A-Za-z0-9._ +@=-]+")


def plain_names(names: Iterable[str], suffix: str, longest: int = LONGEST) -> list[str]:
    """Return a file name for each name.

    Letters without their accents, digits and a few signs are kept, all else becomes `-`. A name
    that is too long keeps its beginning. Of names that would be one file, also where capitals do
    not count, all but the first have their number added.

    Parameters
    ----------
    names
        Any text; the same names in the same order give the same file names.
    suffix
        The ending of all file names, with its full stop.
    longest
        Characters of a file name at most, the suffix included.

    Returns
    -------
    list of str
        ASCII, each at most `longest` characters.
    """
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        room = longest - len(suffix)
        plain = _plain(name)
        chosen, number = plain[:room].rstrip(" ."), 1
        while chosen.lower() in taken:
            number += 1
            tail = f"_{number}"
            chosen = plain[: room - len(tail)].rstrip(" .") + tail
        taken.add(chosen.lower())
        found.append(chosen + suffix)
    return found


def _plain(name: str) -> str:
    """Return a name in ASCII, without signs that a system or a shell gives a meaning."""
    apart = unicodedata.normalize("NFKD", name)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return _UNUSUAL.sub("-", bare).strip(" .") or "unnamed"
