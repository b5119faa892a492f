"""Repeated cross-validation on a finished experiment: further trainings, the first ones stay."""

import shutil

import pytest
from pipeline_runs import RUN, job_counts

from pneumobench.core.files import read_json, read_table

FOLDS, RUNS = 2, 2
KEPT = ("dataset/splits.csv", f"{RUN}/fold0/out_of_fold.csv", "comparison/comparison.csv")


@pytest.fixture(scope="module")
def repeated(finished, make_workflow):
    """A copy of the finished experiment, its development patients to be divided twice."""
    flow = make_workflow(split={"folds": FOLDS, "repeats": 2})
    shutil.copytree(finished.folder, flow.folder, dirs_exist_ok=True)
    return flow


def test_a_repeat_adds_trainings_and_leaves_the_first_alone(finished, repeated):
    counts = job_counts(repeated.succeed("--dry-run"))
    assert counts["train_fold"] == RUNS * FOLDS
    assert counts["split_repeat"] == counts["measure_variation"] == 1
    untouched = {"split_dataset", "index_dataset", "freeze_selection", "evaluate_run"}
    assert not untouched & set(counts)
    repeated.succeed()
    assert "Nothing to be done" in repeated.succeed("--dry-run")
    for name in KEPT:
        assert (repeated.results / name).read_bytes() == (finished.results / name).read_bytes()


def test_spread_between_repeats_is_measured_and_shown(repeated):
    table = read_table(repeated.results / "comparison/variation.csv")
    assert (table["repeats"] == 2).all() and len(table) == RUNS
    assert (table["recipe_low"] <= table["roc_auc_low"]).all()
    details = read_json(repeated.results / "comparison/variation.json")
    ranked = read_table(repeated.results / "comparison/comparison.csv").set_index("model")
    for each in details["trainings"]:
        if each["repeat"] == 0:
            area = ranked.loc[each["model"], "out_of_fold_roc_auc"]
            assert each["value"] == pytest.approx(area, abs=1e-12)
    report = (repeated.results / "report/report.html").read_text(encoding="utf-8")
    assert "Would another training give the same result?" in report


def test_repeats_are_rebuilt_from_an_archive(repeated, make_workflow):
    repeated.succeed("archive_results")
    flow = make_workflow()
    shutil.copy(repeated.results / "tiny.zip", flow.folder / "passed_on.zip")
    flow.overlay = {"archive": "passed_on.zip"}
    flow.succeed()
    name = "comparison/variation.csv"
    rebuilt = flow.folder / "results/tiny" / name
    assert rebuilt.read_bytes() == (repeated.results / name).read_bytes()
