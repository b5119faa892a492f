"""Differences in figures and report: the right pair in the right cell, and words that fit."""

import re

import numpy as np
import pytest
from reporting_fixture import FOUR_RUNS, Experiment, Made

from pneumobench.core.files import read_json, write_json
from pneumobench.core.run import Run
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.differences_section import DifferencesInputs, differences_section
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.report import render_report
from pneumobench.reporting.wording import EMPTY, p_value

TWICE = (*FOUR_RUNS[:3], Made("plain_resnet18", "ResNet-18", 3.1, 11.17e6))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("differences"), TWICE)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("alone"), FOUR_RUNS[:1])


def test_section_says_what_holds_and_what_was_not_tested(made):
    section = differences_section(read_comparison(made.comparison_csv), made.differences)
    text = " ".join(section["answer"])
    pairs = read_differences(made.differences.table)
    held = pairs[pairs["dataset"] == "out_of_fold"]["distinguishable"].sum()
    assert 0 < held < 6 and f"Out of fold {held} of the 6 pairs of runs" in text
    assert "At the top of the ranking no test tells" in text
    assert "0 of the 11 comparisons planned beforehand could be tested" in text
    assert "1 pair is one model trained twice" in text
    assert len(section["pairs"]) == 12 and section["architectures"] == []
    (noise,) = section["contrasts"]
    assert noise["Compared"] == "ResNet-18 against ResNet-18 (from scratch)"
    assert noise["Reading"].startswith("one model twice")
    assert noise["Out-of-fold: adjusted p"] == EMPTY
    assert any("no complete run of alexnet and vgg16" in text for text in section["not_testable"])


@pytest.mark.parametrize(
    ("low", "high", "reading"),
    [
        ((True, 0.02), (True, 0.02), "better in both"),
        ((True, -0.02), (False, -0.02), "worse out of fold, not distinguishable on test"),
        ((False, 0.02), (False, -0.02), "cannot be told apart"),
    ],
)
def test_contrast_is_read_by_what_holds(made, tmp_path, low, high, reading):
    content = read_json(made.differences.details)
    (pair,) = content["contrasts"][3]["pairs"]
    pair |= {"noise_floor": False, "status": "tested", "reason": ""}
    for result, (holds, difference) in zip(pair["results"], (low, high), strict=True):
        result |= {"holds": holds, "difference": difference, "p_holm": 0.0001 if holds else 0.4}
    write_json(tmp_path / "changed.json", content)
    inputs = DifferencesInputs(made.differences.table, tmp_path / "changed.json")
    section = differences_section(read_comparison(made.comparison_csv), inputs)
    (contrast,) = section["contrasts"]
    assert contrast["Reading"] == reading
    assert contrast["Test set: adjusted p"] == ("<0.001" if high[0] else "0.400")
    text = " ".join(section["answer"])
    assert "1 of the 11 comparisons planned beforehand could be tested" in text
    side = "better" if low[1] > 0 else "worse"
    wanted = f"ResNet-18 is {side} than ResNet-18 (from scratch)" if low[0] else "none of their"
    assert wanted in text


def test_reference_has_a_table_of_its_own(tmp_path):
    runs = (
        Made("plain_resnet18", "ResNet-18", 3.1, 11e6), Made("alexnet", "AlexNet", 0.3, 61e6),
        Made("vgg16", "VGG-16", 3.0, 138e6),
    )  # fmt: skip
    made = Experiment(tmp_path, runs)
    comparison = read_comparison(made.comparison_csv)
    section = differences_section(comparison, made.differences)
    assert section["reference"] is None and "named beforehand" not in " ".join(section["answer"])
    made._write_differences(reference="plain_resnet18")
    section = differences_section(comparison, made.differences)
    lead = "2 comparisons with ResNet-18, the reference named beforehand: out of fold one holds"
    assert f"{lead}: AlexNet is worse than ResNet-18." in section["answer"]
    rows = {row["Compared"]: row for row in section["reference"]["rows"]}
    assert set(rows) == {"AlexNet against ResNet-18", "VGG-16 against ResNet-18"}
    assert rows["AlexNet against ResNet-18"]["Reading"] == "worse in both"
    assert rows["AlexNet against ResNet-18"]["Test set: adjusted p, DeLong"] == "<0.001"
    path = tmp_path / "report.html"
    render_report(
        made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
        made.run_jsons, {}, made.selection, path, title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}},
        differences=made.differences,
    )  # fmt: skip
    assert "<h3>Against ResNet-18</h3>" in path.read_text(encoding="utf-8")


def test_seeds_together_stand_in_a_table_of_their_own(tmp_path):
    runs = [Made("vgg16", "VGG-16", 2.0, 1e6, seed=seed) for seed in (1, 2, 3)]
    made = Experiment(tmp_path, tuple(runs))
    section = differences_section(read_comparison(made.comparison_csv), made.differences)
    (row,) = section["architectures"]
    assert row["Speaks of"] == "the architecture" and row["Seeds"] == "3"
    assert "3 pairs are one model trained twice" in " ".join(section["answer"])
    assert set(read_differences(made.differences.table)["noise_floor"]) == {"another seed"}


def test_one_run_has_nothing_to_compare(alone):
    section = differences_section(read_comparison(alone.comparison_csv), alone.differences)
    assert section["answer"][0] == "Only one run is complete: there is nothing to compare."
    assert section["pairs"] == []


def test_report_has_the_section_where_differences_were_tested(made, tmp_path):
    path = tmp_path / "report.html"
    render_report(
        made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
        made.run_jsons, {}, made.selection, path, title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}},
        differences=made.differences,
    )  # fmt: skip
    text = path.read_text(encoding="utf-8")
    section = re.search(r'<section id="differences">.*?</section>', text, re.DOTALL)[0]
    assert "Which differences hold?" in section and "Every pair of runs (12 rows)" in section
    assert (
        "differences.csv" in re.search(r'<section id="origins">.*?</section>', text, re.DOTALL)[0]
    )


def test_p_values_are_never_zero():
    assert [p_value(p) for p in (0.0001, 0.0005, 0.0345, 1.0)] == [
        "<0.001", "0.001", "0.035", "1.000"
    ]  # fmt: skip
    assert p_value(None) == p_value(np.nan) == EMPTY


def test_runs_of_pairs_are_read_back(made):
    pairs = read_differences(made.differences.table)
    assert set(pairs["first"]) | set(pairs["second"]) == {
        Run(run.model, run.recipe, run.seed) for run in TWICE
    }
