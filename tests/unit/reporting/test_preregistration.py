"""What is said of when comparisons were planned, with a declaration of the authors and without."""

import pytest
from paper_fixture import fill
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, text_of

from pneumobench.reporting.sections.differences import build

WHERE = "https://osf.io/abcde, 3 May 2026"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("registered"))


def section(made, where):
    settings = {"data": {"source": "phantom"}, "evaluation": {"preregistered": where}}
    files = report_files(
        made,
        settings=settings,
        differences=made.differences.table,
        differences_details=made.differences.details,
    )
    return text_of(build(files, CHILDREN))


def test_without_a_declaration_nobody_is_said_to_have_planned_before_results(made, tmp_path):
    text = section(made, None)
    assert "whether before results were seen is for the authors to state" in text
    assert "registered" not in text
    assert "some of whose results were known" in text
    (aims,) = [row for row in fill(made, tmp_path)["claim_2024"]["rows"] if row["Item"] == "4"]
    assert aims["Status"] == "left to the authors" and "authors to state" in aims["Answer"]


def test_a_declaration_is_quoted_as_one(made, tmp_path):
    assert f"registered before results were seen, as the authors declare: {WHERE}" in section(
        made, WHERE
    )
    found = fill(made, tmp_path, evaluation={"preregistered": WHERE})["claim_2024"]["rows"]
    (aims,) = [row for row in found if row["Item"] == "4"]
    assert aims["Status"] == "reported" and WHERE in aims["Answer"]
