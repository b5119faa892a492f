"""The simplest models beside the networks of a finished experiment."""

import pandas as pd
from pipeline_runs import job_counts

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, read_table


def test_baselines_stand_in_selection_comparison_tables_and_report(finished):
    splits = read_table(finished.results / "dataset/splits.csv", text=("image_id", "inner"))
    for kind in BASELINES:
        scores = read_table(finished.results / f"baselines/{kind}/out_of_fold.csv")
        development = splits[splits["role"] == "cv"]
        assert sorted(scores["image_id"]) == sorted(development["image_id"])
        merged = scores.merge(development, on="image_id", suffixes=("", "_split"))
        assert (merged["fold"] == merged["fold_split"]).all()
    selection = read_json(finished.results / "selection/selection.json")
    assert [len(entry["thresholds"]) for entry in selection["baselines"]] == [2] * len(BASELINES)
    baselines = read_json(finished.results / "comparison/comparison.json")["baselines"]
    assert {entry["baseline"] for entry in baselines["models"]} == set(BASELINES)
    table = pd.read_csv(finished.results / "comparison/comparison.csv")
    assert table["beats_baselines"].isin([True, False]).all()
    assert set(table["best_baseline"]) == {baselines["models"][0]["baseline"]}
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert report.count('<tr class="baseline">') == len(BASELINES) and "The best baseline" in report
    assert "Baseline: border" in (finished.results / "tables/comparison.md").read_text()


def test_shift_is_measured_after_the_selection_and_shown(finished):
    shift = read_json(finished.results / "comparison/shift.json")
    assert {record["label"] for record in shift["domains"]} == {"normal", "pneumonia"}
    names = {
        kind: {record[kind] for record in shift["scored"] if kind in record}
        for kind in ("model", "ensemble", "baseline")
    }
    assert names["model"] == {"custom_resnet18", "timm:resnet10t"}
    assert names["ensemble"] == set(finished.overlay["ensembles"])
    assert names["baseline"] == set(BASELINES)
    labels = read_table(finished.results / "dataset/development_labels.csv")
    blocks = read_table(finished.results / "shift/blocks.csv")
    held = blocks[blocks["held_out"] == 1]
    assert sorted(held["image_id"].unique()) == sorted(labels["image_id"])
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert (
        "Does the test set differ from the development set?" in report
        and 'id="figure-shift"' in report
    )
    # Nothing that is chosen waits for it.
    counts = job_counts(finished.succeed("--dry-run", "--forcerun", "score_shift"))
    assert counts["measure_shift"] == 1 and counts["plot_shift"] == 1
    assert not {"freeze_selection", "evaluate_run", "train_fold"} & set(counts)


def test_other_baselines_train_nothing(finished):
    counts = job_counts(finished.succeed("--dry-run", "--forcerun", "score_baselines"))
    assert counts["score_baselines"] == 1 and counts["freeze_selection"] == 1
    assert not {"train_fold", "pack_images", "split_dataset"} & set(counts)
