"""The cells of a CSV file as text, and the plain reason where there are none."""

import csv
import io
import re
from pathlib import Path

from pneumobench.core.errors import UserError

# How files begin that are no text, whatever their names end in.
_KINDS = {
    b"PK\x03\x04": "a workbook (Excel or OpenDocument) or another archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "compressed (gzip)",
    b"BZh": "compressed (bzip2)",
    b"\xfd7zXZ": "compressed (xz)",
    b"(\xb5/\xfd": "compressed (zstd)",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a text document (RTF)",
    b"\xff\xfe\x00\x00": "text in UTF-32",
    b"\x00\x00\xfe\xff": "text in UTF-32",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_cells(path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV file that hold anything: (number, cells), the first of them 1.

    Numbers are those of a spreadsheet: empty rows count, line breaks within a cell do not.

    Raises
    ------
    UserError
        If the file cannot be read or is no CSV in UTF-8; names what it is instead.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A pipe would be waited for.
        raise _no_table(path, "is no regular file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _no_table(path, f"cannot be read ({error.strerror})") from error
    text = _text(path, content)
    rows, number = [], 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if any(cell.strip() for cell in cells):
                rows.append((number, cells))
    except csv.Error as error:
        what = f"cannot be read as CSV ({_in_words(error)})"
        raise _no_table(path, what, f"{path}: row {number + 1}") from error
    return rows


def separator_of(text: str) -> str | None:
    """Return what separates the cells of a header in the place of commas, in words.

    >>> separator_of("path;label;patient")
    'semicolons'
    """
    found = max(SEPARATORS, key=text.count)
    return SEPARATORS[found] if text.count(found) > text.count(",") else None


def _text(path: Path, content: bytes) -> str:
    """Return the text of a file."""
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if kind:
        raise _no_table(path, f"is {kind}")
    zeros = content.count(0)
    if zeros > len(content) / 4:
        raise _no_table(path, "is text in UTF-16")
    if zeros:
        row = content[: content.index(0)].count(b"\n") + 1
        raise _no_table(path, "holds bytes of zero", f"{path}: line {row}")
    try:
        # The mark that some programs put before the first column's name is no part of it.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        around = content[max(error.start - 20, 0) : error.start + 20].decode("cp1252", "replace")
        excerpt = re.split(r"[\r\n]", around[: min(error.start, 20)])[-1]
        excerpt += re.split(r"[\r\n]", around[min(error.start, 20) :])[0]
        what = f"is no UTF-8 text (byte {error.start})"
        where = f"{path}: line {line}, in Latin-1 or Windows-1252 {excerpt!r}"
        raise _no_table(path, what, where) from error


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text:
        return "a quotation mark opens a cell that never ends"
    if "field larger" in text:
        return (
            f"a cell has more than {csv.field_size_limit():,} characters, as where a quotation "
            "mark opens a cell that does not end"
        )
    return text


def _no_table(path: Path, what: str, where: str = "") -> UserError:
    return UserError(
        f"the table of the radiographs {what}",
        where=where or str(path),
        expected="a CSV file: UTF-8, commas, the names of the columns in the first row",
        remedy="correct the path in the configuration, or save the table anew as CSV (UTF-8)",
    )
