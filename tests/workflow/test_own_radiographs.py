"""Radiographs of one's own, to the report: a table, folders, NIH's layout and RSNA's."""

import dicom_fixture
import pytest
from own_radiographs import directory, nih, rsna, table

from pneumobench.core.files import read_json, read_table

pytestmark = pytest.mark.slow

LIGHT = {"light": {"epochs": 2, "batch_size": 16, "offline_copies": False}}


@pytest.mark.parametrize("publish", [table, directory, nih, rsna])
def test_to_the_report(make_workflow, publish):
    flow = make_workflow(
        recipes=LIGHT, explanation={"method": "grad_cam", "images": 2, "tested_images": 1}
    )
    root = flow.folder / "radiographs"
    root.mkdir()
    flow.overlay["data"] = publish(root)
    flow.succeed()
    assert "Nothing to be done" in flow.succeed("--dry-run")
    comparison = read_table(flow.results / "comparison/comparison.csv", text=("model",))
    assert {"custom_resnet18", "timm:resnet10t"} <= set(comparison["model"])
    source = read_json(flow.results / "dataset/source.json")
    report = (flow.results / "report/report.html").read_text(encoding="utf-8")
    assert source["title"] in report
    for secret in dicom_fixture.SECRETS:
        files = [path for path in flow.results.rglob("*") if path.is_file()]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
