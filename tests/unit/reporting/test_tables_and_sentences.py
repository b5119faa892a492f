"""Tables for reading, and sentences made from numbers."""

from collections import defaultdict
from copy import deepcopy

import pandas as pd
import pytest
from reporting_fixture import FOUR_RUNS, Experiment, Made
from shift_fixture import write_shift

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json
from pneumobench.reporting import wording
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.inputs import complete_runs, files_by_run, read_comparison, read_metrics
from pneumobench.reporting.run_records import flatten
from pneumobench.reporting.sections import answer
from pneumobench.reporting.sections import shift as shift_section
from pneumobench.reporting.sections.answer import summarise
from pneumobench.reporting.sections.clinical import clinical_rows, error_rate, subtype_rows
from pneumobench.reporting.table import cell_text
from pneumobench.reporting.tables import comparison_table, make_tables
from pneumobench.reporting.words import Words
from pneumobench.statistics.intervals import wilson

# Below the runs of `Experiment`.
BASELINES = 2
CHILDREN = Words()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("reporting"))


@pytest.fixture(scope="module")
def comparison(made):
    return read_comparison(made.comparison_csv)


@pytest.fixture(scope="module")
def facts(made):
    return read_json(made.comparison_json)


@pytest.fixture(scope="module")
def tables(made):
    paths = [made.folder / f"tables/comparison.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(made.comparison_csv, made.comparison_json, *paths, words=CHILDREN)
    return [path.read_text(encoding="utf-8") for path in paths]


def test_markdown_has_a_row_for_every_run_and_baseline(tables):
    lines = [line for line in tables[1].splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(FOUR_RUNS) + BASELINES
    assert len({line.count("|") for line in lines}) == 1
    assert "missing: folds 3 and 4 have no predictions" in lines[-BASELINES - 1]


def test_latex_escapes_special_characters(tables):
    assert r"Xception \& VGG-16 fusion" in tables[2]
    assert r"DenseNet\_121 100\%" in tables[2]
    body = tables[2].split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert body.count(r" \\") == len(FOUR_RUNS) + BASELINES


def test_csv_keeps_numbers_as_numbers(made, tables):
    table = read_table(made.folder / "tables/comparison.csv", text=("note",))
    complete = table[table["status"] == "complete"]
    assert (complete["test_roc_auc_low"] <= complete["test_roc_auc"]).all()
    assert table["note"].iloc[-BASELINES - 1].startswith("missing")


def test_no_error_among_few_radiographs_has_an_interval_with_a_width(made, comparison):
    metrics = deepcopy(read_metrics(made.metrics))
    for content in metrics.values():
        for entry in content["confusion"]:
            entry |= {"true_positive": 12, "false_negative": 0}
    low, high = wilson(12, 12, 0.95)
    perfect = {"": 1.0, "_low": float(low), "_high": float(high)}
    changed = comparison.assign(**{f"test_sensitivity{end}": perfect[end] for end in perfect})
    row = clinical_rows(changed, metrics, "test", CHILDREN)[0]
    assert cell_text(row["Missed pneumonia"]) == "0 of 12"
    assert cell_text(row["per 100 with pneumonia"]) == "0.0 (0.0\N{EN DASH}24.2)"


def test_no_sensitivity_by_subtype_where_no_subtype_is_known(comparison):
    def rows(*subtypes):
        found = [
            {"subtype": subtype, "n": 9, "sensitivity": 0.9, "low": 0.8, "high": 1.0}
            | {"dataset": "test", "threshold": "out_of_fold"}
            for subtype in subtypes
        ]
        return subtype_rows(comparison, defaultdict(lambda: {"subgroups": found}), "test")

    assert rows("unknown") == []
    assert "unknown (n = 9)" in rows("bacterial", "unknown")[0]


# Words


def test_summary_says_what_the_numbers_say(comparison, facts):
    text = " ".join(summarise(comparison, facts, CHILDREN))
    assert text.startswith("Highest out-of-fold AUC: ResNet-18 (from scratch) with")
    assert "1 of the 2 other complete runs is not statistically distinguishable from it: Xc" in text
    assert (
        "Not shown to have learned (the interval of the AUC does not lie above 0.5): CNN-LSTM."
        in text
    )
    assert "Missing, and not in any result: DenseNet_121 100%" in text
    assert "n = 120 images" in text
    assert "these trained models" in text


@pytest.mark.parametrize(("half", "shown"), [(0.03, True), (0.5, False)])
def test_only_the_interval_of_the_difference_says_that_a_threshold_fails(made, facts, half, shown):
    """The same interval speaks in the answer and under dataset shift."""
    path = write_shift(made)
    content = read_json(path)
    for one in content["scored"]:
        one["transfer"][2]["difference"] |= {
            "low": -0.4 - half, "high": -0.4 + half, "excludes_zero": shown
        }  # fmt: skip
    write_json(path, content)
    files = made.files(shift=path)
    (fall,) = [text for text in answer.build(files, CHILDREN).answer if "falls from" in text]
    change = f"a difference of -0.400 ({-0.4 - half:.3f} to {-0.4 + half:.3f})"
    chance = "" if shown else ", which may be chance"
    negatives = facts["datasets"]["test"]["n"] - facts["datasets"]["test"]["events"]
    assert f"specificity falls from 0.930 out-of-fold to 0.530, {change}{chance}" in fall
    assert ("does not carry over" in fall) == shown and f"(n = {negatives} radiographs" in fall
    if shown:
        assert "Of 100 radiographs without pneumonia, 45 to 49 are false alarms" in fall
    same = " ".join(shift_section.build(files, CHILDREN).answer)
    assert f"{change}{chance}" in same


def test_summary_of_two_runs_counts_no_single_one(comparison, facts):
    two = comparison[comparison["status"] == "complete"].iloc[:2].copy()
    two["distinguishable_from_best"] = False
    text = " ".join(summarise(two, facts, CHILDREN))
    assert "The only other complete run, Xception & VGG-16 fusion, is not statistically" in text


def test_summary_keeps_silent_about_what_did_not_happen(comparison, facts):
    rows = comparison[comparison["status"] == "complete"].iloc[:2].copy()
    rows["test_specificity"] = rows["out_of_fold_specificity"]
    rows["test_sensitivity"] = rows["out_of_fold_sensitivity"]
    rows["distinguishable_from_best"] = [False, True]
    text = " ".join(summarise(rows, facts, CHILDREN))
    assert "falls from" not in text and "Missing" not in text and "learned" not in text
    assert "is statistically distinguishable from every other run" in text
    three_seeds = pd.concat([rows.assign(seed=seed, best=seed == 1) for seed in (1, 2, 3)])
    three_seeds["best"] = [True, *[False] * 5]
    text = " ".join(summarise(three_seeds, facts, CHILDREN))
    assert "results describe these trained models" not in text


def test_which_runs_may_be_the_best_is_said_with_what_picking_adds(comparison, facts):
    text = " ".join(summarise(comparison, facts, CHILDREN))
    assert "with 95\N{NO-BREAK SPACE}% confidence, one of ResNet-18 (from scratch) and Xc" in text
    assert "picked as the highest of 3, its AUC is too high by about 0.002" in text
    clear = summarise(comparison, facts | {"optimism_of_the_best": 0.0001}, CHILDREN)
    assert "too high by" not in " ".join(clear)
    cells = [row["Rank interval"] for row in comparison_table(comparison, facts, CHILDREN).rows]
    assert cells[:3] == ["1 to 2", "1 to 3", "2 to 4"]


def test_the_answer_speaks_of_the_data_at_hand(comparison, facts):
    words = Words("effusion", "no finding", adults=True)
    text = " ".join(summarise(comparison, facts, words))
    assert "with effusion" in text
    assert "pneumonia" not in text


def test_missed_and_false_alarms_turn_intervals_round(comparison):
    for _, row in complete_runs(comparison).iterrows():
        for column in ("test_sensitivity", "out_of_fold_specificity"):
            rate = error_rate(row, column).estimate
            assert rate.low <= rate.value <= rate.high
            assert rate.value == pytest.approx(1 - row[column])
            assert cell_text(error_rate(row, column)).startswith(f"{100 - 100 * row[column]:.1f} (")


def test_numbers_are_worded_for_people():
    assert wording.with_interval(-0.01, -0.02, 0.005) == "-0.010 (-0.020 to 0.005)"
    assert wording.with_interval(float("nan"), 0, 1) == wording.EMPTY
    assert [wording.duration(seconds) for seconds in (4.2, 42, 200, 7500)] == [
        "4.2 s",
        "42 s",
        "3 min 20 s",
        "2 h 05 min",
    ]
    assert wording.plural(1, "image") == "1 image"
    assert flatten({"a": {"b": [1, None], "c": {}}}) == [("a.b", "1, null"), ("a.c", "{}")]


def test_flow_counts_add_up(made):
    flow = read_flow(made.audit, made.splits)
    assert sum(fold["images"] for fold in flow["folds"]) == flow["roles"]["cv"]["images"] == 300
    assert flow["counts"]["ok"] == sum(role["images"] for role in flow["roles"].values())
    assert sum(flow["subtypes"].values()) == flow["counts"]["ok"]


def test_labels_name_recipe_and_seed_only_where_they_differ(tmp_path):
    runs = [Made("a", "A", 2.0, 1e6), Made("a", "A", 2.5, 1e6, recipe="modern", seed=7)]
    made = Experiment(tmp_path, runs)
    labels = set(read_comparison(made.comparison_csv)["label"])
    assert labels == {"A (light, seed 42)", "A (modern, seed 7)"}


def test_file_outside_a_run_is_an_error():
    with pytest.raises(UserError, match="does not lie in a run's folder"):
        files_by_run(["elsewhere/scores.csv"], depth=1)
