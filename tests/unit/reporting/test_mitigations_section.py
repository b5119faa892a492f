"""The section on mitigations: recipes held against their reference."""

import numpy as np
import pandas as pd
import pytest
from reporting_fixture import Experiment, Made
from robustness_fixture import Robustness
from section_fixture import EFFUSION, table_of, texts, usual_words

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.sections.mitigations import build
from pneumobench.reporting.words import Words

RECIPES = {
    "plain": {"epochs": 4, "preprocessing": "none", "augmentation": {"noise": 0.0}},
    "clahe": {"epochs": 4, "preprocessing": "clahe", "augmentation": {"noise": 0.0}},
    "strong": {"epochs": 4, "preprocessing": "none", "augmentation": {"noise": 0.1}},
}
SETTINGS = {"robustness": {"reference_recipe": "plain"}, "recipes": RECIPES}


@pytest.fixture(scope="module")
def treated(tmp_path_factory):
    """One network by three recipes, another by the reference alone."""
    made = Experiment(
        tmp_path_factory.mktemp("mitigations"),
        (
            *(Made("small", "Small", 3.0, 1e6, recipe=recipe) for recipe in RECIPES),
            Made("other", "Other", 3.1, 1e6, recipe="plain"),
        ),
    )
    robustness = Robustness(made)
    robustness.write_pairs(half=0.015)
    comparison = read_comparison(made.comparison_csv)
    worst = {}
    for content in map(read_json, robustness.details):
        for entry in content["worst"]:
            key = (content["model"], content["recipe"], entry["metric"])
            worst[key] = entry["value"]
    for metric in ("specificity", "sensitivity"):
        values = [worst[row["model"], row["recipe"], metric] for _, row in comparison.iterrows()]
        name = f"worst_{metric}_strength_2"
        columns = {name: values, f"{name}_low": np.nan, f"{name}_high": np.nan}
        comparison = pd.concat([comparison, pd.DataFrame(columns)], axis=1)

    def files(settings=SETTINGS, comparison=comparison, **changes):
        found = made.files(settings, **(robustness.inputs | changes))
        found.__dict__["comparison"] = comparison
        return found

    return files


def test_recipes_are_held_against_the_reference_with_what_differs(treated):
    section = build(treated(), Words())
    rows = table_of(section, "mitigations")
    assert rows[0]["Run"] == "Small (plain)"
    by_run = {row["Run"]: row for row in rows}
    assert set(by_run) == {"Small (plain)", "Small (clahe)", "Small (strong)"}
    assert by_run["Small (plain)"]["What differs"] == "the reference"
    assert by_run["Small (clahe)"]["What differs"] == "preprocessing: clahe"
    assert by_run["Small (strong)"]["What differs"] == "augmentation.noise: 0.1"
    # The fixture takes 0.02 more from every later run.
    assert by_run["Small (clahe)"]["Minus the reference's"] == "-0.020 (-0.035 to -0.005)"
    assert by_run["Small (strong)"]["Minus the reference's"].startswith("-0.040")
    (sentence,) = section.answer
    assert "is lower with" in sentence and "clahe" in sentence and "higher" not in sentence
    assert "(strength 2)" in " ".join(texts(section))


@pytest.mark.parametrize("reference", [None, "never_complete"])
def test_without_a_reference_there_is_no_section(treated, reference):
    settings = SETTINGS | {"robustness": {"reference_recipe": reference}}
    assert build(treated(settings), Words()) is None


def test_without_files_there_is_no_section(treated):
    assert build(treated(robustness_pairs=[]), Words()) is None
    assert build(treated({}), Words()) is None


def test_a_pair_that_is_missing_is_named(treated):
    comparison = treated().comparison
    runs = [Run(row["model"], row["recipe"], 7) for _, row in comparison.iterrows()]
    with pytest.raises(UserError, match="compare_robustness"):
        build(treated(comparison=comparison.assign(run=runs)), Words())


def test_words_are_those_of_the_data(treated):
    assert usual_words(build(treated(), EFFUSION)) == []
