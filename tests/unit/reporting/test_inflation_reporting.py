"""What bad practice adds, in figure and report: marked, complete, and nowhere else."""

import re
from dataclasses import replace

import pytest
from figure_inputs import inputs_of, plot
from inflation_fixture import REASON, write_inflation
from pneumobench.reporting.inflation_section import InflationInputs, inflation_section
from reporting_fixture import Experiment

from pneumobench.core.files import read_table, write_table
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.report import render_report


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return InflationInputs(*write_inflation(tmp_path_factory.mktemp("inflation_reporting")))


def test_section_answers_with_the_most_first(inputs):
    section = inflation_section(inputs)
    clear, rest = section["answer"].split(". With")
    assert clear.startswith(
        "Added by bad practice, in points: threshold picked on the test set (AUC) 10.0 (9.0"
    )
    assert clear.index("epoch picked") < clear.index("validation on 16") < clear.index("augmentat")
    assert rest == " intervals that reach 0: folds by image (AUC) 0.0 (-1.0 to 1.0)."
    first = section["rows"][0]
    assert first["Reported (OPTIMISTIC)"] == "0.900 (0.890\N{EN DASH}0.910)"
    assert first["Images"] == "Out-of-fold, n = 624 of 428 patients"
    assert section["missing"] == [
        f"Architecture picked on the test set: not measured, because {REASON}."
    ]
    assert len(section["rows"]) == len(section["practices"]) == len(PRACTICES)
    assert inflation_section(None)["rows"] == []


def test_a_practice_that_costs_is_not_said_to_reach_zero(inputs, tmp_path):
    table = read_table(inputs.table)
    by_image = table["optimism"] == 0
    table.loc[by_image, ["optimism", "optimism_low", "optimism_high"]] = -0.02, -0.03, -0.01
    write_table(tmp_path / "worse.csv", table)
    answer = inflation_section(replace(inputs, table=tmp_path / "worse.csv"))["answer"]
    assert "reach 0" not in answer
    assert "Lower than with good practice: folds by image (AUC) -2.0 (-3.0 to -1.0)." in answer


def test_report_has_the_section_only_where_it_was_asked_for(inputs, tmp_path):
    made = Experiment(tmp_path)
    files = {"inflation": inputs.table, "inflation_details": inputs.details}
    plot("inflation", inputs_of(made, **files), tmp_path / "inflation")
    pages = {}
    for name, given in (("without", None), ("with", inputs)):
        path = tmp_path / f"{name}.html"
        render_report(
            made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
            made.run_jsons, {"inflation": tmp_path / "inflation.png"} if given else {},
            made.selection, path, title="Title", experiment="inflation",
            settings={"data": {"source": "phantom"}, "split": {"folds": 5}}, inflation=given,
        )  # fmt: skip
        pages[name] = path.read_text(encoding="utf-8")
    assert "OPTIMISTIC" not in pages["without"] and "bad practice" not in pages["without"].lower()
    section = re.search(r'<section id="inflation">.*?</section>', pages["with"], re.DOTALL)[0]
    assert 'id="figure-inflation"' in section and section.count("OPTIMISTIC") >= 2
    assert "measure_inflation" in pages["with"] and 'href="#inflation"' in pages["with"]
