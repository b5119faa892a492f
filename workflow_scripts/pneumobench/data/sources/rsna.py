"""RSNA Pneumonia Detection Challenge 2018: DICOM radiographs of NIH's, read anew, with boxes.

Shih et al., Radiology: Artificial Intelligence 1, 2019, e180041. The published layout:
stage_2_train_labels.csv, stage_2_detailed_class_info.csv, stage_2_train_images/<patientId>.dcm.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.data.sources.columns import Row, read_box, read_columns, unread_note, unused_note
from pneumobench.data.sources.directory import radiographs_by_name
from pneumobench.data.sources.radiograph import Listing, Radiograph
from pneumobench.data.sources.scan import scan_folder

LABELS, CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
# Published, and says nothing of the radiographs here.
SUBMISSION = "stage_2_sample_submission.csv"
NAME, TARGET, CLASS = "patientId", "Target", "class"
BOX = ("x", "y", "width", "height")
# As pandas saves a column of whole numbers that once had gaps.
_AS_FLOAT = {"0.0": "0", "1.0": "1"}
OPACITY, NORMAL, OTHER = "Lung Opacity", "Normal", "No Lung Opacity / Not Normal"


def list_rsna(root: Path, *, negatives: str) -> Listing:
    """List the radiographs with opacities, and those without.

    Parameters
    ----------
    root
        The folder with both tables; the images, <patientId>.dcm (or .png), lie anywhere below it.
    negatives
        normal: radiographs read as normal; all: all radiographs without opacity.

    Raises
    ------
    UserError
        If a table is missing or no such table, the two contradict each other, or two files have
        the name of one radiograph.
    """
    root = Path(root)
    rows_of: dict[str, list[Row]] = {}
    labels = read_columns(root / LABELS, (NAME, *BOX, TARGET))
    for row in labels.rows:
        rows_of.setdefault(row[NAME], []).append(row)
    classes = read_columns(root / CLASSES, (NAME, CLASS))
    class_of = _classes(root / CLASSES, classes.rows)
    found = scan_folder(root)
    files = radiographs_by_name(root, found.files, rows_of, of="stem")
    radiographs, others = [], 0
    for name, rows in rows_of.items():
        label = _label(name, rows, class_of, root)
        if label == "normal" and negatives == "normal" and class_of[name] != NORMAL:
            others += 1
            continue
        radiographs.append(
            Radiograph.of_row(
                *files.get(name, (f"{name}.dcm", -1)),
                label,
                "none",
                patient=f"rsna-{name}",
                boxes=_boxes(rows, root / LABELS) if label == "pneumonia" else "",
            )
        )
    _check_same_radiographs(root, rows_of, class_of)
    return Listing(
        sorted(radiographs, key=lambda radiograph: radiograph.path),
        "RSNA Pneumonia Detection Challenge 2018, Shih et al. 2019",
        population="adults",
        positive="lung opacity",
        negative="normal" if negatives == "normal" else "no such opacity",
        reference="Radiologists marked opacities suspicious of pneumonia (Shih et al. 2019).",
        litter=found.litter + len(found.files) - len(files),
        notes=[
            *_notes(others),
            *unused_note(root / LABELS, labels.unused),
            *unused_note(root / CLASSES, classes.unused),
            *unread_note(root, (LABELS, CLASSES, SUBMISSION)),
        ],
    )


def _classes(path: Path, rows: list[Row]) -> dict[str, str]:
    classes: dict[str, str] = {}
    for row in rows:
        first = classes.setdefault(row[NAME], row[CLASS])
        if row[CLASS] not in (OPACITY, NORMAL, OTHER) or first != row[CLASS]:
            again = "" if first == row[CLASS] else f", and {first!r} before"
            raise UserError(
                f"the table of classes says {row[CLASS]!r} of {row[NAME]}{again}",
                where=f"{path}: row {row.number}",
                expected=f"for each radiograph one of: {OPACITY}; {NORMAL}; {OTHER}",
                remedy="use the table as it is published",
            )
    return classes


def _label(name: str, rows: list[Row], class_of: dict[str, str], root: Path) -> str:
    targets = {_AS_FLOAT.get(row[TARGET], row[TARGET]) for row in rows}
    expected = {"1"} if class_of.get(name) == OPACITY else {"0"}
    if name not in class_of or targets != expected:
        raise UserError(
            f"the two tables contradict each other about {name}",
            where=f"{root / LABELS}: Target {', '.join(sorted(targets))}; {root / CLASSES}: "
            f"{class_of.get(name, 'no row')}",
            expected=f"Target 1 with {OPACITY}, 0 with the other classes",
            remedy="use the tables as they are published",
        )
    if targets == {"1"}:
        return "pneumonia"
    for row in rows:
        box = [row[key] for key in BOX if row[key].lower() not in ("", "nan")]
        if box:
            raise UserError(
                f"{name} has a box, but Target 0",
                where=f"{root / LABELS}: row {row.number}, {', '.join(box)}",
                expected="boxes in rows with Target 1 alone",
                remedy="use the table as it is published",
            )
    return "normal"


def _check_same_radiographs(root: Path, labelled: Iterable[str], classed: Iterable[str]) -> None:
    """Stop where the table of classes has images that the other lacks, as when that one was cut."""
    missing = sorted(set(classed) - set(labelled))
    if missing:
        raise UserError(
            f"{len(missing):,} radiographs of {CLASSES} are not in {LABELS}",
            where=f"{root}: {', '.join(missing[:3])}",
            expected="the same radiographs in both tables",
            remedy="use the tables as they are published; leave rows out of both",
        )


def _boxes(rows: list[Row], path: Path) -> str:
    return json.dumps([read_box(row, NAME, BOX, path) for row in rows])


def _notes(others: int) -> list[str]:
    notes = [
        "A patientId stands for one image; whether two of them are of one patient is not told, so "
        "a patient may stand on both sides of a split."
    ]
    if others:
        notes.append(
            f"{others:,} radiographs that are neither normal nor with opacities are left out."
        )
    return notes
