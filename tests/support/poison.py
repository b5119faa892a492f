"""Markup in every text of an experiment's files that no code compares with a word of its own."""

import csv
import hashlib
import html
import html.parser
import io
import json
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pneumobench.core.archive import CRATE, INDEX, RESULTS
from pneumobench.core.files import signed_json, signed_table

MARK = "'\"><svg onload=hit()>\\x|`$^{"
"""What is put behind a text; `hit` is nowhere in the project."""

# Keys and columns whose texts are words of the code or of the configuration.
WORDS = {
    "aggregate", "arm", "blocks", "branch", "calibration", "chosen", "class", "corruption",
    "criterion", "data_set", "dataset", "decision", "device", "dtype", "end", "ensemble",
    "family", "first_model", "first_recipe", "baseline", "kind", "label", "layout", "map", "maps",
    "measure", "method", "metric", "mode", "model", "models", "official_split", "opinion",
    "out_of_fold_sha256", "outcome", "patient_from", "phase", "precision", "predicted",
    "preprocessing", "purpose", "reading", "recipe", "recipes", "role", "rule", "second_model",
    "second_recipe", "sees", "side", "slug", "split", "stage", "statistics", "status", "subtype",
    "target", "threshold", "threshold_rule", "truth", "tta", "views",
}  # fmt: skip


def poisoned(content: Any, key: str = "", words: Collection[str] = WORDS) -> Any:
    """Return parsed JSON with the mark behind every text but those of `words`."""
    if isinstance(content, dict):
        return {name: poisoned(value, name, words) for name, value in content.items()}
    if isinstance(content, list):
        return [poisoned(value, key, words) for value in content]
    return content + MARK if isinstance(content, str) and key not in words else content


def poisoned_table(text: str, words: Collection[str] = WORDS) -> str:
    """Return a CSV file with the mark behind every cell of a column that holds text."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        return text
    hit = {
        name
        for name in rows[0]
        if name not in words and not all(_no_text(row[name]) for row in rows)
    }
    stream = io.StringIO()
    writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: cell + MARK if name in hit and cell else cell for name, cell in row.items()}
        )
    return stream.getvalue()


def poison(path: Path, words: Collection[str] = WORDS) -> None:
    """Poison a JSON or CSV file where it lies."""
    path.write_bytes(_poisoned_bytes(path.name, path.read_bytes(), words))


def poison_archive(good: Path, bad: Path, words: Collection[str] = WORDS) -> None:
    """Write an archive whose files to rebuild from are poisoned, index and hashes made to fit."""
    with zipfile.ZipFile(good) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    index = json.loads(contents.pop(INDEX))
    for name in contents:
        if name.startswith(RESULTS):
            contents[name] = _poisoned_bytes(name, contents[name], words)
        if name != CRATE:
            digest = hashlib.sha256(contents[name]).hexdigest()
            index["files"][name] = {"sha256": digest, "bytes": len(contents[name])}
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(INDEX, json.dumps(poisoned(index, words={*words, "sha256"})))
        for name, content in contents.items():
            packed.writestr(name, content)


def _poisoned_bytes(name: str, content: bytes, words: Collection[str]) -> bytes:
    # A forger knows how checksums are made.
    if name.endswith(".json"):
        return signed_json(poisoned(json.loads(content), words=words))
    if name.endswith(".csv"):
        text = re.sub(r"^schema_version \w+", "schema_version", content.decode())
        found = poisoned_table(text, words)
        # What holds no text to poison stays as it was, bytes and hash.
        return signed_table(found.encode()) if MARK in found else content
    return content


def _no_text(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return cell in ("True", "False")
    return True


class Elements(html.parser.HTMLParser):
    """What a page is made of: the names of its elements, and of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


def assert_text_alone(page: str) -> None:
    """Insist that the mark stands in a page, and made nothing of it."""
    found = Elements(page).found
    assert MARK in html.unescape(page)
    assert "svg" not in found and not any(part.partition(" ")[2].startswith("on") for part in found)
