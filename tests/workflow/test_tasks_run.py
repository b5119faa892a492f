"""The other tasks, from nothing to the report: subtypes, and a finding of adults."""

import re
import shutil

import pytest
from nih_radiographs import nih_radiographs
from pipeline_runs import job_counts

from pneumobench.core.files import read_json, read_table
from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES

RUN = "runs/timm-resnet10t/light/seed42"
SMALL = {"light": {"epochs": 1, "batch_size": 16, "offline_copies": False}}
ONE = {"runs": [{"model": "timm:resnet10t"}], "ensembles": [], "recipes": SMALL}


@pytest.fixture(scope="module")
def subtypes(make_workflow):
    flow = make_workflow(
        experiment="subtypes",
        task="subtype",
        data={"phantom": {"patients": 60, "image_px": 96}},
        explanation={"method": "grad_cam", "images": 2, "tested_images": 1},
        **ONE,
    )
    flow.succeed()
    return flow


def test_subtypes_from_nothing_to_the_report(subtypes):
    results = subtypes.results
    record = read_json(results / RUN / "fold0/run.json")
    assert record["outputs"] == 3 and record["settings"]["task"] == "subtype"
    assert read_json(results / "experiment.json")["identity"]["task"] == "subtype"
    for name in ("out_of_fold.csv", "test.csv"):
        assert set(LOGIT_COLUMNS) < set(read_table(results / RUN / f"fold1/{name}").columns)
    found = read_json(results / "comparison/subtypes.json")
    assert found["classes"] == list(SUBTYPES)
    assert [entry["status"] for entry in found["runs"]] == ["complete", "baseline", "baseline"]
    labels = read_table(results / "dataset/test_labels.csv")
    assert found["datasets"]["test"]["viral"] == (labels["subtype"] == "viral").sum()
    for kind in ("png", "pdf"):
        assert (results / f"figures/subtypes.{kind}").stat().st_size > 10_000
    report = (results / "report/report.html").read_text(encoding="utf-8")
    assert "Which kind of pneumonia is it?" in report and 'id="figure-subtypes"' in report
    assert "Which architecture detects pneumonia best?" in report
    looks = [read_json(path) for path in (results / "test_looks").iterdir()]
    purposes = sorted(look["purpose"] for look in looks if "model" in look)
    assert purposes == ["evaluation", "subtypes"]


def test_another_task_is_another_experiment(subtypes):
    assert "Nothing to be done" in subtypes.succeed("--dry-run")
    subtypes.overlay["task"] = "binary"
    try:
        refused = subtypes.run("--dry-run")
    finally:
        subtypes.overlay["task"] = "subtype"
    assert refused.returncode != 0 and 'task: "subtype" in the folder' in refused.stdout


def test_subtypes_are_rebuilt_from_an_archive(subtypes, make_workflow):
    subtypes.succeed("archive_results")
    flow = make_workflow()
    shutil.copy(subtypes.results / "subtypes.zip", flow.folder / "passed_on.zip")
    flow.overlay = {"archive": "passed_on.zip"}
    counts = job_counts(flow.succeed("figures", "--dry-run"))
    assert {"unpack_archive", "evaluate_subtypes", "plot_subtypes"} <= set(counts)
    assert not {"score_subtypes", "train_fold", "split_dataset"} & set(counts)


def test_effusion_in_adults_is_called_that(make_workflow):
    flow = make_workflow(experiment="effusion", **ONE)
    nih_radiographs(flow.folder / "nih")
    flow.overlay["data"] = {"source": "nih", "nih": {"path": "nih", "positive": "Effusion"}}
    flow.succeed()
    splits = read_table(flow.results / "dataset/splits.csv", text=("image_id", "inner"))
    tested = splits.loc[splits["role"] == "test", "image_id"]
    listed = (flow.folder / "nih/test_list.txt").read_text().split()
    assert sorted(f"{name}.png" for name in tested) == sorted(listed)
    manifest = read_table(flow.results / "dataset/manifest.csv", text=("boxes",))
    assert ((manifest["boxes"] != "") == (manifest["label"] == "pneumonia")).all()
    card = (flow.results / RUN / "model_card.md").read_text(encoding="utf-8")
    report = (flow.results / "report/report.html").read_text(encoding="utf-8")
    table = (flow.results / "tables/comparison.md").read_text(encoding="utf-8")
    report = re.sub(r'src="data:[^"]+"', "", report)
    assert "Which architecture detects effusion best?" in report
    assert "<title>Effusion on chest radiographs" in report
    assert "Positive class: effusion; negative class: no finding." in report
    assert "one logit of effusion" in card and "with effusion" in table
    # What the networks were not shown.
    strangers = r"Children, other hospitals|children, other devices"
    for text in (report, card, table):
        left = r".{20}(?:[Pp]neumonia|[Pp]aediatric|(?<![\w-])[Cc]hild).{20}"
        assert not re.findall(left, re.sub(strangers, "", text))
