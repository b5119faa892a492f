"""What the report says of the data: numbers alone, and images that were left out."""

import re

import pytest
import reporting_fixture
from calibration_fixture import Calibrations
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, table_of, text_of
from shift_fixture import write_shift

from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.report import compose
from pneumobench.reporting.sections.data import build

BY_NUMBER = {"data": {"source": "phantom"}, "split": {"patient_key": "number"}}


@pytest.fixture
def made(tmp_path):
    made = Experiment(tmp_path)
    found = {"patients": 2, "development_images": 5}
    write_json(made.audit, read_json(made.audit) | {"by_number_alone": found})
    return made


def leave_out(made, images):
    table = read_table(made.splits, text=("image_id", "inner", "group"))
    table["fold"] = table["fold"].astype("Int64")
    table.loc[: images - 1, ["role", "fold", "inner"]] = ["left_out", None, ""]
    write_table(made.splits, table)


def test_both_readings_of_numbers_are_told_with_the_reason_for_ours(made):
    text = text_of(build(report_files(made), CHILDREN))
    assert "2 children would have images on both sides of the official split (5 " in text
    assert "each series beginning anew" in text and "Left out" not in text


def test_images_left_out_are_a_step_so_that_counts_add_up(made):
    before = read_flow(made.audit, made.splits)["roles"]["cv"]["images"]
    leave_out(made, 4)
    flow = read_flow(made.audit, made.splits)
    assert flow["roles"]["cv"]["images"] == before - 4
    assert flow["counts"]["ok"] == sum(role["images"] for role in flow["roles"].values())
    section = build(report_files(made, settings=BY_NUMBER), CHILDREN)
    assert "4 development images of 2 groups" in text_of(section)
    assert table_of(section, "data_flow")[-1]["Images"] == "4"


def test_without_an_official_split_numbers_leave_nothing_out(made):
    text = text_of(build(report_files(made, settings=BY_NUMBER), CHILDREN))
    assert "taken for one child here, whatever the subtype" in text and "left out" not in text


def test_no_section_speaks_of_subtypes_where_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting_fixture, "CLASSES", ("normal", "unknown", "unknown"))
    made = Experiment(tmp_path)
    calibrations = Calibrations(made)
    files = report_files(
        made, settings={"data": {"source": "table"}, "split": {"folds": 5}},
        calibrations=calibrations.details, calibrated=calibrations.calibrated,
        shift=write_shift(made), differences=made.differences.table,
        differences_details=made.differences.details,
    )  # fmt: skip
    sections = compose(files, CHILDREN)
    assert {"calibration", "shift", "clinical", "methods"} <= {part.name for part in sections}
    said = "\n".join(map(text_of, sections))
    assert re.findall(r".*\b(?:bacterial|viral|subtypes?|unknown)\b.*", said, re.IGNORECASE) == []


def test_what_each_number_of_images_can_show_stands_beside_it(made):
    facts = read_json(made.comparison_json)
    facts["datasets"]["test"] |= {"n": 11, "events": 6}
    write_json(made.comparison_json, facts)
    rows = table_of(build(report_files(made), CHILDREN), "classes")
    assert [row["Class"] for row in rows] == ["normal", "pneumonia"] * 2
    assert rows[2]["Number"] == "5" and rows[2]["Note"] == "few"
    assert rows[2]["Share of errors that may go unseen"] == "43.4\N{NO-BREAK SPACE}%"
    assert rows[0]["Note"] == ""
