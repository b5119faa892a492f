"""NIH ChestX-ray14: 112,120 radiographs of 30,805 patients, labels mined from reports by a program.

Wang et al., CVPR 2017, 2097-2106. The published layout: Data_Entry_2017.csv (or its revision of
2020), train_val_list.txt and test_list.txt, BBox_List_2017.csv, and folders of PNG files.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.core.findings import ABNORMAL, FINDINGS, NO_FINDING
from pneumobench.data.sources.columns import (
    Row,
    check_unique,
    read_box,
    read_columns,
    read_rows,
    unread_note,
    unused_note,
)
from pneumobench.data.sources.directory import radiographs_by_name
from pneumobench.data.sources.lookalikes import split_meant, words_of
from pneumobench.data.sources.radiograph import Listing, Radiograph
from pneumobench.data.sources.scan import is_apart, scan_folder
from pneumobench.data.spelling import same_form

TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
BOXES = "BBox_List_2017.csv"
SPLIT_LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_UNLISTED = f"in neither {' nor '.join(SPLIT_LISTS.values())}"
# What lists of a split are called otherwise: train.csv, "Test images".
_LIST_SUFFIXES = ("", ".csv", ".json", ".list", ".lst", ".tsv", ".txt")
_OF_LISTS = {"ids", "names", "files", "images", "set", "split", "data", "nih", "official"}
# Patient and follow-up number, as radiographs are published.
_PUBLISHED = re.compile(r"(\d{8})_\d{3}\.png")
# As the published list of boxes names its columns.
CORNERS = ("Bbox [x", "y", "w", "h]")
NAME, LABELS, PATIENT = "Image Index", "Finding Labels", "Patient ID"
# Published, and not read.
OTHERS = (
    *("Follow-up #", "Patient Age", "Patient Gender", "Patient Sex", "View Position", "y]"),
    *("OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "OriginalImageWidth"),
    *("OriginalImageHeight", "OriginalImagePixelSpacing_x", "OriginalImagePixelSpacing_y"),
)


def list_nih(root: Path, *, positive: str) -> Listing:
    """List the radiographs with a finding, and those with none.

    Parameters
    ----------
    root
        The folder with the tables; the radiographs lie anywhere below it.
    positive
        One of `FINDINGS`: images with it against images with no finding; those that have others
        only are left out. `abnormal`: radiographs with any finding against radiographs with none.

    Raises
    ------
    UserError
        If a table is missing or no such table, a finding is unknown or stands beside none, a
        image's name says another patient than its row, two files have the name of one image, or the
        lists of the official split contradict each other.
    """
    root = Path(root)
    table_path = _table_path(root)
    columns = read_columns(table_path, (NAME, LABELS, PATIENT), published=OTHERS)
    rows = columns.rows
    check_unique(rows, (row[NAME] for row in rows), table_path)
    _check_patients(rows, table_path)
    found = scan_folder(root)
    files = radiographs_by_name(root, found.files, [row[NAME] for row in rows], of="name")
    splits, boxes = _official_splits(root), _boxes(root, positive)
    radiographs, others = [], 0
    label_of = _labels(rows, positive, table_path)
    for row in rows:
        name, patient, label = row[NAME], row[PATIENT], label_of[row[LABELS]]
        if label is None:
            others += 1
            continue
        radiographs.append(
            Radiograph.of_row(
                *files.get(name, (name, -1)),
                label,
                splits.get(name, "") if splits else "none",
                patient=f"nih-{patient}" if patient else "",
                boxes=boxes.get(name, "") if label == "pneumonia" else "",
                reason=_UNLISTED if splits and name not in splits else "",
            )
        )
    return Listing(
        sorted(radiographs, key=lambda radiograph: radiograph.path),
        "NIH ChestX-ray14, Wang et al. 2017",
        population="adults",
        positive="any finding" if positive == ABNORMAL else positive.replace("_", " "),
        negative="no finding",
        reference="Labels were mined from radiologists' reports by a program (Wang et al. 2017).",
        litter=found.litter + len(found.files) - len(files),
        notes=[
            *_notes(others, positive),
            *_box_notes(root, boxes, [row[NAME] for row in rows]),
            *unused_note(table_path, columns.unused),
            *unread_note(root, (table_path.name, BOXES, *SPLIT_LISTS.values())),
        ],
    )


def _table_path(root: Path) -> Path:
    for name in TABLES:
        if (root / name).is_file():
            return root / name
    raise UserError(
        "the table of the NIH radiographs is not there",
        where=f"{root} (data.nih.path)",
        expected=" or ".join(TABLES),
        remedy="put the table beside the folders of images, as it is published",
    )


def _check_patients(rows: list[Row], path: Path) -> None:
    """Stop where a row gives a radiograph to another patient than its published name does."""
    for row in rows:
        match = _PUBLISHED.fullmatch(row[NAME])
        if match and row[PATIENT] and same_form(row[PATIENT]) != str(int(match[1])):
            raise UserError(
                f"{row[NAME]} and its {PATIENT}, {row[PATIENT][:40]!r}, contradict each other",
                where=f"{path}: row {row.number}",
                expected="the number of the patient at the beginning of the name",
                remedy="use the table as it is published; look for rows or cells that were moved",
            )


def _labels(rows: list[Row], positive: str, path: Path) -> dict[str, str | None]:
    """Return the label of every text that the column of findings holds."""
    label_of: dict[str, str | None] = {}
    for row in rows:
        text = row[LABELS]
        if text not in label_of:
            label_of[text] = _label(text, positive, f"{path}: row {row.number}, column {LABELS}")
    return label_of


def _label(text: str, positive: str, where: str) -> str | None:
    """Return normal, pneumonia (the positive class), or None for radiographs that take no part."""
    findings = set(text.split("|"))
    unknown = findings - {*FINDINGS, NO_FINDING}
    contradicts = NO_FINDING in findings and len(findings) > 1
    if unknown or contradicts:
        raise UserError(
            f"the table names an unknown finding, {min(unknown)!r}"
            if unknown
            else f"the table says both {NO_FINDING} and a finding, {text!r}",
            where=where,
            expected=f"{NO_FINDING}, or one or more of {', '.join(FINDINGS)}, with | between them",
            remedy="use the table as it is published",
        )
    if NO_FINDING in findings:
        return "normal"
    return "pneumonia" if positive in (ABNORMAL, *findings) else None


def _official_splits(root: Path) -> dict[str, str]:
    """Return the official split of each radiograph; nothing if there are no lists of it."""
    there = {split: root / name for split, name in SPLIT_LISTS.items() if (root / name).is_file()}
    if not there:
        _check_other_lists(root)
        return {}
    if len(there) < len(SPLIT_LISTS):
        (missing,) = set(SPLIT_LISTS.values()) - {path.name for path in there.values()}
        raise UserError(
            f"of the two lists of the official split, {missing} is missing",
            where=str(root),
            expected=" and ".join(SPLIT_LISTS.values()) + ", or neither of them",
            remedy="add the list, or move the other one away: a hold-out is then drawn by patient",
        )
    names = {split: _listed(path) for split, path in there.items()}
    both = set(names["train"]) & set(names["test"])
    if both:
        raise UserError(
            f"{len(both)} radiographs stand in both lists of the official split",
            where=f"{root}: {min(both)}",
            expected="every radiograph in one of them",
            remedy="use the lists as they are published",
        )
    return {name: split for split, listed in names.items() for name in listed}


def _check_other_lists(root: Path) -> None:
    """Stop where lists of the official split seem to be there under other names or elsewhere."""
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not is_apart((name,))]
        for name in names:
            if split := _listed_split(name):
                place = (Path(folder) / name).relative_to(root)
                raise UserError(
                    f"nobody would read {place}, which looks like a list of the official split",
                    where=str(root),
                    expected=" and ".join(SPLIT_LISTS.values()) + f" in {root}, or no such list",
                    remedy=f"rename {place} to {SPLIT_LISTS[split]}, or move it away: a hold-out "
                    "is then drawn by patient",
                )


def _listed_split(name: str) -> str:
    """Return train or test where the name of a file seems to be that of a list of it, "" else.

    >>> [_listed_split(name) for name in ("test_list", "train.csv", "test_001.png", "train.py")]
    ['test', 'train', '', '']
    """
    path = PurePosixPath(name)
    if path.suffix.lower() not in _LIST_SUFFIXES:
        return ""
    words = {split_meant(word) or word for word in words_of(path.stem)}
    parts, others = words & {"train", "val", "test"}, words - {"train", "val", "test"}
    if not parts or not ("list" in others or others <= _OF_LISTS):
        return ""
    return "test" if "test" in parts else "train"


def _listed(path: Path) -> list[str]:
    """Return the radiographs that a list of the official split names."""
    try:
        return path.read_bytes().decode("utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "a list of the official split cannot be read",
            where=f"{path}: {error}",
            expected="UTF-8 text, the name of a radiograph in each line",
            remedy="use the list as it is published, or save it anew as UTF-8",
        ) from error


def _boxes(root: Path, positive: str) -> dict[str, str]:
    """Return the boxes of the finding by radiograph."""
    path = root / BOXES
    if not path.is_file():
        return {}
    boxes: dict[str, list[list[float]]] = {}
    for row in read_rows(path, (NAME, "Finding Label", *CORNERS)):
        # The list of boxes abbreviates one of the names.
        finding = row["Finding Label"].replace("Infiltrate", "Infiltration")
        if finding not in FINDINGS:
            raise UserError(
                f"the list of boxes names an unknown finding, {row['Finding Label'][:60]!r}",
                where=f"{path}: row {row.number}",
                expected=f"one of {', '.join(FINDINGS)}",
                remedy="use the list as it is published, or move it away",
            )
        if positive not in (ABNORMAL, finding):
            continue
        boxes.setdefault(row[NAME], []).append(read_box(row, NAME, CORNERS, path))
    return {name: json.dumps(found) for name, found in boxes.items()}


def _notes(others: int, positive: str) -> list[str]:
    notes = [
        "Labels were mined from reports by a program; its authors claim over 90 % of them right."
    ]
    if others:
        notes.append(f"{others:,} radiographs with findings other than {positive} are left out.")
    return notes


def _box_notes(root: Path, boxed: Iterable[str], names: Sequence[str]) -> list[str]:
    """Say how many radiographs of the list of boxes the table does not hold.

    Raises
    ------
    UserError
        If it holds one of them under a name that is written otherwise.
    """
    others = sorted(set(boxed) - set(names))
    by_form = {_bare(name): name for name in names} if others else {}
    for name in others:
        if _bare(name) in by_form:
            raise UserError(
                f"the list of boxes calls a radiograph {name}, the table {by_form[_bare(name)]}",
                where=str(root / BOXES),
                expected="the same name in both",
                remedy="use the list as it is published, or move it away",
            )
    if not others:
        return []
    return [f"{len(others):,} radiographs of {BOXES} are not in the table, such as {others[0]}."]


def _bare(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem.casefold()
