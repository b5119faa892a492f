"""Test-time augmentation on a finished experiment: more predictions, no training."""

import shutil

import pytest
from pipeline_runs import RUN, job_counts

from pneumobench.core.files import read_json, read_table

FOLDS = [f"runs/{model}/light/seed42/fold{fold}"
         for model in ("custom_resnet18", "timm-resnet10t") for fold in (0, 1)]  # fmt: skip


@pytest.fixture(scope="module")
def views(finished, make_workflow):
    """A copy of the finished experiment with the option turned on."""
    flow = make_workflow(prediction={"test_time_augmentation": "flip"})
    shutil.copytree(finished.folder, flow.folder, dirs_exist_ok=True)
    return flow


def test_turning_it_on_adds_predictions_and_what_is_computed_from_them(views):
    counts = job_counts(views.succeed("--dry-run"))
    assert counts["predict_views"] == len(FOLDS)
    assert {"freeze_selection", "evaluate_run", "compare_runs", "render_report"} <= set(counts)
    # Nothing is trained, packed or explained anew.
    before = {"index_dataset", "split_dataset", "pack_images", "train_fold", "score_baselines"}
    assert not set(counts) & (before | {"predict_corrupted", "explain_run", "assess_maps"})


def test_averages_stand_beside_the_plain_predictions(finished, views):
    views.succeed("tables")
    for fold in FOLDS:
        for name in ("weights.safetensors", "run.json", "out_of_fold.csv", "test.csv"):
            plain = finished.results / fold / name
            assert (views.results / fold / name).read_bytes() == plain.read_bytes()
        for name in ("out_of_fold", "test"):
            plain = read_table(views.results / fold / f"{name}.csv")
            averaged = read_table(views.results / fold / f"{name}_flip.csv")
            assert averaged["image_id"].equals(plain["image_id"])
            assert set(averaged["tta"]) == {"flip"}
            assert not averaged["logit"].equals(plain["logit"])
    plain, both = (
        read_table(flow.results / "comparison/comparison.csv") for flow in (finished, views)
    )
    same = [column for column in plain if column != "train_seconds"]
    assert both[same].equals(plain[same])
    assert both["tta_test_roc_auc"].between(0, 1).all()
    assert "Test AUC, averaged" in (views.results / "tables/comparison.md").read_text()
    assert "test_time_augmentation" not in read_json(finished.results / RUN / "metrics.json")
    assert "predict_views" not in job_counts(views.succeed("--dry-run"))
