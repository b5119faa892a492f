"""The checklists of reporting guidelines, filled in by the run; what the report shows of them."""

import json
import re
from types import SimpleNamespace

import pytest
from paper_fixture import fill, judged_experiment, look
from report_page import render
from reporting_fixture import Experiment

from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.checklists import STATUSES, read_guidelines


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("paper"))


# Checklists


def test_guidelines_have_every_item_once_and_known_states():
    guidelines = read_guidelines()
    assert set(guidelines) == {"claim_2024", "tripod_ai", "stard_ai"}
    numbers = [item["number"] for item in guidelines["claim_2024"]["items"]]
    assert numbers == [str(number) for number in range(1, 45)]
    for content in guidelines.values():
        for item in content["items"]:
            assert item["status"] in STATUSES and item["asks"] and item["answer"]
            assert ("needs" in item) == ("otherwise" in item)
        found = [item["number"] for item in content["items"] if item["number"] != "AI"]
        assert len(found) == len(set(found))


def test_tripod_reaches_its_last_item():
    numbers = [item["number"] for item in read_guidelines()["tripod_ai"]["items"]]
    whole = {int(re.match(r"\d+", number)[0]) for number in numbers}
    assert whole == set(range(1, 28))


def answer(checklist, number):
    (row,) = [row for row in checklist["rows"] if row["Item"] == number]
    return row


def test_answers_are_those_of_the_run(made, tmp_path):
    claim = fill(made, tmp_path)["claim_2024"]
    assert "300 development images" in answer(claim, "21")["Answer"]
    assert "422" in answer(claim, "8")["Answer"] and "2 set aside" in answer(claim, "8")["Answer"]
    assert "DenseNet_121 100%" in answer(claim, "12")["Answer"]
    assert "ResNet-18 (from scratch)" in answer(claim, "37")["Answer"]
    assert answer(claim, "36")["Status"] == "not available in this data set"
    text = (tmp_path / "claim_2024.md").read_text(encoding="utf-8")
    assert text.count("\n| ") == 44 + 2 and "{" not in text


def test_what_was_not_computed_is_said(made, tmp_path):
    claim = fill(made, tmp_path, computed=())["claim_2024"]
    for number in ("27", "30", "31", "33"):
        assert answer(claim, number)["Status"] == "not computed in this experiment"


def test_measured_bad_practice_is_a_sensitivity_analysis(made, tmp_path):
    for computed, told in ((("inflation",), True), (("robustness",), False)):
        row = answer(fill(made, tmp_path, computed=computed)["claim_2024"], "30")
        assert row["Status"] == "reported" and ("bad practice" in row["Answer"]) == told


def test_where_labels_come_from_is_the_source_s_word(made, tmp_path):
    found = read_json(made.audit)
    found["source"]["reference"] = "Labels were mined from reports."
    other = SimpleNamespace(**vars(made) | {"audit": tmp_path / "audit.json"})
    write_json(other.audit, found)
    assert "that of the folder" in answer(fill(made, tmp_path)["claim_2024"], "14")["Answer"]
    assert "mined from reports" in answer(fill(other, tmp_path)["claim_2024"], "14")["Answer"]


def test_checklists_speak_of_the_data_at_hand(made, tmp_path):
    found = read_json(made.audit)
    found["source"] |= {"positive": "Effusion", "negative": "clear", "population": "adults"}
    other = SimpleNamespace(**vars(made) | {"audit": tmp_path / "audit.json"})
    write_json(other.audit, found)
    lists = json.dumps(fill(other, tmp_path))
    assert "detects effusion best" in lists and "how patients came into" in lists
    assert not re.search("pneumonia(?!bench)|child", lists)
    assert "detects pneumonia best" in json.dumps(fill(made, tmp_path))


@pytest.mark.parametrize(
    ("guideline", "number"),
    [("claim_2024", "5"), ("claim_2024", "15")]
    + [("stard_ai", number) for number in ("5", "13b", "22")],
)
def test_how_files_of_one_s_own_came_about_is_for_the_authors(made, tmp_path, guideline, number):
    """The program reads them: it does not know when and how they were collected and labelled."""
    for source in ("directory", "table"):
        row = answer(fill(made, tmp_path, source=source)[guideline], number)
        assert row["Status"] == "left to the authors" and "authors' to state" in row["Answer"]
    published = answer(fill(made, tmp_path, source="kaggle")[guideline], number)
    assert "authors" not in published["Status"] + published["Answer"]


def test_overlap_is_counted_not_denied(made, tmp_path):
    """Crossings may be tolerated: `data.checks.allow_crossings`."""
    found = read_json(made.audit)
    found["crossings"] = {"patient": ["p1", "p2"], "exact_duplicate": []}
    other = SimpleNamespace(**vars(made) | {"audit": tmp_path / "audit.json"})
    write_json(other.audit, found)
    (row,) = [
        row
        for row in fill(other, tmp_path)["stard_ai"]["rows"]
        if row["What is asked"].startswith("Overlap")
    ]
    assert "both sides: 2 found" in row["Answer"] and "None" not in row["Answer"]


def test_phantoms_are_no_patients_in_a_checklist(made, tmp_path):
    lists = fill(made, tmp_path, source="phantom")
    assert "generator" in answer(lists["claim_2024"], "14")["Answer"]
    assert answer(lists["claim_2024"], "11")["Status"] == "not applicable"
    real = fill(made, tmp_path)
    assert "hantom" not in json.dumps(real)


# Model card, on the files that the statistics really write


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return judged_experiment(tmp_path_factory.mktemp("judged"))


def test_report_counts_looks_and_shows_checklists(made, judged, tmp_path):
    fill(made, tmp_path)
    look(judged, tmp_path / "looks")
    text = render(
        made, {}, tmp_path / "report.html",
        checklists=tmp_path / "checklists.json", looks=tmp_path / "looks",
    )  # fmt: skip
    assert 'id="looks"' in text and "compared with the labels of the test set 1 time" in text
    assert 'id="checklists"' in text and "CLAIM 2024" in text and ">27a<" not in text
    plain = render(made, {}, tmp_path / "plain.html")
    assert 'id="looks"' not in plain and 'href="#checklists"' not in plain


# LaTeX


# The manifest
