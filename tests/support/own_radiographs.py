"""Radiographs of one's own in four layouts: a table, folders, NIH's and RSNA's."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import dicom_fixture
import numpy as np
from fetched_fixture import jpeg, radiograph
from nih_radiographs import nih_radiographs

from pneumobench.core.task import SUBTYPES

PATIENTS = 48
BOX = [20.0, 20.0, 24.0, 24.0]


def shots(each: int) -> Iterator[tuple[int, int, str, np.ndarray]]:
    """Yield patient, shot, subtype and radiograph, `each` of them a patient; a third is healthy."""
    draw = np.random.default_rng(0)
    for patient in range(PATIENTS):
        subtype = SUBTYPES[patient % 3]
        for shot in range(each):
            yield patient, shot, subtype, radiograph(draw, subtype != "normal")


def write_rows(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def table(root: Path) -> dict:
    """Every second radiograph is a DICOM; all that the table can say is said."""
    rows = [["path", "label", "patient", "split", "boxes"]]
    for patient, shot, subtype, pixels in shots(2):
        name = f"{patient}_{shot}.{'dcm' if shot else 'jpeg'}"
        (root / name).write_bytes(dicom_fixture.jpeg(pixels) if shot else jpeg(pixels))
        boxes = "" if subtype == "normal" else json.dumps([BOX])
        split = "test" if patient % 4 == 0 else "train"
        rows.append([name, subtype, f"P{patient}", split, boxes])
    write_rows(root / "radiographs.csv", rows)
    return {"source": "table", "table": {"path": f"{root.name}/radiographs.csv"}}


def directory(root: Path) -> dict:
    """Folders by class alone; patients by a pattern."""
    for patient, shot, subtype, pixels in shots(2):
        folder = root / ("NORMAL" if subtype == "normal" else "PNEUMONIA") / f"Q{patient}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{shot}.jpeg").write_bytes(jpeg(pixels))
    pattern = "/(?P<patient>Q[0-9]+)/"
    return {
        "source": "directory",
        "directory": {"path": root.name, "patient_pattern": pattern},
    }


def nih(root: Path) -> dict:
    nih_radiographs(root)
    return {"source": "nih", "nih": {"path": root.name, "positive": "abnormal"}}


def rsna(root: Path) -> dict:
    """DICOM, 8 bits, JPEG, with boxes; a third of the radiographs is of the third class."""
    labels = [["patientId", "x", "y", "width", "height", "Target"]]
    classes = [["patientId", "class"]]
    (root / "stage_2_train_images").mkdir()
    class_of = dict(
        zip(SUBTYPES, ("Normal", "Lung Opacity", "No Lung Opacity / Not Normal"), strict=True)
    )
    for patient, shot, subtype, pixels in shots(3):
        name = f"{patient:06x}{shot:02x}-0000-4000-8000-000000000000"
        (root / f"stage_2_train_images/{name}.dcm").write_bytes(dicom_fixture.jpeg(pixels))
        opaque = class_of[subtype] == "Lung Opacity"
        labels.append([name, *(BOX if opaque else [""] * 4), int(opaque)])
        classes.append([name, class_of[subtype]])
    write_rows(root / "stage_2_train_labels.csv", labels)
    write_rows(root / "stage_2_detailed_class_info.csv", classes)
    return {"source": "rsna", "rsna": {"path": root.name}}
