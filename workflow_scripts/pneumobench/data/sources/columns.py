"""Reading the tables that say what the radiographs of a source are."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.core.names import nearest
from pneumobench.data.sources.cells import read_cells, separator_of
from pneumobench.data.sources.lookalikes import UNUSED, looks_like, speaks_of
from pneumobench.data.sources.rivals import check_rivals
from pneumobench.data.spelling import visible

TABLE_SUFFIXES = (".csv", ".txt")


class Row(dict[str, str]):
    """The cells of one row by the names of their columns."""

    number: int
    """As a spreadsheet counts rows, from 1."""


@dataclass(frozen=True)
class Columns:
    """What is read of a table, and what is not.

    Attributes
    ----------
    rows
        The wanted cells without surrounding blanks; empty ones are "".
    unused
        Names of the columns that nobody reads; one without a name by its place.
    """

    rows: list[Row]
    unused: list[str]


def read_columns(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    published: Sequence[str] = (),
    words: Mapping[str, Sequence[str]] | None = None,
) -> Columns:
    """Read columns of a CSV file. Not with pandas: `doctor` works without it.

    Parameters
    ----------
    path
        The file: UTF-8, separated by commas, the names of the columns in its first row.
    required, optional
        Names of columns. Of the optional ones those that are not there are left out.
    published
        Names of columns that the table's publisher gave it and that say nothing here.
    words
        For optional columns the words that they hold: a column of another name that holds nothing
        but these is taken for a misnamed one.

    Raises
    ------
    UserError
        If the file is not there, is no such table, lacks a required column, or has no rows; if a
        column looks like an optional one that is not there or empty, or contradicts one that is.
    """
    cells = read_cells(path)
    # Excel's note that commas separate the cells.
    if cells and [cell.strip().lower() for cell in cells[0][1]] in (["sep=", ""], ["sep=,"]):
        cells = cells[1:]
    first = cells[0][1] if cells else []
    header = list(map(visible, first))
    named = max((place for place, name in enumerate(header, 1) if name), default=0)
    _check_separator(path, first, required)
    _check_header(path, header, required, optional)
    wanted = {name: header.index(name) for name in (*required, *optional) if name in header}
    rows = list(_rows(path, cells[1:], wanted, named, required[0]))
    if not rows:
        raise UserError(
            "the table has no rows",
            where=str(path),
            expected="one row for each radiograph below the names of the columns",
            remedy="fill in the table, or point the configuration to another file",
        )
    unused = {
        name or f"column {place} (without a name)": [_cell(row, place - 1) for _, row in cells[1:]]
        for place, name in enumerate(header[:named], 1)
        if name not in {*wanted, *published}
    }
    unused = {name: values for name, values in unused.items() if name in header or any(values)}
    # An empty column says as little as one that is not there.
    missing = [name for name in optional if not any(row.get(name) for row in rows)]
    telling = {name: values for name, values in unused.items() if any(values)}
    _check_unused(path, telling, missing, words or {})
    read = {name: [row[name] for row in rows] for name in optional if name not in missing}
    check_rivals(path, [row.number for row in rows], read, telling, words or {})
    return Columns(rows, list(unused))


def read_rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Return the rows of `read_columns`."""
    return read_columns(path, required, optional).rows


def read_box(row: Row, name: str, corners: Sequence[str], path: Path) -> list[float]:
    """Return the numbers of a box: x, y, width, height in pixels.

    Parameters
    ----------
    row
        Of the table `path`.
    name, corners
        The columns of the radiograph's name and of the numbers.

    Raises
    ------
    UserError
        If a cell holds no number.
    """
    try:
        return [float(row[key]) for key in corners]
    except ValueError as error:
        raise UserError(
            f"a box of {row[name]} cannot be read",
            where=f"{path}: row {row.number}",
            expected="four numbers: x, y, width, height in pixels",
            remedy="use the table as it is published",
        ) from error


def unused_note(path: Path, unused: Sequence[str]) -> list[str]:
    """Return one sentence on the columns of a table that nobody reads, or none."""
    if not unused:
        return []
    more = f" and {len(unused) - 20} more" if len(unused) > 20 else ""
    names = ", ".join(name[:60] for name in unused[:20])
    return [f"columns of {path.name} that nobody reads: {names}{more}"]


def tables_beside(root: Path) -> list[Path]:
    """Return the tables and lists that lie at the top of a source's folder."""
    root = Path(root)
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path for path in found if path.suffix.lower() in TABLE_SUFFIXES)


def unread_note(root: Path, read: Iterable[str]) -> list[str]:
    """Return one sentence on the tables of a folder that nobody reads, or none."""
    others = [path.name for path in tables_beside(root) if path.name not in set(read)]
    return [f"tables in the folder that nobody reads: {', '.join(others[:10])}"] if others else []


def check_unique(rows: Iterable[Row], names: Iterable[str], path: Path) -> None:
    """Stop if a table names a radiograph in two rows.

    Raises
    ------
    UserError
        Naming the first such radiograph and its rows.
    """
    seen: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        if name in seen:
            raise UserError(
                "the table names a radiograph twice",
                where=f"{path}: row {row.number}, {name!r}, as in row {seen[name]}",
                expected="one row for each radiograph",
                remedy="remove rows that say the same; correct those that contradict each other",
            )
        seen[name] = row.number


