"""Other findings and adults are called by their names; everything else is said as before."""

import re

import pytest
from pneumobench.reporting.vocabulary import Vocabulary, in_words, vocabulary_from, words_of
from reporting_fixture import Experiment
from test_reporting import render

from pneumobench.core.files import read_json, write_json

EFFUSION = Vocabulary("effusion", "no finding", adults=True)


def test_sources_give_their_words(tmp_path):
    nih = {"positive": "Pleural Thickening", "negative": "no finding", "population": "adults"}
    assert vocabulary_from(nih) == Vocabulary("pleural thickening", "no finding", True)
    for usual in ({}, {"positive": "pneumonia", "negative": "normal", "population": "children"}):
        assert vocabulary_from(usual).usual
    assert vocabulary_from(nih | {"positive": "Pneumonia"}) == Vocabulary(adults=True)
    audit = tmp_path / "audit.json"
    write_json(audit, {"source": nih})
    with words_of(audit) as words:
        assert words.another_finding and in_words("with pneumonia") == "with pleural thickening"
    assert in_words("with pneumonia") == "with pneumonia"


@pytest.mark.parametrize(
    ("usual", "said"),
    [
        ("12 with pneumonia.", "12 with effusion."),
        ("Which architecture detects pneumonia best?", "Which architecture detects effusion best?"),
        ("Dotted: the share of pneumonias.", "Dotted: the share of radiographs with effusion."),
        ("A missed pneumonia", "A missed radiograph with effusion"),
        ("without pneumonia it calls 17 pneumonia", "without effusion it calls 17 positive"),
        ("fewer children\n have pneumonia:", "fewer patients\n have effusion:"),
        ("Paediatric pneumonia on chest radiographs", "Effusion on chest radiographs"),
        ("Children of other ages, adults, other hospitals", "Children, other hospitals"),
        ("of one source; adults, other devices", "of one source; children, other devices"),
        ("<td>normal</td><td>pneumonia</td>", "<td>no finding</td><td>effusion</td>"),
        ("By subtype of pneumonia", "By subtype"),
        ("True class: normal. The network says pneumonia", "True class: no finding. "
         "The network says effusion"),
        # Names and paths are no words of the report.
        ("runs/pneumonia/x.csv pneumonia_1 RSNA Pneumonia Detection", None),
        ("among normal radiographs", "among radiographs with no finding"),
        ("<th>Normal: AUC</th><th>Pneumonia</th>", "<th>No finding: AUC</th><th>Effusion</th>"),
        ("it proves nothing of normal people", None),
    ],
)  # fmt: skip
def test_texts(usual, said):
    assert EFFUSION.translate(usual) == (usual if said is None else said)
    assert Vocabulary().translate(usual) == usual


def test_adults_with_pneumonia_are_no_children():
    words = Vocabulary(adults=True)
    assert words.translate("Children with pneumonia, normal") == "Patients with pneumonia, normal"
    assert words.translate("Paediatric pneumonia on") == "Pneumonia on"


def test_a_report_of_another_finding(tmp_path):
    made = Experiment(tmp_path)
    audit = read_json(made.audit)
    usual, texts = audit["source"], {}
    nih = {"source": "nih", "title": "ChestX-ray14", "population": "adults"}
    effusion = usual | nih | {"positive": "Effusion", "negative": "no finding"}
    for name, source in (("usual", usual), ("nih", effusion)):
        write_json(made.audit, audit | {"source": source})
        path = tmp_path / f"{name}.html"
        render(made, {}, path, "nih", differences=made.differences)
        texts[name] = path.read_text(encoding="utf-8")
    assert "detects pneumonia best?" in texts["usual"] and "for children?" in texts["usual"]
    assert "detects effusion best?" in texts["nih"] and "for patients?" in texts["nih"]
    assert "Positive class: effusion; negative class: no finding." in texts["nih"]
    left = r".{20}(?:[Pp]neumonia|[Pp]aediatric|(?<![\w-])[Cc]hild).{20}"
    assert not re.findall(left, texts["nih"])


def test_a_name_with_the_usual_word_in_it_is_put_in_once():
    words = Vocabulary(positive="opacity suspicious of pneumonia")
    once = words.translate("60 with pneumonia. Pneumonia: 3.")
    assert once == "60 with opacity suspicious of pneumonia. Opacity suspicious of pneumonia: 3."
    assert words.translate(once) == once


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("covid-19", "no finding"),
        ("finding #3", "clear"),
        (r"$\frac{x}", r"\1 {a} \g<0>"),
        ("stage 2 disease", "stage 0"),
        ("two\n lines", "(?P<x>["),
        ("  ", "\t"),
        ("a" * 200, "b" * 200),
    ],
)
def test_names_of_classes_are_text(positive, negative):
    words = vocabulary_from({"positive": positive, "negative": negative})
    said = " ".join(positive.split()) or "pneumonia"
    text = f"it calls 3 pneumonia, a pneumonia and {said}"
    for _ in range(2):
        text = words.translate(text)
        assert text.endswith(f" and {said}") and text.count(said) >= 1
    other = " ".join(negative.split()) or "normal"
    if said != "pneumonia":
        assert words.label("Normal: x") == f"{other[:1].upper()}{other[1:]}: x"
        assert words.label("normal, predicted") == f"{other}, predicted"
    assert max(map(len, words.label("pneumonia").split("\n"))) <= 18
