"""The user's own table: one row for each radiograph."""

import json
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.data.file_names import LABEL_OF_SUBTYPE
from pneumobench.data.sources.columns import Row, check_unique, read_columns, unused_note
from pneumobench.data.sources.directory import OFFICIAL_SPLITS
from pneumobench.data.sources.lookalikes import right_word
from pneumobench.data.sources.patients import NOBODY
from pneumobench.data.sources.radiograph import Listing, Radiograph
from pneumobench.data.spelling import same_form, visible

REQUIRED = ("path", "label")
OPTIONAL = ("patient", "split", "subtype", "boxes")
# Labels as tables have them; a subtype is a label, too.
MEANINGS = {
    "normal": ("normal", "normal"),
    "0": ("normal", "normal"),
    "pneumonia": ("pneumonia", "unknown"),
    "1": ("pneumonia", "unknown"),
    "bacterial": ("pneumonia", "bacterial"),
    "viral": ("pneumonia", "viral"),
}
ALLOWED = {
    "label": tuple(MEANINGS),
    "split": (*OFFICIAL_SPLITS, ""),
    "subtype": ("bacterial", "viral", "normal", "unknown", ""),
}
# What tells the columns split and subtype by their words alone.
TELLING = {"split": OFFICIAL_SPLITS, "subtype": ("bacterial", "viral", "normal")}


def list_table(table_path: Path, root: Path) -> Listing:
    """List the radiographs of a table.

    Parameters
    ----------
    table_path
        CSV file with the columns `path` (relative to `root`, or absolute) and `label` (normal,
        pneumonia, bacterial, viral, 0, 1), and where they are known `patient`, `split` (train, val,
        test), `subtype` (normal, bacterial, viral, unknown) and `boxes` (JSON list of [x, y, width,
        height] in pixels).
    root
        The folder of the radiographs.

    Raises
    ------
    UserError
        If the table is missing or no such table, a column looks like one of these that is not
        there, a value is none of those above, radiographs are named twice, or some are divided into
        splits and some not.
    """
    columns = read_columns(table_path, REQUIRED, OPTIONAL, words=TELLING)
    rows = columns.rows
    found = [find_radiograph(Path(root), row) for row in rows]
    # One radiograph has many names: a.png, ./a.png, x/../a.png, its absolute path.
    places = (os.path.abspath(Path(root) / path) for path, _ in found)
    check_unique(rows, places, table_path)
    for row in rows:
        _check_values(row, f"{table_path}: row {row.number}")
    _check_splits(rows, table_path)
    radiographs = [
        _radiograph(row, *place, f"{table_path}: row {row.number}")
        for row, place in zip(rows, found, strict=True)
    ]
    return Listing(
        sorted(radiographs, key=lambda radiograph: radiograph.path),
        f"the table {table_path.name}",
        reference=f"The label of each image is that of the table {table_path.name}.",
        notes=unused_note(table_path, columns.unused),
    )


def _radiograph(row: Row, path: str, size: int, where: str) -> Radiograph:
    label, subtype = MEANINGS[_word(row, "label")]
    given = _word(row, "subtype")
    if given and given != "unknown":
        if LABEL_OF_SUBTYPE[given] != label or subtype not in (given, "unknown"):
            raise UserError(
                f"the subtype {given!r} contradicts the label {row['label']!r}",
                where=where,
                expected="bacterial or viral with pneumonia, normal with normal",
                remedy="correct one of the two, or leave the subtype empty",
            )
        subtype = given
    return Radiograph.of_row(
        path,
        size,
        label,
        _word(row, "split") or "none",
        subtype=subtype,
        patient=row.get("patient", ""),
        boxes=_boxes(row.get("boxes", ""), label, where),
    )


def find_radiograph(root: Path, row: Row) -> tuple[str, int]:
    """Return the path that a row names, with forward slashes, and its bytes; -1 if it is not there.

    Programs store letters with accents in two ways, and add characters that nobody sees: a file of
    a name that looks the same is found.
    """
    named = Path(row["path"].replace("\\", "/")).as_posix()
    size = _size(root / named)
    if size >= 0 or named.isascii():
        return named, size
    seen = visible(named)
    for path in (seen, *(unicodedata.normalize(form, seen) for form in ("NFC", "NFD"))):
        if (size := _size(root / path)) >= 0:
            return path, size
    return named, -1


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return -1


def _word(row: Row, column: str) -> str:
    """Return the word in a cell, whatever its case and the blanks around it."""
    return visible(row.get(column, "")).lower()


def _boxes(text: str, label: str, where: str) -> str:
    """Return the boxes as the manifest has them."""
    if not text:
        return ""
    try:
        boxes = [_box(found) for found in _as_list(json.loads(text))]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(
            f"the boxes {text[:60]!r} cannot be read",
            where=where,
            expected="[[x, y, width, height], ...] in pixels, width and height above 0",
            remedy="correct them, or leave the cell empty",
        ) from error
    if boxes and label == "normal":
        raise UserError(
            f"a normal radiograph has the boxes {text[:60]!r}",
            where=where,
            expected="boxes around what shows the pneumonia",
            remedy="correct the label, or leave the cell empty",
        )
    return json.dumps(boxes)


def _box(found: object) -> list[float]:
    x, y, width, height = _as_list(found)
    box = [float(number) for number in (x, y, width, height) if not isinstance(number, bool)]
    if len(box) < 4 or not (box[2] > 0 and box[3] > 0):
        raise ValueError
    return box


def _as_list(found: object) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError
    return found


def _check_values(row: Row, where: str) -> None:
    for column, allowed in ALLOWED.items():
        if column in row and _word(row, column) not in allowed:
            raise UserError(
                f"the {column} {row[column][:60]!r} is none",
                where=where,
                expected=", ".join(value or "an empty cell" for value in allowed),
                remedy=_remedy(row[column], allowed),
            )


def _remedy(word: str, allowed: Sequence[str]) -> str:
    if "" in allowed and same_form(word) in NOBODY:
        return "leave the cell empty where nobody knows"
    right = right_word(word, allowed)
    return f"write {right} instead, in every row" if right else "correct the table"


def _check_splits(rows: list[Row], path: Path) -> None:
    empty = [row.number for row in rows if not _word(row, "split")]
    if empty and len(empty) < len(rows):
        raise UserError(
            f"{len(empty)} of {len(rows)} rows have no split",
            where=f"{path}: row {empty[0]}",
            expected="train, val or test in every row, or in none",
            remedy="fill in the column, or remove it: a hold-out is then drawn by patient",
        )
