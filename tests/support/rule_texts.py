"""The rules by their names, those that a loop over a registry makes among them."""

import re
from pathlib import Path

from pneumobench.core.repredictions import REPREDICTIONS
from pneumobench.reporting.figures import FIGURES

PROJECT = Path(__file__).resolve().parents[2]
# What the rules of a loop are called there, and what that comes to.
LOOPS = {
    'f"predict_{kind.name}"': [f"predict_{name}" for name in REPREDICTIONS],
    'f"plot_{figure.name}"': [f"plot_{figure.name}" for figure in FIGURES],
}


def rule_texts() -> dict[str, str]:
    """Return the text of every rule; that of `use rule a as b with:` follows the text of a."""
    paths = sorted((PROJECT / "rules").glob("*.smk"))
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    parts = re.split(r"^ *(?:use )?rule(?: (?:(\w+) as )?(\w+))?(?: with)?:", text, flags=re.M)
    found = {}
    for base, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        names = [name] if name else LOOPS[re.search(r"name:\s+(\S+)", body)[1]]
        found |= dict.fromkeys(names, found.get(base, "") + body)
    return found
