"""Reading and writing of files: atomic, versioned, one way for the whole project.

JSON files and tables carry a checksum: a reader stops at one that is not what was written. Texts
stand in tables as `pneumobench.core.cells` says.
"""

import contextlib
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from pneumobench.core.cells import read_cell, written_cells
from pneumobench.core.errors import UserError
from pneumobench.core.room import WRITING, errno_of, writing_failed

SCHEMA_VERSION = 1
# Of bytes, on all common file systems.
LONGEST_NAME = 255
VERSION = "schema_version"
WITHOUT_CHECKSUM = "it has no checksum; an earlier version or another program wrote it"
# In a table and in a JSON file.
_CHECKSUM = re.compile(rb'(?<=\Aschema_version) [0-9a-f]{16}|,\n  "checksum": "[0-9a-f]{16}"')
_SIGNED = re.compile(rb"schema_version ([0-9a-f]{16})(?=[,\n])")


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds.

    Raises
    ------
    UserError
        If the disk is full or does not let it be written; `path` is as it was.
    """
    path = Path(path)
    temporary = path.with_name(_temporary_name(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except UserError:
        raise
    except Exception as error:
        # The block may also read other files, which errors name.
        named = getattr(error, "filename", None) or str(temporary)
        if errno_of(error) in WRITING and named in {str(temporary), *map(str, path.parents)}:
            raise writing_failed(error, path) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _temporary_name(path: Path) -> str:
    # The suffix stays last: numpy, PIL and matplotlib choose the format by it.
    name = f".{path.stem}.{os.getpid()}.partial{path.suffix}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        suffix = path.suffix if len(os.fsencode(path.suffix)) <= 16 else ""
        name = f".{short}.{os.getpid()}.partial{suffix}"
    return name


def checksum(content: bytes) -> str:
    """Return 16 hexadecimal digits that tell whether bytes are the ones that were written."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented JSON, with `schema_version` and `checksum` first."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(signed_json({VERSION: SCHEMA_VERSION, **content}))


def signed_json(content: dict[str, Any]) -> bytes:
    """Return a JSON file, with its checksum behind its schema version."""
    rest = {key: value for key, value in content.items() if key not in (VERSION, "checksum")}
    head = {VERSION: content.get(VERSION), "checksum": _json_checksum(rest)}
    return (json.dumps(head | rest, indent=2, allow_nan=False) + "\n").encode()


def signed_table(content: bytes) -> bytes:
    """Return a CSV file of a version column and others, with its checksum in its first cell."""
    rest = content[len(VERSION) :]
    return f"{VERSION} {checksum(rest)}".encode() + rest


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file written by `write_json`; keys that it lacks are errors of its reader.

    Raises
    ------
    UserError
        If it cannot be read, carries another schema version, or was changed.
    """
    try:
        content = json.loads(
            read_bytes(path).decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise broken(path, f"it is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise broken(path, f"it holds a {type(content).__name__} where named values belong")
    check_version(path, content.pop("schema_version", None))
    written = content.pop("checksum", None)
    if written is None:
        raise broken(path, WITHOUT_CHECKSUM)
    if written != _json_checksum(content):
        raise broken(path, "it was changed since it was written")
    return _Content(content, path)


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV with a leading column of the schema version, one line for each row.

    float32 reads back exactly.

    Raises
    ------
    ValueError
        If two columns have one name.
    """
    content = _written(table).to_csv(index=False, lineterminator="\n").encode("utf-8")
    if content.count(b"\n") != len(table) + 1:
        raise ValueError(f"{path}: {len(table)} rows are not as many lines")
    with atomic_path(path) as temporary:
        temporary.write_bytes(signed_table(content))


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
        If it cannot be read, carries another schema version, or was changed.
    """
    content = read_bytes(path)
    _check_whole(path, content)
    try:
        # Only an empty cell is missing: a file may well be called NA or null.
        table = pd.read_csv(
            io.BytesIO(content), dtype=dict.fromkeys(text, str), keep_default_na=False,
            na_values=[""],
        )  # fmt: skip
    except ValueError as error:
        raise broken(path, f"it is no table ({error})") from error
    for version in table.pop(table.columns[0]).unique():
        check_version(path, version)
    if b"'" in content:
        table = _with_texts(table)
    for column in text:
        if column in table:
            table[column] = table[column].fillna("")
    return table


def read_bytes(path: str | Path) -> bytes:
    """Read a file of which an earlier job wrote at least something.

    Raises
    ------
    UserError
        If it is missing, empty, or cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except Exception as error:
        raise broken(path, error.strerror or type(error).__name__) from error
    if not content:
        raise broken(path, "it is empty")
    return content


def content_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a table or a JSON file without its checksum.

    So a file that got its checksum later is the one that an earlier version knew.
    """
    return hashlib.sha256(without_checksum(read_bytes(path))).hexdigest()


def without_checksum(content: bytes) -> bytes:
    """Return a table or a JSON file without its checksum."""
    return _CHECKSUM.sub(b"", content, count=1)


def broken(path: str | Path, said: str) -> UserError:
    """Return the error to raise where a file of an earlier job is not what that job wrote."""
    return UserError(
        f"{Path(path).name} is not what was written: {said}",
        where=str(path),
        expected="the file as an earlier job of the same experiment wrote it",
        remedy=f"remove {path} and run snakemake again: it is made anew",
    )


def check_version(path: str | Path, version: object) -> None:
    """Stop at a file of another schema version."""
    if version != SCHEMA_VERSION:
        raise UserError(
            f"the file has schema version {version}",
            where=str(path),
            expected=f"schema version {SCHEMA_VERSION}",
            remedy="remove the file and run snakemake again",
        )


class _Content(dict[str, Any]):
    """What a JSON file holds."""

    def __init__(self, content: dict[str, Any], path: str | Path) -> None:
        super().__init__(content)
        self.path = path

    def __missing__(self, key: str) -> Any:
        raise broken(self.path, f"it lacks {key!r}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _json_checksum(content: dict[str, Any]) -> str:
    return checksum(json.dumps(content, allow_nan=False).encode())


def _written(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose cells can be written down."""
    if not table.columns.is_unique:
        raise ValueError(f"two columns have one name: {list(table.columns)}")
    cells: dict[str, object] = {VERSION: [SCHEMA_VERSION] * len(table)}
    for name in table.columns:
        column = table[name]
        if column.dtype == "float32":
            # Nine significant digits identify every float32.
            cells[name] = [None if value != value else f"{value:.9g}" for value in column]
        elif pd.api.types.is_numeric_dtype(column.dtype):
            cells[name] = column.array
        else:
            cells[name] = pd.Series(written_cells(column), dtype=object)
    written = pd.DataFrame(cells)
    return written.set_axis(written_cells(written.columns), axis="columns")


def _with_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts in the place of their cells."""
    for column in table.select_dtypes("object"):
        # A column of flags with gaps holds no text at all.
        marked = table[column].map(lambda cell: isinstance(cell, str) and cell[:1] == "'")
        if marked.any():
            table.loc[marked, column] = table.loc[marked, column].map(read_cell)
    return table.rename(columns=read_cell)


def _check_whole(path: str | Path, content: bytes) -> None:
    """Stop at a table that was changed or cut."""
    signed = _SIGNED.match(content)
    if signed is None:
        raise broken(path, WITHOUT_CHECKSUM)
    if signed[1].decode() != checksum(content[signed.end() :]):
        raise broken(path, "it was changed since it was written")
