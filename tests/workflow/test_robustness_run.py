"""Radiographs made worse, on a finished experiment: more predictions and figures, no training."""

import shutil

import chromium
import pytest
from page_checks import WIDTHS, assert_whole
from pipeline_runs import RUN, job_counts
from tiny_experiment import TINY

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_json, read_table

FOLDS, RUNS = 2, 2


@pytest.fixture(scope="module")
def robust(finished, make_workflow):
    """A copy of the finished experiment with one strength asked for."""
    flow = make_workflow(
        robustness={"strengths": [2], "test_time_normalisation": True},
        evaluation=TINY["evaluation"] | {"label_errors": True},
    )
    shutil.copytree(finished.folder, flow.folder, dirs_exist_ok=True)
    return flow


def test_asking_for_it_adds_predictions_and_what_is_computed_from_them(robust):
    counts = job_counts(robust.succeed("--dry-run"))
    assert counts["predict_corrupted"] == RUNS * FOLDS
    assert counts["predict_renormalised"] == RUNS * FOLDS
    assert counts["evaluate_robustness"] == RUNS
    assert counts["compare_robustness"] == counts["compare_runs"] == counts["plot_robustness"] == 1
    assert counts["measure_shift"] == 1
    assert counts["find_label_errors"] == counts["plot_doubted_labels"] == 1
    untouched = {"train_fold", "score_baselines", "freeze_selection", "evaluate_run", "explain_run"}
    assert not untouched & set(counts)


def test_each_out_of_fold_image_is_judged_under_every_corruption(finished, robust):
    robust.succeed()
    assert "Nothing to be done" in robust.succeed("--dry-run")
    labels = read_table(robust.results / "dataset/development_labels.csv")
    for fold in range(FOLDS):
        folder = robust.results / RUN / f"fold{fold}"
        plain = read_table(folder / "out_of_fold.csv")
        corrupted = read_table(folder / "corrupted.csv")
        for _, part in corrupted.groupby("corruption"):
            assert part["image_id"].tolist() == plain["image_id"].tolist()
        before = (finished.results / RUN / f"fold{fold}" / "out_of_fold.csv").read_bytes()
        assert (folder / "out_of_fold.csv").read_bytes() == before
    table = read_table(robust.results / RUN / "robustness.csv")
    assert table["corruption"].tolist() == ["none", *CORRUPTIONS]
    assert (table["n"] == len(labels)).all()
    # What is judged here uncorrupted is what was judged before.
    metrics = read_json(robust.results / RUN / "metrics.json")["estimates"]
    for metric, aggregate, threshold in (
        ("roc_auc", "fold_mean", "none"), ("specificity", "pooled", "out_of_fold"),
    ):  # fmt: skip
        (found,) = [
            entry for entry in metrics
            if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
            == ("out_of_fold", aggregate, threshold, metric)
        ]  # fmt: skip
        for name, bound in (("value", ""), ("low", "_low"), ("high", "_high")):
            assert table.loc[0, f"{metric}{bound}"] == pytest.approx(found[name], abs=1e-12)
    looks = [read_json(path)["purpose"] for path in (robust.results / "test_looks").iterdir()]
    assert looks.count("statistics of the test images") == RUNS
    pairs = read_table(robust.results / "comparison/robustness.csv")
    assert len(pairs) == 2 and (pairs["first_worst"] >= pairs["second_worst"]).all()
    compared = read_table(robust.results / "comparison/comparison.csv")
    assert compared["worst_specificity_strength_2"].notna().all()
    report = (robust.results / "report/report.html").read_text(encoding="utf-8")
    assert (
        "Li et al. 2016" in report
        and "How robust are the models to image corruption?" in report
        and 'id="figure-robustness"' in report
    )
    assert (robust.results / "figures/robustness.pdf").stat().st_size > 5000


@pytest.mark.skipif(chromium.find() is None, reason="no chromium on this machine")
def test_the_whole_report_in_a_browser(robust, tmp_path):
    """Every section that an experiment of this size has, in a window and on a telephone."""
    browser = chromium.Chromium(chromium.find(), tmp_path)
    try:
        for width in WIDTHS:
            pictures = assert_whole(browser, robust.results / "report/report.html", width)
            assert pictures > 10
    finally:
        browser.close()
