"""Row of the suite about NIH's table: a published set indexed without decoding a radiograph."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import median_of, ratio_of, take_turns
from PIL import Image
from rows_ingest import LIMITS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "unit"))

from nih_fixture import nih_name, write_nih_boxes, write_nih_lists, write_nih_table

from pneumobench.data.index import index_dataset

RADIOGRAPHS, PATIENTS, LISTED_FOR_TEST, FOLDERS = 112_120, 30_805, 25_596, 12
BOXES = 984
SIDE = 1024
# Every image is a link to one of these: a file system allows some ten thousand links to a file.
FILES = 16
FINDINGS = ("No Finding", "Effusion", "No Finding", "Infiltration|Mass", "No Finding")


def nih_row(repetitions: int, threads: int, radiographs: int = RADIOGRAPHS) -> dict[str, Any]:
    """Measure listing and reading all headers against a plain loop of pandas and PIL.

    The loop finds each row's file by its name and asks it for its size, and no more.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _publish(folder / "nih", radiographs)

        def loop() -> int:
            return _loop(folder / "nih")

        contenders: dict[str, Callable[[], int]] = {"pandas and PIL, one core": loop}
        for workers in sorted({1, threads}):
            contenders[f"ours, {workers} workers"] = lambda workers=workers: _index(
                folder, workers, radiographs
            )
        speeds = take_turns(contenders, repetitions)
    return {
        "row": f"NIH table, {radiographs:,} rows, headers",
        "unit": "images/s",
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / loop": ratio_of(speeds, "ours, 1 workers", "pandas and PIL, one core").record(),
    }


def _index(folder: Path, workers: int, radiographs: int) -> int:
    index_dataset(
        folder / "manifest.csv",
        folder / "source.json",
        source="nih",
        root=folder / "nih",
        options={"positive": "abnormal"},
        reading="header",
        limits=LIMITS,
        maximum_rejected_fraction=0.0,
        workers=workers,
    )
    return radiographs


def _loop(root: Path) -> int:
    table = pd.read_csv(root / "Data_Entry_2017.csv")
    files = {path.name: path for path in root.rglob("*.png")}
    sizes = []
    for name in table["Image Index"]:
        with Image.open(files[name]) as image:
            sizes.append(image.size)
    return len(sizes)


def _publish(root: Path, radiographs: int) -> None:
    """Write tables, lists and folders of so many radiographs in the published layout."""
    patients = max(radiographs * PATIENTS // RADIOGRAPHS, 1)
    rows = sorted(
        (number % patients + 1, number // patients, FINDINGS[number % len(FINDINGS)])
        for number in range(radiographs)
    )
    names = [nih_name(patient, follow_up) for patient, follow_up, _ in rows]
    _link_radiographs(root, names)
    write_nih_table(root, rows)
    for_development = radiographs - radiographs * LISTED_FOR_TEST // RADIOGRAPHS
    write_nih_lists(root, names[:for_development], names[for_development:])
    sick = [name for name, row in zip(names, rows, strict=True) if row[2] == "Effusion"]
    write_nih_boxes(root, [(name, "Effusion", "256,512,300,200") for name in sick[:BOXES]])


def _link_radiographs(root: Path, names: list[str]) -> None:
    """Write a few radiographs, and each name as a link to one of them."""
    random = np.random.default_rng(0)
    folders = [root / f"images_{number + 1:03d}/images" for number in range(FOLDERS)]
    for folder in folders:
        folder.mkdir(parents=True)
    originals = [root.parent / f"{number}.png" for number in range(FILES)]
    for path in originals:
        coarse = random.integers(0, 256, (SIDE // 16, SIDE // 16), dtype=np.uint8)
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
    for number, name in enumerate(names):
        os.link(originals[number % FILES], folders[number * FOLDERS // len(names)] / name)
