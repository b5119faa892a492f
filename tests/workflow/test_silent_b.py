"""Lists of images that went wrong without a word: what a user sees of them now."""

import csv

import numpy as np
import pytest
from PIL import Image

from pneumobench.core.files import read_json, read_table

MANIFEST = "results/tiny/dataset/manifest.csv"
AUDIT = "results/tiny/dataset/audit.json"
COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


def write_picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 255, (80, 90), dtype=np.uint8)
    Image.fromarray(grey).save(path)


@pytest.fixture
def tabled(make_workflow):
    """A workflow on a table: a function of its columns and of the cells behind path and label."""
    flow = make_workflow(data={"source": "table", "table": {"path": "t.csv"}})

    def tabled(columns, cells):
        rows = [["path", "label", *columns]]
        for number, more in enumerate(cells):
            write_picture(flow.folder / f"radiographs/{number}.png", number)
            rows.append([f"radiographs/{number}.png", number % 2, *more])
        with (flow.folder / "t.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        return flow

    return tabled


def refused(flow, *words):
    """Insist on one message with these words, and on no results."""
    finished = flow.run(AUDIT)
    assert finished.returncode == 1 and "Traceback" not in finished.stdout, finished.stdout
    for word in (*words, "to do:"):
        assert word in finished.stdout, finished.stdout
    assert not (flow.folder / AUDIT).exists()


def test_columns_that_nobody_reads(tabled):
    cells = [[f"P{number // 3}", "test" if number % 4 == 0 else "train"] for number in range(8)]
    flow = tabled(["patient_id", "Split"], cells)
    refused(flow, "t.csv", "rename 'patient_id' to 'patient', rename 'Split' to 'split'")
    assert not (flow.folder / MANIFEST).exists()
    # Named well, they tell a crossing.
    refused(tabled(["patient", "split"], cells), "patient P0", "audit_failed.json")


def test_one_patient_in_two_forms_and_odd_cells(tabled):
    cells = [[f"P\r{number}", "test" if number > 5 else "train"] for number in range(24)]
    cells = [[*row, number] for number, row in enumerate(cells)]
    flow = tabled(["patient", "split", "age"], cells)
    flow.succeed(AUDIT)
    assert len(read_table(flow.folder / MANIFEST)) == 24
    audit = read_json(flow.folder / AUDIT)
    assert audit["counts"]["patients"] == 24
    assert "columns of t.csv that nobody reads: age" in audit["warnings"]
    (flow.folder / AUDIT).unlink()
    cells[3][0], cells[10][0] = COMPOSED, DECOMPOSED
    refused(
        tabled(["patient", "split", "age"], cells), f"patient {COMPOSED}", "written in several ways"
    )


def test_masks_copies_and_own_results(make_workflow):
    flow = make_workflow(data={"source": "directory", "directory": {"path": "."}})
    for number in range(24):
        kind = ("NORMAL", "PNEUMONIA")[number % 2]
        write_picture(flow.folder / f"{kind}/images/scan-{number}.png", number)
        write_picture(flow.folder / f"{kind}/masks/scan-{number}.png", 100 + number)
    flow.succeed(AUDIT)
    audit = read_json(flow.folder / AUDIT)
    assert (audit["counts"]["ok"], audit["counts"]["rejected"]) == (24, 24)
    assert any("masks (24)" in warning for warning in audit["warnings"])
    assert any("left out: results" in warning for warning in audit["warnings"])
    assert "Nothing to be done" in flow.succeed(AUDIT)
    (flow.folder / AUDIT).unlink()
    for number in range(0, 24, 4):
        radiograph = Image.open(flow.folder / f"NORMAL/images/scan-{number}.png")
        brighter = radiograph.point([min(255, value + 20) for value in range(256)])
        brighter.save(flow.folder / f"NORMAL/images/copy-of-{number}.png")
    refused(flow, "12 of 30 images look nearly like one of another", "maximum_near_duplicate")
