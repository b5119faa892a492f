"""Runs combined, in a finished experiment."""

import pytest
from pipeline_runs import job_counts

from pneumobench.core.files import read_json, read_table

KINDS = ("rank_mean", "logistic_stack")


def test_ensembles_stand_in_selection_comparison_tables_and_report(finished):
    splits = read_table(finished.results / "dataset/splits.csv", text=("image_id", "inner"))
    tested = splits[splits["role"] == "test"]
    for kind in KINDS:
        scores = read_table(finished.results / f"ensembles/{kind}/out_of_fold.csv")
        merged = scores.merge(splits, on="image_id", suffixes=("", "_split"))
        assert len(merged) == len(scores) == (splits["role"] == "cv").sum()
        assert (merged["fold"] == merged["fold_split"]).all()
        test = read_table(finished.results / f"ensembles/{kind}/test.csv")
        assert sorted(test["image_id"]) == sorted([*tested["image_id"]] * 2)
        assert "label" not in test
    selection = read_json(finished.results / "selection/selection.json")
    assert [entry["ensemble"] for entry in selection["ensembles"]] == list(KINDS)
    assert [len(entry["thresholds"]) for entry in selection["ensembles"]] == [2, 2]
    entries = read_json(finished.results / "comparison/comparison.json")["ensembles"]
    frozen = {entry["ensemble"]: entry["auc_fold_mean"] for entry in selection["ensembles"]}
    assert {entry["ensemble"]: entry["out_of_fold_roc_auc"] for entry in entries} == (
        pytest.approx(frozen, abs=1e-12)
    )
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert report.count('<tr class="ensemble">') == 2 and 'id="ensembles"' in report
    assert "Ensemble: rank mean" in (finished.results / "tables/comparison.md").read_text()


def test_other_ensembles_train_and_predict_nothing(finished):
    more = type(finished)(finished.folder, finished.overlay | {"ensembles": ["mean_logit"]})
    counts = job_counts(more.succeed("--dry-run"))
    assert counts["combine_ensemble"] == 1 and counts["freeze_selection"] == 1
    assert not {"train_fold", "score_baselines", "predict_views"} & set(counts)
