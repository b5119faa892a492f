"""ChestX-ray14's tables and lists, laid out as they are published."""

import csv
from collections.abc import Iterable
from pathlib import Path

HEADER = (
    "Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender",
    "View Position", "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]",
)  # fmt: skip


def nih_name(patient: int, follow_up: int) -> str:
    """Return the name that the radiographs are published under."""
    return f"{patient:08d}_{follow_up:03d}.png"


def write_nih_table(root: Path, radiographs: Iterable[tuple[int, int, str]]) -> None:
    """Write Data_Entry_2017.csv of patient, follow-up number and findings of each radiograph."""
    alike = (58, "M", "PA", 2682, 2749, 0.143, 0.143)
    rows = [
        [nih_name(patient, follow_up), findings, follow_up, patient, *alike]
        for patient, follow_up, findings in radiographs
    ]
    with (root / "Data_Entry_2017.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])


def write_nih_lists(root: Path, development: Iterable[str], test: Iterable[str]) -> None:
    """Write the official split."""
    (root / "train_val_list.txt").write_text("\n".join(development))
    (root / "test_list.txt").write_text("\n".join(test) + "\n")


def write_nih_boxes(root: Path, boxes: Iterable[tuple[str, str, str]]) -> None:
    """Write BBox_List_2017.csv of name, finding and `x,y,w,h` of each box."""
    # As it is published: every row ends in empty cells.
    rows = [f"{name},{finding},{corners},,,\n" for name, finding, corners in boxes]
    text = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n" + "".join(rows)
    (root / "BBox_List_2017.csv").write_text(text)
