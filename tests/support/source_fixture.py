"""Sources of radiographs in small, and what the audit says of them."""

import csv
from pathlib import Path

from dataset_fixture import write_radiograph
from nih_fixture import nih_name, write_nih_boxes, write_nih_lists, write_nih_table

from pneumobench.core.files import read_json
from pneumobench.data.audit import audit_dataset


def write_rows(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def audited(manifest: Path) -> dict:
    """Return the audit of a manifest whose source.json lies beside it."""
    source, audit = (manifest.with_name(name) for name in ("source.json", "audit.json"))
    limits = {"allow_crossings": [], "maximum_near_duplicate_fraction": 0.05}
    audit_dataset(manifest, source, audit, **limits)
    return read_json(audit)


def nih_folder(root: Path, split: bool = True) -> Path:
    """Twelve radiographs of six patients in the published layout; two have other findings only."""
    findings = ["No Finding", "Pneumonia", "Pneumonia|Effusion", "Effusion", "No Finding"]
    radiographs = [(number // 2 + 1, number % 2, findings[number % 5]) for number in range(12)]
    names = [nih_name(patient, follow_up) for patient, follow_up, _ in radiographs]
    for number, name in enumerate(names):
        write_radiograph(root / f"images_{number % 3 + 1:03d}/images/{name}", number)
    write_nih_table(root, radiographs)
    if split:
        write_nih_lists(root, names[:8], names[8:])
    # One finding is abbreviated where it is published.
    write_nih_boxes(
        root, [(names[1], "Pneumonia", "10.5,20,5,6"), (names[2], "Infiltrate", "1,1,2,2")]
    )
    return root
