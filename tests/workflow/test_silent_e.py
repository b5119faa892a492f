"""Files between jobs: what is not what was written ends in one message, and is recreated."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_experiment import TINY

from pneumobench.data.manifest import read_manifest

DATASET = "results/tiny/dataset"
FOLD = "results/tiny/runs/custom_resnet18/light/seed42/fold0/run.json"
# Line ends, signs of formulas, quotes and separators within names.
PATIENTS = [
    "a\rb",
    "c\nd",
    "e\r\nf",
    "=1+1",
    "+g",
    "-h",
    "@i",
    'j"',
    "k,l",
    "'m",
    "n;=o",
    "007",
    "NA",
]


@pytest.fixture(scope="module")
def packed(make_workflow):
    """An experiment whose images are packed."""
    recipe = TINY["recipes"]["light"] | {"epochs": 1, "offline_copies": False}
    flow = make_workflow(recipes={"light": recipe}, runs=["custom_resnet18"])
    flow.succeed(f"{DATASET}/images_64.npy", "results/tiny/precision.json")
    return flow


def reverse_rows(content):
    head, *rows = content.splitlines(keepends=True)
    return b"".join([head, *reversed(rows)])


def change_byte(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def rewrite(path, content):
    """Change a file, but not its time stamp, by which Snakemake would make others anew."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("splits.csv", reverse_rows),
        ("development_labels.csv", reverse_rows),
        ("images_64.npy", change_byte),
        ("images_64.json", lambda content: content[: len(content) // 2]),
    ],
)
def test_training_stops_at_a_changed_file(packed, name, change):
    path = packed.folder / DATASET / name
    whole = path.read_bytes()
    rewrite(path, change(whole))
    try:
        finished = packed.run(FOLD)
    finally:
        rewrite(path, whole)
    assert finished.returncode != 0
    assert f"{name} is not what was written" in finished.stdout
    assert f"remove {DATASET}/{name}" in finished.stdout
    assert "Traceback (most recent call last)" not in finished.stdout
    assert not (packed.folder / FOLD).exists()


def test_the_message_tells_the_way_out(packed):
    path = packed.folder / DATASET / "splits.csv"
    whole = path.read_bytes()
    path.unlink()
    packed.succeed(FOLD)
    assert path.read_bytes() == whole and (packed.folder / FOLD).exists()


def test_every_image_has_its_row_whatever_its_patient_is_called(make_workflow):
    flow = make_workflow(data={"source": "table", "table": {"path": "radiographs.csv"}})
    (flow.folder / "radiographs").mkdir()
    rows = []
    for number, patient in enumerate(PATIENTS * 2):
        grey = np.random.default_rng(number).integers(0, 255, (40, 40), dtype=np.uint8)
        Image.fromarray(grey).save(flow.folder / f"radiographs/-{number}.png")
        label = "normal" if number < len(PATIENTS) else "pneumonia"
        rows.append((f"radiographs/-{number}.png", label, f"{patient}{label}"))
    table = pd.DataFrame(rows, columns=["path", "label", "patient"])
    table.to_csv(flow.folder / "radiographs.csv", index=False, quoting=csv.QUOTE_ALL)
    flow.succeed(f"{DATASET}/manifest.csv")
    path = flow.folder / DATASET / "manifest.csv"
    manifest = read_manifest(path)
    assert len(manifest) == len(rows) == path.read_bytes().count(b"\n") - 1
    assert set(manifest["status"]) == {"ok"}
    assert sorted(Path(path).name for path in manifest["path"]) == sorted(
        Path(file).name for file, _, _ in rows
    )
    assert manifest["patient"].nunique() == len(rows)
