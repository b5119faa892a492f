"""External data added to a finished experiment: nothing is trained, nothing is tuned on them."""

import shutil

import pytest
from pipeline_runs import job_counts
from tiny_experiment import Workflow

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, read_table

FOLDS, RUNS = 2, 2
PHANTOMS = {"phantom": {"patients": 30, "seed": 11, "shift": 0.9}}
LABELS = ("image_id", "label", "subtype", "patient")


@pytest.fixture(scope="module")
def validated(finished, tmp_path_factory) -> Workflow:
    """The finished experiment, as it is, with phantoms of other children beside it."""
    folder = tmp_path_factory.mktemp("external") / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Workflow(folder, finished.overlay | {"external": PHANTOMS})


def predictions(flow) -> dict[str, bytes]:
    """Return everything that networks and baselines said, and what was frozen."""
    found = [*flow.results.rglob("external.csv"), *flow.results.rglob("selection.json")]
    return {
        str(path.relative_to(flow.results)): path.read_bytes()
        for path in found
        if path.parent.name != "comparison"
    }


def test_nothing_else_is_done_again(validated):
    counts = job_counts(validated.succeed("--dry-run"))
    assert counts == {
        "generate_external_phantoms": 1, "index_external": 1, "admit_external": 1,
        "pack_external": 1, "predict_external": FOLDS * RUNS, "score_external_baselines": 1,
        "evaluate_external": 1, "plot_external": 1, "fill_checklists": 1,
        "write_model_card": RUNS, "render_report": 1, "write_tables": 1, "list_figures": 1,
        "all": 1, "total": FOLDS * RUNS + RUNS + 12,
    }  # fmt: skip


def test_runs_and_baselines_are_judged_and_reported(validated):
    before = (validated.results / "selection/selection.json").read_bytes()
    validated.succeed()
    assert "Nothing to be done" in validated.succeed("--dry-run")
    assert (validated.results / "selection/selection.json").read_bytes() == before
    table = read_table(validated.results / "comparison/external.csv", text=("model", "baseline"))
    assert len(table) == RUNS + len(BASELINES)
    labels = read_table(validated.results / "external/labels.csv", text=LABELS)
    assert (table["n"] == len(labels)).all()
    assert table["external_roc_auc"].between(0, 1).all()
    details = read_json(validated.results / "comparison/external.json")
    assert details["sources"]["external"]["population"] == "phantoms"
    assert len(details["judged"][0]["subtypes"]) == 2
    report = (validated.results / "report/report.html").read_text(encoding="utf-8")
    assert 'id="external"' in report and 'id="figure-external"' in report
    assert "Out of population" not in report
    assert (validated.results / "figures/external.pdf").stat().st_size > 1000


def test_a_recipe_s_preprocessing_is_that_of_external_radiographs_too(validated):
    recipes = {"light": validated.overlay["recipes"]["light"] | {"preprocessing": "clahe"}}
    other = Workflow(validated.folder, validated.overlay | {"recipes": recipes})
    assert job_counts(other.succeed("--dry-run"))["preprocess_external"] == 1


def test_an_archive_rebuilds_the_table_from_predictions(validated, make_workflow):
    validated.succeed("archive_results")
    archive = validated.results / "tiny.zip"
    flow = make_workflow()
    flow.overlay = {"archive": str(archive)}
    target = "results/tiny/comparison/external.csv"
    assert not {"predict_external", "index_external"} & set(
        job_counts(flow.succeed("--dry-run", "--", target))
    )
    flow.succeed("--", target)
    assert (flow.folder / target).read_bytes() == (validated.folder / target).read_bytes()


def test_flipped_labels_change_no_prediction_and_no_selection(validated, finished):
    known, there = (
        {path.parent.name for path in flow.folder.glob("resources/datasets/*/phantoms.csv")}
        for flow in (finished, validated)
    )
    (name,) = there - known
    folder = validated.folder / "resources/datasets" / name
    flipped = validated.folder / "flipped"
    for path in (folder / "chest_xray").rglob("*.*"):
        part, label, name = path.relative_to(folder / "chest_xray").parts
        other = {"NORMAL": "PNEUMONIA", "PNEUMONIA": "NORMAL"}[label]
        (flipped / part / other).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, flipped / part / other / name)
    old, was = predictions(validated), areas(validated)
    assert len(old) == RUNS * FOLDS + len(BASELINES) + 1
    external = {"source": "directory", "directory": {"path": "flipped"}}
    flow = Workflow(validated.folder, validated.overlay | {"external": external})
    flow.succeed()
    assert predictions(flow) == old
    assert areas(flow) == pytest.approx(1 - was, abs=1e-9)
    report = (flow.results / "report/report.html").read_text(encoding="utf-8")
    assert "Population unknown" in report


def areas(flow):
    return read_table(flow.results / "comparison/external.csv")["external_roc_auc"].to_numpy()
