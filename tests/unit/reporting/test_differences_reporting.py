"""Differences in figures and report: the right pair in the right cell, and words that fit."""

import re

import numpy as np
import pytest
from reporting_fixture import FOUR_RUNS, Experiment, Made
from section_fixture import CHILDREN, EFFUSION, report_files, table_of, text_of

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.section import Heading, Points, walk
from pneumobench.reporting.sections.differences import TESTS, build
from pneumobench.reporting.wording import EMPTY, p_value

TWICE = (*FOUR_RUNS[:3], Made("plain_resnet18", "ResNet-18", 3.1, 11.17e6))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("differences"), TWICE)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("alone"), FOUR_RUNS[:1])


def section_of(made, words=CHILDREN, details=None):
    return build(
        report_files(
            made,
            differences=made.differences.table,
            differences_details=details or made.differences.details,
        ),
        words,
    )


def test_section_says_what_holds_and_what_was_not_tested(made):
    section = section_of(made)
    text = " ".join(section.answer)
    pairs = read_differences(made.differences.table)
    held = pairs[pairs["dataset"] == "out_of_fold"]["distinguishable"].sum()
    assert 0 < held < 6 and f"Out of fold, {held} of the 6 pairs of runs" in text
    assert "runs at the top of the ranking are not distinguishable" in text
    assert "None of the 11 planned comparisons could be tested" in text
    assert "1 pair is the same model trained twice" in text
    assert len(table_of(section, "all_pairs")) == 12 and not table_of(section, "seeds")
    (noise,) = table_of(section, "planned_comparisons")
    assert noise["Comparison"] == "ResNet-18 vs ResNet-18 (from scratch)"
    assert noise["Result"].startswith("the same model trained twice")
    assert noise["Out-of-fold: adjusted p"] == EMPTY
    (folded,) = [part for part in walk(section.blocks) if isinstance(part, Points)]
    assert any("no complete run of alexnet and vgg16" in text for text in folded.sentences)
    assert section.figures == ["critical_difference", "differences"]
    assert [row[1] for row in section.origins] == ["comparison/differences.csv, differences.json"]
    assert re.search(
        r"out-of-fold: [\d\s]+ permutations, test set: [\d\s]+ permutations", text_of(section)
    )


def test_cells_are_the_numbers_of_the_files(made):
    pairs = read_differences(made.differences.table)
    (shown,) = [table for table in section_of(made).tables if table.name == "all_pairs"]
    for row, (_, pair) in zip(shown.rows, pairs.iterrows(), strict=True):
        assert row["Difference in AUC"] == Estimate.of_row(pair, "difference")
        for test, title in TESTS.items():
            found, wanted = row[title].value, pair[f"{test}_p_holm"]
            assert found == wanted or np.isnan([found, wanted]).all()


@pytest.mark.parametrize(
    ("low", "high", "reading"),
    [
        ((True, 0.02), (True, 0.02), "better in both"),
        ((True, -0.02), (False, -0.02), "worse out of fold, not distinguishable on the test set"),
        ((False, 0.02), (False, -0.02), "not distinguishable"),
    ],
)
def test_contrast_is_read_by_what_holds(made, tmp_path, low, high, reading):
    content = read_json(made.differences.details)
    (pair,) = content["contrasts"][3]["pairs"]
    pair |= {"noise_floor": False, "status": "tested", "reason": ""}
    for result, (holds, difference) in zip(pair["results"], (low, high), strict=True):
        result |= {"holds": holds, "difference": difference, "p_holm": 0.0001 if holds else 0.4}
    write_json(tmp_path / "changed.json", content)
    section = section_of(made, details=tmp_path / "changed.json")
    (contrast,) = table_of(section, "planned_comparisons")
    assert contrast["Result"] == reading
    assert contrast["Test set: adjusted p"] == ("<0.001" if high[0] else "0.400")
    text = " ".join(section.answer)
    assert "1 of the 11 planned comparisons could be tested" in text
    side = "better" if low[1] > 0 else "worse"
    wanted = f"ResNet-18 is {side} than ResNet-18 (from scratch)" if low[0] else "none of the"
    assert wanted in text


def test_reference_has_a_table_of_its_own(tmp_path):
    runs = (
        Made("plain_resnet18", "ResNet-18", 3.1, 11e6), Made("alexnet", "AlexNet", 0.3, 61e6),
        Made("vgg16", "VGG-16", 3.0, 138e6),
    )  # fmt: skip
    made = Experiment(tmp_path, runs)
    section = section_of(made)
    assert not table_of(section, "reference_comparisons")
    assert "the reference" not in " ".join(section.answer)
    made._write_differences(reference="plain_resnet18")
    section = section_of(made)
    lead = "2 comparisons with ResNet-18, the reference: out of fold, one"
    assert (
        f"{lead} difference is significant: AlexNet is worse than ResNet-18 (p = 0.004)."
        in section.answer
    )
    rows = {row["Comparison"]: row for row in table_of(section, "reference_comparisons")}
    assert set(rows) == {"AlexNet vs ResNet-18", "VGG-16 vs ResNet-18"}
    assert rows["AlexNet vs ResNet-18"]["Result"] == "worse in both"
    assert rows["AlexNet vs ResNet-18"]["Test set: adjusted p, DeLong"] == "<0.001"
    assert Heading("Comparison with ResNet-18") in section.blocks
    assert "`evaluation.reference`" in text_of(section)


def test_seeds_together_stand_in_a_table_of_their_own(tmp_path):
    runs = [Made("vgg16", "VGG-16", 2.0, 1e6, seed=seed) for seed in (1, 2, 3)]
    made = Experiment(tmp_path, tuple(runs))
    section = section_of(made)
    (row,) = table_of(section, "seeds")
    assert row["Applies to"] == "the architecture" and row["Seeds"] == "3"
    assert "3 pairs are the same model trained twice" in " ".join(section.answer)
    assert set(read_differences(made.differences.table)["noise_floor"]) == {"another seed"}


def test_one_run_has_nothing_to_compare(alone):
    section = section_of(alone)
    assert section.answer[0] == "Only one run is complete, so there is nothing to compare."
    assert not table_of(section, "all_pairs")


@pytest.mark.parametrize("held", [True, False])
def test_two_runs_are_one_pair(tmp_path, held):
    made = Experiment(tmp_path, FOUR_RUNS[:2])
    table = read_table(made.differences.table, text=("noise_floor",))
    write_table(made.differences.table, table.assign(distinguishable=held))
    (first, *_) = section_of(made).answer
    said = "" if held else "not "
    assert first.startswith(f"Out of fold, the two runs are {said}statistically distinguishable at")
    assert first.endswith("on the test set they are." if held else "on the test set they are not.")


def test_section_is_there_where_differences_were_tested_and_names_no_disease(made):
    assert build(report_files(made), CHILDREN) is None
    assert text_of(section_of(made, EFFUSION)) == text_of(section_of(made))


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