def _cell(cells: list[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _rows(
    path: Path,
    cells: list[tuple[int, list[str]]],
    wanted: Mapping[str, int],
    named: int,
    first: str,
) -> Iterator[Row]:
    # Some publishers end their rows with a comma that the header lacks, or the other way round.
    width = max(wanted.values()) + 1
    for number, found in cells:
        if len(found) < width or any(map(str.strip, found[named:])):
            raise UserError(
                f"a row has {len(found)} cells where {named} columns are named",
                where=f"{path}: row {number}",
                expected="a cell for each column, text with commas in quotation marks",
                remedy="correct the row",
            )
        if "\n" in (text := ",".join(found)) or "\r" in text:
            _check_swallowed(path, number, found, wanted[first])
        row = Row((name, found[place].strip()) for name, place in wanted.items())
        row.number = number
        yield row


def _check_swallowed(path: Path, number: int, cells: list[str], place: int) -> None:
    """Stop where a quotation mark that was meant as text made one cell of several rows."""
    suffix = PurePosixPath(
        cells[place].strip().splitlines()[0] if cells[place].strip() else ""
    ).suffix
    for cell in cells:
        lines = cell.splitlines()[1:] if suffix and "," in cell else ()
        for line in lines:
            try:
                inner = next(csv.reader([line]), [])
            except csv.Error:
                continue
            if len(inner) > place and PurePosixPath(inner[place].strip()).suffix == suffix:
                raise UserError(
                    "a cell holds another row of the table",
                    where=f"{path}: row {number}, {line[:60]!r}",
                    expected="quotation marks around cells alone, doubled within one",
                    remedy="look for a single quotation mark in this row, and remove or double it",
                )


def _check_separator(path: Path, first: Sequence[str], required: Sequence[str]) -> None:
    """Stop where the first row is one cell, or is cut at commas that do not separate cells.

    Such tables are not read: semicolons come with decimal commas, which no box could be read of.
    """
    if set(required) <= set(map(visible, first)):
        return
    separator = separator_of(",".join(first))
    if first and first[0].startswith("sep="):
        separator = separator_of(first[0]) or "what its first line says"
    if separator:
        raise UserError(
            f"the table is separated by {separator}",
            where=f"{path}: {' '.join(first)[:100]!r}",
            expected=f"commas, and the columns {', '.join(required)}",
            remedy="save the table anew as CSV with commas, and numbers with decimal points",
        )


def _check_header(
    path: Path, header: list[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise _lacking(path, header, missing, required, optional)
    for name in (*required, *optional):
        alike = [other for other in header if _letters(other) == _letters(name)]
        if name in header and len(alike) > 1:
            raise UserError(
                f"the table has the column {name!r} more than once",
                where=f"{path}: columns {', '.join(alike)}",
                expected="every column once",
                remedy="remove or rename one of them",
            )


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _lacking(
    path: Path,
    header: list[str],
    missing: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
) -> UserError:
    """Say which columns a table has instead of those that it must have."""
    where = f"{path}: columns {', '.join(name[:60] for name in header[:12]) or 'none'}"
    known = f"; also known: {', '.join(optional)}" if optional else ""
    lookalikes = _lookalikes(header, [*missing, *(name for name in optional if name not in header)])
    match = nearest(missing[0], header)
    if missing[0] not in lookalikes and match:
        lookalikes[missing[0]] = [match]
    return UserError(
        f"the table lacks the column {missing[0]!r}",
        where=where,
        expected=f"columns {', '.join(required)}{known}",
        remedy=_renaming(lookalikes) if lookalikes else "add the column",
    )


def _lookalikes(names: Iterable[str], roles: Sequence[str]) -> dict[str, list[str]]:
    """Return the names that look like one of the columns, by column."""
    found: dict[str, list[str]] = {}
    for name in names:
        role = looks_like(name, roles)
        if role:
            found.setdefault(role, []).append(name)
    return found


def _renaming(lookalikes: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(
        f"rename {' or '.join(map(repr, names))} to {role!r}" for role, names in lookalikes.items()
    )


def _check_unused(
    path: Path,
    columns: Mapping[str, Iterable[str]],
    missing: Sequence[str],
    words: Mapping[str, Sequence[str]],
) -> None:
    """Stop where a column that nobody reads looks like one that is not there."""
    lookalikes = _lookalikes(columns, missing)
    sought = {role: found for role, found in words.items() if role in missing}
    for name, values in columns.items() if sought else ():
        role = speaks_of(name, values, sought)
        if role and name not in lookalikes.setdefault(role, []):
            lookalikes[role].append(name)
    lookalikes = {role: names for role, names in lookalikes.items() if names}
    if lookalikes:
        names = [name for found in lookalikes.values() for name in found]
        raise UserError(
            f"nobody would read the column{'' if len(names) == 1 else 's'} "
            f"{', '.join(map(repr, names))} of the table",
            where=str(path),
            expected=f"{', '.join(lookalikes)} as names of what these look like",
            remedy=f"{_renaming(lookalikes)}; give what says something else a name that begins "
            f"with {UNUSED!r}, as in '{UNUSED}_{names[0]}'",
        )
