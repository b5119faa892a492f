"""The user's own table: one row for each film."""

import json
import os
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.data.file_names import LABEL_OF_SUBTYPE
from pneumobench.data.sources.columns import Row, check_unique, read_rows
from pneumobench.data.sources.directory import OFFICIAL_SPLITS
from pneumobench.data.sources.film import COLUMN, Film, Listing

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


def list_table(table_path: Path, root: Path) -> Listing:
    """List the films of a table.

    Parameters
    ----------
    table_path
        CSV file with the columns `path` (relative to `root`, or absolute) and `label` (normal,
        pneumonia, bacterial, viral, 0, 1), and where they are known `patient`, `split` (train, val,
        test), `subtype` (normal, bacterial, viral, unknown) and `boxes` (JSON list of [x, y, width,
        height] in pixels).
    root
        The folder of the films.

    Raises
    ------
    UserError
        If the table is missing or no such table, a value is none of those above, films are named
        twice, or some are divided into splits and some not.
    """
    rows = read_rows(table_path, REQUIRED, OPTIONAL)
    # One film has many names: a.png, ./a.png, x/../a.png, its absolute path.
    places = (os.path.abspath(Path(root) / film_path(row)) for row in rows)
    check_unique(places, table_path)
    for number, row in enumerate(rows, start=2):
        _check_values(row, f"{table_path}: row {number}")
    _check_splits(rows, table_path)
    films = [
        _film(row, Path(root), f"{table_path}: row {number}")
        for number, row in enumerate(rows, start=2)
    ]
    return Listing(
        sorted(films, key=lambda film: film.path),
        f"the table {table_path.name}",
        reference=f"The label of each image is that of the table {table_path.name}.",
    )


def _film(row: Row, root: Path, where: str) -> Film:
    label, subtype = MEANINGS[row["label"].lower()]
    given = row.get("subtype", "").lower()
    if given and given != "unknown":
        if LABEL_OF_SUBTYPE[given] != label or subtype not in (given, "unknown"):
            raise UserError(
                f"the subtype {given!r} contradicts the label {row['label']!r}",
                where=where,
                expected="bacterial or viral with pneumonia, normal with normal",
                remedy="correct one of the two, or leave the subtype empty",
            )
        subtype = given
    path = film_path(row)
    size = film_size(root, path)
    return Film(
        path,
        size,
        label,
        row.get("split", "").lower() or "none",
        subtype=subtype,
        patient=row.get("patient", ""),
        patient_from=COLUMN if row.get("patient") else "",
        boxes=_boxes(row.get("boxes", ""), where),
        reason="" if size >= 0 else "the table names it, but there is no such file",
    )


def film_path(row: Row) -> str:
    """Return the path that a row names, with forward slashes."""
    return Path(row["path"].replace("\\", "/")).as_posix()


def film_size(root: Path, path: str) -> int:
    """Return the bytes of a film below `root`, or at an absolute path; -1 if it is not there."""
    try:
        return os.stat(root / path).st_size
    except (OSError, ValueError):
        return -1


def _boxes(text: str, where: str) -> str:
    """Return the boxes as the manifest has them."""
    if not text:
        return ""
    try:
        boxes = [[float(number) for number in box] for box in json.loads(text)]
        sound = all(len(box) == 4 and box[2] > 0 and box[3] > 0 for box in boxes)
    except (ValueError, TypeError, OverflowError, RecursionError):
        sound = False
    if not sound:
        raise UserError(
            f"the boxes {text[:60]!r} cannot be read",
            where=where,
            expected="[[x, y, width, height], ...] in pixels, width and height above 0",
            remedy="correct them, or leave the cell empty",
        )
    return json.dumps(boxes)


def _check_values(row: Row, where: str) -> None:
    for column, allowed in ALLOWED.items():
        if row.get(column, allowed[-1]).lower() not in allowed:
            raise UserError(
                f"the {column} {row[column]!r} is none",
                where=where,
                expected=", ".join(value or "an empty cell" for value in allowed),
                remedy="correct the table",
            )


def _check_splits(rows: list[Row], path: Path) -> None:
    empty = [number for number, row in enumerate(rows, start=2) if not row.get("split")]
    if empty and len(empty) < len(rows):
        raise UserError(
            f"{len(empty)} of {len(rows)} rows have no split",
            where=f"{path}: row {empty[0]}",
            expected="train, val or test in every row, or in none",
            remedy="fill in the column, or remove it: a hold-out is then drawn by patient",
        )
