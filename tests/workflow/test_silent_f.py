"""Networks and radiograph names of the worst kind, from nothing to the report."""

import csv

import numpy as np
import pytest
from fetched_fixture import jpeg, radiograph

from pneumobench.core.files import read_json, read_table

PATIENTS = 40
# Of one name in all folders; the second is markup, a format and a pattern at once.
STEMS = ("IM-0001-0001", "$_{1}^{$ %s {x} 病")
WITHOUT, WITH = "timm-efficientvim_m1", "timm-test_vit"


def radiographs_of_two_names(root):
    """Write two images of each patient, in a folder of its own, and a table of them."""
    draw = np.random.default_rng(0)
    rows = [["path", "label", "patient"]]
    for patient in range(PATIENTS):
        sick = patient % 2 == 1
        for stem in STEMS:
            path = root / f"P{patient}/{stem}.jpeg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(radiograph(draw, sick)))
            rows.append([path.relative_to(root), "pneumonia" if sick else "normal", f"P{patient}"])
    with (root / "radiographs.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


@pytest.mark.slow
def test_network_without_maps_and_radiographs_of_one_name_reach_the_report(make_workflow):
    flow = make_workflow(
        data={"source": "table", "table": {"path": "radiographs/radiographs.csv"}},
        runs=["timm:efficientvim_m1", "timm:test_vit"],
        recipes={"light": {"epochs": 1, "batch_size": 16, "offline_copies": False}},
        explanation={
            "method": "grad_cam", "images": 4, "tested_images": 1, "second_opinions": 1
        },
    )  # fmt: skip
    radiographs_of_two_names(flow.folder / "radiographs")
    output = flow.succeed("results/tiny/report/report.html")
    previewed, trained = output.index("rule preview_maps"), output.index("rule train_fold")
    assert previewed < trained

    explanations = flow.results / "explanations"
    reason = read_json(explanations / WITHOUT / "preview.json")["reason"]
    assert "4 tensors of 4 branches" in reason
    assert read_json(explanations / WITH / "preview.json")["reason"] == ""
    log = (flow.results / f"logs/preview_maps/{WITHOUT}.log").read_text(encoding="utf-8")
    assert "will not be available" in log

    folder = explanations / WITH / "light/seed42"
    explained = read_table(folder / "explained.csv", text=("image_id", "chosen"))
    wanted = explained["chosen"].str.contains("outcome").sum()
    panels = [path.name for path in (folder / "panels").glob("*.png")]
    assert len(panels) == wanted > 1 and all(name.isascii() for name in panels)
    none = (explanations / WITHOUT / "light/seed42/panels/no_maps.txt").read_text(encoding="utf-8")
    assert reason in none

    details = read_json(flow.results / "comparison/explanations.json")
    assert [run["run"] for run in details["without_maps"]] == [f"{WITHOUT}/light/seed42"]
    text = (flow.results / "report/report.html").read_text(encoding="utf-8")
    assert "No maps are available for efficientvim_m1" in text and "not available" in text
    assert "$_{1}^{$ %s {x} 病.jpeg" in text or "IM-0001-0001.jpeg" in text


def test_network_that_cannot_be_used_stops_before_training(make_workflow):
    flow = make_workflow(
        runs=["timm:vit_tiny_patch16_224", "timm:test_vit"],
        explanation={"method": "grad_cam", "layer": "network.block.1"},
    )
    stopped = flow.run(
        "results/tiny/models/timm-vit_tiny_patch16_224.json",
        "results/tiny/explanations/timm-test_vit/preview.json",
        "--keep-going",
    )
    assert stopped.returncode != 0 and "Traceback" not in stopped.stdout
    assert "timm:vit_tiny_patch16_224 does not take images of 64 px" in stopped.stdout
    assert "no layer network.block.1" in stopped.stdout
    assert not any(flow.results.rglob("*.json"))
