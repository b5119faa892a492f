"""Reading the tables that say what the films of a source are."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.names import nearest

Row = dict[str, str]


def read_rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Read columns of a CSV file as text without surrounding blanks; empty cells are "".

    Row 2 of the file is the first of the list. Not pandas: `doctor` works without it.

    Parameters
    ----------
    path
        The file: UTF-8, separated by commas, the names of the columns in its first row.
    required, optional
        Names of columns. Of the optional ones those that are not there are left out.

    Raises
    ------
    UserError
        If the file is not there, is no such table, lacks a required column, or has no rows.
    """
    cells = _cells(path)
    header = [name.strip() for name in cells[0]] if cells else []
    _check_header(path, header, required, optional)
    wanted = {name: header.index(name) for name in (*required, *optional) if name in header}
    # Some publishers end their rows with a comma that the header lacks, or the other way round.
    width = max(wanted.values()) + 1
    rows = []
    while cells and not any(cells[-1]):
        cells.pop()
    for number, row in enumerate(cells[1:], start=2):
        if len(row) < width:
            raise UserError(
                f"a row has {len(row)} cells where {len(header)} columns are named",
                where=f"{path}: row {number}",
                expected="a cell for each column, text with commas in quotation marks",
                remedy="correct the row",
            )
        rows.append({name: row[index].strip() for name, index in wanted.items()})
    if not rows:
        raise UserError(
            "the table has no rows",
            where=str(path),
            expected="one row for each film below the names of the columns",
            remedy="fill in the table, or point the configuration to another file",
        )
    return rows


def check_unique(names: Iterable[str], path: Path) -> None:
    """Stop if a table names a film in two rows.

    Raises
    ------
    UserError
        Naming the first such film and its row.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, start=2):
        if name in seen:
            raise UserError(
                "the table names a film twice",
                where=f"{path}: row {number}, {name!r}",
                expected="one row for each film",
                remedy="remove rows that say the same; correct those that contradict each other",
            )
        seen.add(name)


def _cells(path: Path) -> list[list[str]]:
    try:
        # The mark that some programs put before the first column's name is no part of it.
        text = Path(path).read_bytes().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as error:
        what, cause = f"the table of the films cannot be read ({error.strerror})", error
    except UnicodeDecodeError as error:
        what, cause = f"the table of the films is no UTF-8 text (byte {error.start})", error
    except csv.Error as error:
        what, cause = f"the table of the films cannot be read as CSV ({error})", error
    raise UserError(
        what,
        where=str(path),
        expected="a CSV file: UTF-8, commas, the names of the columns in the first row",
        remedy="correct the path in the configuration, or save the table anew as CSV (UTF-8)",
    ) from cause


def _check_header(
    path: Path, header: list[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    missing = [name for name in required if name not in header]
    known = f"; also known: {', '.join(optional)}" if optional else ""
    if missing:
        match = nearest(missing[0], header)
        raise UserError(
            f"the table lacks the column {missing[0]!r}",
            where=f"{path}: columns {', '.join(header[:12]) or 'none'}",
            expected=f"columns {', '.join(required)}{known}",
            remedy=f"rename {match!r} to {missing[0]!r}" if match else "add the column",
        )
    doubled = [name for name in (*required, *optional) if header.count(name) > 1]
    if doubled:
        raise UserError(
            f"the table has the column {doubled[0]!r} more than once",
            where=str(path),
            expected="every column once",
            remedy="remove or rename one of them",
        )
