"""What a paper needs beside figures: checklists, cards, LaTeX, manifest, log of looks."""

import hashlib
import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from paper_fixture import RUN, card_of, fill, judged_experiment, look
from report_page import render
from reporting_fixture import Experiment
from section_fixture import report_files

from pneumobench.core.files import content_sha256, read_json, write_json
from pneumobench.reporting.checklists import STATUSES, read_guidelines
from pneumobench.reporting.figure_manifest import list_figures
from pneumobench.reporting.report import compose, write_tables
from pneumobench.reporting.run_warnings import warnings_of
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.words import Words

COMPILERS = ("pdflatex", "tectonic")


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


def test_model_card_has_the_figures_of_the_run(judged, tmp_path):
    text = card_of(judged, tmp_path, "directory")
    (entry,) = [
        entry for entry in read_json(judged.folder(RUN) / "metrics.json")["estimates"]
        if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
        == ("test", "mean_prediction", "out_of_fold", "specificity")
    ]  # fmt: skip
    (line,) = [line for line in text.splitlines() if line.startswith("| Specificity")]
    assert f"{entry['value']:.3f} ({entry['low']:.3f}" in line.split("|")[3]
    assert "not a medical device" in text and "Phantoms" not in text
    assert content_sha256(judged.selection) in text
    assert "Phantoms, not patients" in card_of(judged, tmp_path, "phantom")
    assert "no external validation" in text
    assert "no external" not in card_of(judged, tmp_path, "directory", external=True)


def test_model_card_speaks_of_the_data_at_hand(judged, tmp_path):
    usual = card_of(judged, tmp_path, "phantom")
    assert "decide about a child" in usual and "one logit of pneumonia" in usual
    assert "with pneumonia; no network" in usual and "adults, other devices" in usual
    other = card_of(judged, tmp_path, "phantom", words=Words("effusion", "no finding", adults=True))
    assert "decide about a patient" in other and "one logit of effusion" in other
    assert "cannot detect out-of-distribution images" in other
    assert "nothing about patients" in other and "children, other devices" in other
    assert not re.search("pneumonia|[Cc]hild(?!ren, other)", other)


def test_report_counts_looks_and_shows_checklists(made, judged, tmp_path):
    fill(made, tmp_path)
    look(judged, tmp_path / "looks")
    text = render(
        made, {}, tmp_path / "report.html",
        checklists=tmp_path / "checklists.json", looks=tmp_path / "looks",
    )  # fmt: skip
    assert 'id="looks"' in text and "compared with the labels of the test set 1 time" in text
    assert 'id="checklists"' in text and "CLAIM 2024" in text and "27a" not in text
    plain = render(made, {}, tmp_path / "plain.html")
    assert 'id="looks"' not in plain and 'href="#checklists"' not in plain


def test_warnings_name_collapsed_models_and_absent_subtypes(made):
    from pneumobench.reporting.inputs import read_comparison, read_metrics

    comparison, metrics = read_comparison(made.comparison_csv), read_metrics(made.metrics)
    assert warnings_of(comparison, metrics, {}) == []
    first = next(iter(metrics.values()))
    first["warnings"] = ["the model of fold 1 gives all images the same score"]
    for content in metrics.values():
        content["subgroups"] = [
            entry for entry in content["subgroups"]
            if (entry["dataset"], entry["subtype"]) != ("test", "viral")
        ]  # fmt: skip
    collapsed, absent = warnings_of(comparison, metrics, {})
    assert "same score" in collapsed
    assert absent.startswith("Test set: no image of viral")


def test_architectures_trained_by_different_code_are_named(made):
    from pneumobench.reporting.inputs import read_comparison
    from pneumobench.reporting.run_records import read_runs

    comparison, folds = read_comparison(made.comparison_csv), read_runs(made.run_jsons)
    assert warnings_of(comparison, {}, folds) == []
    changed = next(iter(folds.values()))[0]
    changed["code_hash"] = "a" * 16
    (warning,) = warnings_of(comparison, {}, folds)
    assert warning.startswith(f"{changed['model']}: its folds were trained by 2 different states")
    assert f"{'a' * 16}: 1 fold," in warning


# LaTeX


@pytest.fixture(scope="module")
def latex(made):
    """The sections, the document of all tables, and the one of the comparison."""
    fill(made, made.folder)
    files = report_files(
        made, settings={"data": {"source": "phantom"}}, checklists=made.folder / "checklists.json"
    )
    write_tables(files, made.folder / "report_tables.tex", title="Title <with> & signs")
    make_tables(
        made.comparison_csv, made.comparison_json,
        made.folder / "c.csv", made.folder / "c.md", made.folder / "comparison.tex", words=Words(),
    )  # fmt: skip
    return (
        compose(files, Words()),
        made.folder / "report_tables.tex",
        made.folder / "comparison.tex",
    )


def test_every_table_of_the_report_is_set(latex, made):
    sections, document, _ = latex
    tables = [table for section in sections for table in section.tables]
    page = render(made, {}, made.folder / "tables.html", checklists=made.folder / "checklists.json")
    assert len(tables) == page.count("<table") > 5
    text = document.read_text(encoding="utf-8")
    captions = set(re.findall(r"\\noindent Table (\d+)\.", text))
    assert captions == {str(number) for number in range(1, len(tables) + 1)}
    assert r"\noindent Table 1. Ranked table: All runs" in text
    assert r"Title \textless{}with\textgreater{} \& signs" in text
    assert "ResNet-18 (from scratch)" in text and "(2 of 2)" in text


def test_latex_has_balanced_braces_and_rows_of_one_length(latex):
    for path in latex[1:]:
        text = path.read_text(encoding="utf-8").replace(r"\{", "").replace(r"\}", "")
        assert text.count("{") == text.count("}")
        for spec, body in re.findall(
            r"\\begin\{tabular\}\{((?:[lr]|p\{\w+\})+)\}(.*?)\\end\{tabular\}", text, re.S
        ):
            columns = len(re.findall(r"[lr](?!\w)|[lr]|p\{\w+\}", spec))
            for line in body.splitlines():
                if line.endswith(r"\\"):
                    assert len(re.findall(r"(?<!\\)&", line)) == columns - 1, line
        assert all(ord(character) < 256 for character in text)


def test_latex_compiles(latex, tmp_path):
    program = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(COMPILERS)} on this machine: LaTeX cannot be compiled")
    whole = tmp_path / "whole.tex"
    whole.write_text(
        r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs,graphicx}"
        r"\begin{document}\input{" + latex[2].as_posix() + r"}\end{document}"
    )
    for source in (latex[1], whole):
        command = [program, str(source)]
        if program.endswith("pdflatex"):
            command = [program, "-interaction=nonstopmode", "-halt-on-error", str(source)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]


# The manifest


def test_manifest_has_the_hash_of_every_file_and_its_inputs(tmp_path):
    for name, text in (("a.png", "a"), ("b.pdf", "b"), ("in.csv", "i"), ("maps/m.npz", "m")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "maps/.mark").write_text("of the workflow")
    given = {
        str(tmp_path / "a.png"): [str(tmp_path / "in.csv")],
        str(tmp_path / "b.pdf"): [str(tmp_path / "maps"), str(tmp_path / "in.csv")],
    }
    list_figures(given, tmp_path / "manifest.json")
    first, second = read_json(tmp_path / "manifest.json")["entries"]
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert second["inputs"] == {
        str(tmp_path / "in.csv"): hashlib.sha256(b"i").hexdigest(),
        str(tmp_path / "maps/m.npz"): hashlib.sha256(b"m").hexdigest(),
    }
