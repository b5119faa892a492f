"""The section on bad practice: marked, complete, and nowhere else."""

import pytest
from inflation_fixture import REASON, write_inflation
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, table_of, text_of

from pneumobench.core.files import read_table, write_table
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.report import compose
from pneumobench.reporting.section import Notice
from pneumobench.reporting.sections.inflation import build


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("inflation_section"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    table, details = write_inflation(tmp_path_factory.mktemp("inflation"))
    return {"inflation": table, "inflation_details": details}


def section(made, inputs):
    return build(report_files(made, **inputs), CHILDREN)


def test_section_answers_with_the_most_first(made, inputs):
    found = section(made, inputs)
    clear, rest = found.answer
    assert clear.startswith(
        "Bad practice adds, in points: threshold chosen on the test set (AUC) 10.0 (9.0"
    )
    assert clear.index("epoch chosen") < clear.index("validation on 16") < clear.index("augmentat")
    assert rest == (
        "Not shown to add anything (intervals that include 0): folds by image (AUC) 0.0 (-1.0 to "
        "1.0)."
    )
    first = table_of(found, "inflation")[0]
    assert first["Reported (OPTIMISTIC)"] == "0.900 (0.890\N{EN DASH}0.910)"
    assert first["Images"] == "Out-of-fold, n = 624 of 428 patients"
    assert f"Architecture chosen on the test set: not measured, because {REASON}." in text_of(found)
    assert len(table_of(found, "inflation")) == len(table_of(found, "practices")) == len(PRACTICES)
    assert found.blocks[0] == Notice("OPTIMISTIC.", found.blocks[0].text)
    assert found.figures == ["inflation"]


def test_a_practice_that_costs_is_not_said_to_include_zero(made, inputs, tmp_path):
    table = read_table(inputs["inflation"])
    by_image = table["optimism"] == 0
    table.loc[by_image, ["optimism", "optimism_low", "optimism_high"]] = -0.02, -0.03, -0.01
    write_table(tmp_path / "worse.csv", table)
    answer = " ".join(section(made, inputs | {"inflation": tmp_path / "worse.csv"}).answer)
    assert "include 0" not in answer
    assert "Lower than with good practice: folds by image (AUC) -2.0 (-3.0 to -1.0)." in answer


def test_bad_practice_is_nowhere_else_in_the_report(made, inputs):
    settings = {"data": {"source": "phantom"}, "split": {"folds": 5}}
    without = compose(report_files(made, settings=settings), CHILDREN)
    assert "inflation" not in {part.name for part in without}
    for part in compose(report_files(made, settings=settings, **inputs), CHILDREN):
        said = text_of(part)
        assert ("OPTIMISTIC" in said) == (part.name == "inflation"), part.name
        assert (
            part.name in ("inflation", "origins", "checklists")
            or "bad practice" not in said.lower()
        )
