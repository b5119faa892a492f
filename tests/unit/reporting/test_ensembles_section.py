"""Ensembles in words and tables."""

import pytest
from reporting_fixture import Experiment, ensemble_of
from section_fixture import CHILDREN, report_files, table_of

from pneumobench.core.files import read_json, read_table, write_json
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.sections.ensembles import build
from pneumobench.reporting.tables import make_tables


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = Experiment(tmp_path_factory.mktemp("made"), n=(120, 200))
    members = [run for run in made.runs if not run.missing]
    entries = [
        ensemble_of("logistic_stack", 0.99, members, optimistic=True, difference=0.02),
        ensemble_of("rank_mean", 0.97, members, difference=0.001),
        ensemble_of("mean_logit", 0.8, members, difference=-0.1),
    ]
    facts = read_json(made.comparison_json)
    facts |= {"ensembles": entries}
    entries[2]["differences"][0]["excludes_zero"] = True  # out of fold, not on the test set
    write_json(made.comparison_json, facts)
    return made


@pytest.fixture
def comparison(made):
    return read_comparison(made.comparison_csv)


@pytest.fixture
def facts(made):
    return read_json(made.comparison_json)


def section(made, entries, folder):
    write_json(folder / "changed.json", read_json(made.comparison_json) | {"ensembles": entries})
    return build(report_files(made, details=folder / "changed.json"), CHILDREN)


def test_ensembles_stand_between_runs_and_baselines_without_a_rank(made, tmp_path):
    paths = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(made.comparison_csv, made.comparison_json, *paths, words=CHILDREN)
    table = read_table(paths[0], text=("note", "title"))
    assert table["status"].tolist() == (
        ["complete"] * 3 + ["missing"] + ["ensemble"] * 3 + ["baseline"] * 2
    )
    assert table["rank"].notna().sum() == 3
    stack, mean = (table[table["title"] == f"Ensemble: {name}"].iloc[0]
                   for name in ("logistic stack", "mean logit"))  # fmt: skip
    assert stack["note"] == "2 of 3 runs combined; optimistic out of fold"
    assert mean["note"] == "3 of 3 runs combined"
    complete = table[table["status"] == "complete"]
    assert mean["parameters_millions"] == pytest.approx(complete["parameters_millions"].sum())
    lines = paths[1].read_text()
    assert "| Ensemble: rank mean |" in lines and "Ensembles combine runs" in lines
    assert "Ensemble: rank mean" in paths[2].read_text()


def test_without_ensembles_nothing_is_said_of_them(facts, made, tmp_path):
    assert section(made, [], tmp_path) is None
    bare = tmp_path / "comparison.json"
    write_json(bare, facts | {"ensembles": []})
    paths = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(made.comparison_csv, bare, *paths, words=CHILDREN)
    assert not any("nsemble" in path.read_text() for path in paths)


def test_the_answer_names_who_is_above_and_below_the_best_run(made, comparison, facts, tmp_path):
    best = comparison.iloc[0]["label"]
    assert section(made, facts["ensembles"], tmp_path).answer == (
        "The logistic stack helps here, out of fold and on the test set.",
        f"The top-ranked single run is {best}.",
        "Out of fold, the AUC of the logistic stack is higher than that of the top-ranked run; "
        "the AUC of the mean logit is lower than that of the top-ranked run.",
        "On the test set, the AUC of the logistic stack is higher than that of the top-ranked run.",
        "The ensembles that help out of fold were fitted to labels, which flatters them there.",
    )


def test_the_answer_where_nothing_is_distinguishable(made, facts, tmp_path):
    lead, _, *sentences = section(made, facts["ensembles"][1:2], tmp_path).answer
    assert lead == "Out of fold, by which one would choose, ensembles are not shown to help."
    assert len(sentences) == 2
    for sentence in sentences:
        assert "no ensemble is distinguishable from the top-ranked run" in sentence


def test_the_answer_where_the_test_set_does_not_bear_it_out(made, facts, tmp_path):
    facts["ensembles"][0]["differences"][1]["excludes_zero"] = False
    facts["ensembles"][1]["differences"][0]["excludes_zero"] = True
    answer = section(made, facts["ensembles"], tmp_path).answer
    assert answer[0] == (
        "Each of the logistic stack and the rank mean helps out of fold; on the test set this is "
        "not shown."
    )
    # One that looks at no label helps as well.
    assert len(answer) == 4 and "the logistic stack and the rank mean is" in answer[2]


def test_one_ensemble_out_of_fold_and_another_on_the_test_set_are_no_help(made, facts, tmp_path):
    stack, ranks = facts["ensembles"][:2]
    stack["differences"][1]["excludes_zero"] = False
    ranks["differences"][0]["excludes_zero"] = False
    ranks["differences"][1] |= {"difference": 0.02, "excludes_zero": True}
    answer = section(made, facts["ensembles"], tmp_path).answer
    assert answer[0] == "The logistic stack helps out of fold; on the test set this is not shown."


def test_rows_say_what_is_optimistic_and_what_it_costs(made, facts, tmp_path):
    found = section(made, facts["ensembles"], tmp_path)
    stack, ranks, _ = table_of(found, "ensembles")
    assert stack["Out-of-fold score"] == "optimistic"
    assert ranks["Out-of-fold score"] == "no label used"
    assert stack["Runs used"] == "2 of 3" and ranks["Runs used"] == "3 of 3"
    assert stack["Out-of-fold difference"] == "0.0200 (0.0150\N{EN DASH}0.0250)"
    assert table_of(found, "ensemble_costs")[0]["Parameters (M)"] == "47.1"


def test_weights_are_those_of_each_run(made, comparison, facts, tmp_path):
    rows = table_of(section(made, facts["ensembles"], tmp_path), "ensemble_weights")
    assert {row["Run"] for row in rows} == {
        row["label"] for _, row in comparison.iterrows() if row["status"] == "complete"
    }
    assert rows[0]["Logistic stack"] == "0.50 (0.40\N{EN DASH}0.60)"
    assert rows[2]["Logistic stack"] == "0.00" and rows[2]["Rank mean"] == "0.33"
