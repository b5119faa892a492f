"""Reading and writing of files: atomic, versioned, one way for the whole project."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.errors import UserError

SCHEMA_VERSION = 1


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: numpy, PIL and matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented JSON, with `schema_version` first."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps({"schema_version": SCHEMA_VERSION, **content}, indent=2, allow_nan=False)
            + "\n",
            encoding="utf-8",
        )


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file written by `write_json`.

    Raises
    ------
    UserError
        If the file carries another schema version.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    _check_version(path, content.pop("schema_version", None))
    return content


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV with a leading `schema_version` column; float32 reads back exactly."""
    table = table.copy()
    for column in table.columns[table.dtypes == "float32"]:
        # Nine significant digits identify every float32.
        table[column] = table[column].map(lambda value: f"{value:.9g}")
    table.insert(0, "schema_version", SCHEMA_VERSION)
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: str | Path, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table written by `write_table`.

    Parameters
    ----------
    path
        The CSV file.
    text
        Columns to keep as text, empty cells as "" (identifiers, lists).

    Raises
    ------
    UserError
        If the file carries another schema version.
    """
    # Only an empty cell is missing: a file may well be called NA or null.
    table = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
    versions = table.pop("schema_version").unique() if "schema_version" in table else [None]
    for version in versions:
        _check_version(path, version)
    for column in text:
        if column in table:
            table[column] = table[column].fillna("")
    return table


def _check_version(path: str | Path, version: object) -> None:
    if version != SCHEMA_VERSION:
        raise UserError(
            f"the file has schema version {version}",
            where=str(path),
            expected=f"schema version {SCHEMA_VERSION}",
            remedy="remove the file and run snakemake again",
        )
