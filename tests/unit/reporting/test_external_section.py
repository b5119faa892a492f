"""The section on external validation."""

import pytest
from external_fixture import source, write_external
from reporting_fixture import Experiment
from section_fixture import EFFUSION, table_of, texts, usual_words

from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.section import Notice, Points
from pneumobench.reporting.sections.external import build, population_warning
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("external_section"))


@pytest.fixture(scope="module")
def section(made):
    return build(made.files(external=write_external(made)), Words())


@pytest.mark.parametrize(
    ("own", "other", "lead", "said"),
    [
        (
            "children",
            "adults",
            "Out of population:",
            "trained on images that show children; the external images",
        ),
        ("children", "phantoms", "Out of population:", "show drawn phantoms."),
        ("adults", "children", "Out of population:", "images that show mostly adults;"),
        ("unknown", "adults", "Population unknown:", "the source of the training images does not"),
        (
            "children",
            "unknown",
            "Population unknown:",
            "the source of the external images does not",
        ),
        ("unknown", "unknown", "Population unknown:", "neither source states who"),
    ],
)
def test_population_is_held_against_that_of_training(own, other, lead, said):
    found = population_warning({"data": source(own), "external": source(other)})
    assert found.lead == lead and said in found.text


@pytest.mark.parametrize("population", ["children", "phantoms"])
def test_nothing_is_said_of_one_population(population):
    same = {"data": source(population), "external": source(population)}
    assert population_warning(same) is None


def test_answer_has_figures_of_the_first_in_rank(section):
    first, highest, decisions, calibration, baseline = section.answer
    assert first.startswith("On 400 external images (some radiographs; 100 positive)")
    assert "the top-ranked run, ResNet-18 (from scratch), has an AUC of 0.700 (" in first
    assert "instead of 0.950" in first and "a difference of -0.250 (" in first
    assert "chance" not in first
    assert highest.startswith("A higher external AUC, with its whole interval, is 0.800 (")
    assert "its sensitivity goes from 0.950" in decisions
    assert "; its specificity goes from 0.950" in decisions
    assert "too high on average (calibration in the large -0.50 (" in calibration
    assert "share of positive images is 25\N{NO-BREAK SPACE}%" in calibration
    assert (
        "external AUC of a baseline" in baseline
        and "is 0.600 (" in baseline
        and "Baseline: " in baseline
    )
    assert "every network should exceed" in baseline


def test_other_population_and_other_labels_are_said(section):
    (notice,) = [block for block in section.blocks if isinstance(block, Notice)]
    assert notice.lead == "Out of population:"
    (points,) = [block for block in section.blocks if isinstance(block, Points)]
    labels, last = points.sentences
    assert "“opacity”" in labels and "“pneumonia”" in labels
    assert last == "12 radiographs that are neither are left out."


def test_tables_hold_both_sets(section):
    row = table_of(section, "external")[0]
    assert row["AUC, external"].startswith("0.700 (")
    assert row["AUC, difference"].startswith("-0.250 (")
    assert row["Average precision, external"].startswith("0.700 (")
    external, development = table_of(section, "external_images")
    assert external["Who was examined"] == "mostly adults" and external["Patients"] == "350"
    assert external["Number"] == "400" and development["Images"] == "Development"
    measures = table_of(section, "external_calibration_after")[0]
    assert measures["Calibration in the large, external"].startswith("-0.500 (")
    assert measures["Brier score, out-of-fold"].startswith("0.030 (")
    assert "Before calibration" in texts(section) and section.figures == ["external"]
    missed = table_of(section, "external_subtypes")[0]
    assert missed["Sensitivity, viral (n = 12)"].startswith("0.800 (0.700")
    assert "evaluate_external" in [origin[2] for origin in section.origins]


def test_unknown_patients_are_not_counted(made):
    path = write_external(made, name="patients.json")
    content = read_json(path)
    content["radiographs"]["unknown_patients"] = 400
    write_json(path, content)
    section = build(made.files(external=path), Words())
    external, development = table_of(section, "external_images")
    assert external["Patients"] == "unknown" and development["Patients"] != "unknown"


def test_without_calibration_plain_probabilities_stand_alone(made):
    path = write_external(made, name="plain.json", stages=("before",), large=0.01)
    section = build(made.files(external=path), Words())
    names = [one.name for one in section.tables if "calibration" in one.name]
    assert names == ["external_calibration_before"] and "Before calibration" not in texts(section)
    assert "uncalibrated probabilities" in section.answer[3]
    assert "on the external images they are not shown to be miscalibrated" in section.answer[3]


def test_an_area_that_is_higher_within_the_intervals_is_not_called_better(made):
    path = write_external(made, name="close.json")
    content = read_json(path)
    for record in content["judged"][1]["estimates"]:
        record["external"] = {"value": 0.71, "low": 0.69, "high": 0.73}
    content["judged"][2:-2] = []
    write_json(path, content)
    highest = build(made.files(external=path), Words()).answer[1]
    assert highest.startswith("The highest external AUC is 0.710 (")
    assert "not shown to be the better one there" in highest


def test_a_set_of_few_images_gets_no_verdict_on_probabilities(made):
    path = write_external(made, name="few.json", large=-3.0)
    content = read_json(path)
    content["datasets"]["external"] |= {"n": 12, "events": 5}
    write_json(path, content)
    answer = " ".join(build(made.files(external=path), Words()).answer)
    assert "they cannot be judged: too few images (7 without and 5 with pneumonia)" in answer
    assert "too high" not in answer and "These results rest on few images" in answer


def test_undefined_figures_are_said_to_be_so(made):
    path = write_external(made, name="undefined.json")
    content = read_json(path)
    for record in content["judged"][0]["estimates"]:
        record["external"] = {"value": None, "low": None, "high": None}
    write_json(path, content)
    section = build(made.files(external=path), Words())
    assert table_of(section, "external")[0]["AUC, external"] == "\N{EM DASH}"


def test_words_are_those_of_the_data(made):
    own = source("adults", "effusion") | {"negative": "no finding"}
    path = write_external(made, name="words.json", own=own, other=own)
    section = build(made.files(external=path), EFFUSION)
    assert usual_words(section) == []
    assert "Which radiographs with effusion are missed?" in texts(section)


def test_without_files_there_is_no_section(made):
    assert build(made.files(), Words()) is None
