"""The names of timm's backbones, read from its files: importing timm takes seconds."""

import functools
import importlib.util
import re
from pathlib import Path

REGISTERED = re.compile(r"^@register_model\b.*\n(?:@.*\n)*def (\w+)", re.MULTILINE)
# Names of earlier versions of timm, which it still takes.
DEPRECATED = re.compile(r"^register_model_deprecations\(__name__, \{(.*?)\}\)", re.M | re.DOTALL)
KEY = re.compile(r"^\s*['\"](\w+)['\"]\s*:", re.MULTILINE)


@functools.cache
def names() -> frozenset[str]:
    """Return the names that the timm of this environment takes, without tags of weights.

    There are none where timm is not there, as in an environment that only starts jobs, or where it
    has no files to be read.
    """
    found = importlib.util.find_spec("timm")
    folders = (found and found.submodule_search_locations) or ()
    known: set[str] = set()
    for path in (path for folder in folders for path in Path(folder).glob("models/*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        known.update(REGISTERED.findall(text))
        for entries in DEPRECATED.findall(text):
            known.update(KEY.findall(entries))
    return frozenset(known)
