"""Changing what stands in our own tables and JSON files, as if the pipeline had written that."""

import io
import json
import re
from pathlib import Path

import pandas as pd

from pneumobench.core.files import signed_json, signed_table

_SIGNED = re.compile("schema_version [0-9a-f]{16}")


def edit_csv(path: Path, change) -> None:
    """Read a CSV as plain text cells, change the table, write it back with its checksum."""
    table = read_cells(path)
    text = change(table).to_csv(index=False, lineterminator="\n")
    path.write_bytes(signed_table(text.encode()))


def read_cells(path: Path) -> pd.DataFrame:
    """Read a CSV as plain text cells."""
    text = _SIGNED.sub("schema_version", path.read_text(encoding="utf-8"), count=1)
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def edit_text(path: Path, old: str, new: str) -> None:
    """Replace a text, a regular expression, wherever it stands in a table or a JSON file."""
    text = _SIGNED.sub("schema_version", path.read_text(encoding="utf-8"), count=1)
    changed = re.sub(old, new, text)
    assert changed != text
    json_file = path.suffix == ".json"
    path.write_bytes(
        signed_json(json.loads(changed)) if json_file else signed_table(changed.encode())
    )
