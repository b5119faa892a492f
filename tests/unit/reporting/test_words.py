"""Other findings and adults are called by their names."""

import pytest

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.reporting.words import Words, words_from, words_of

NIH = {"positive": "Pleural Thickening", "negative": "no finding", "population": "adults"}


def test_sources_give_their_words(tmp_path):
    words = Words("pleural thickening", "no finding", adults=True)
    assert words_from(NIH) == words
    for usual in ({}, {"positive": "pneumonia", "negative": "normal", "population": "children"}):
        assert words_from(usual) == Words() and words_from(usual).pneumonia
    # Of adults with pneumonia the negative class has no other name.
    assert words_from(NIH | {"positive": "Pneumonia"}) == Words(adults=True)
    write_json(tmp_path / "audit.json", {"source": NIH})
    assert words_of(tmp_path / "audit.json") == words
    write_json(tmp_path / "audit.json", {})
    assert words_of(tmp_path / "audit.json") == Words()


def test_what_is_said_of_classes_and_people():
    usual, other = Words(), Words("effusion", "no finding", adults=True)
    assert [usual.positives, usual.negatives] == [
        "radiographs with pneumonia",
        "normal radiographs",
    ]
    assert [other.positives, other.negatives] == [
        "radiographs with effusion", "radiographs with no finding"
    ]  # fmt: skip
    assert [usual.person, usual.people, usual.disease] == [
        "child", "children", "paediatric pneumonia"
    ]  # fmt: skip
    assert [other.person, other.people, other.disease] == ["patient", "patients", "effusion"]
    assert Words(adults=True).disease == "pneumonia"
    assert Words("covid-19").disease == "covid-19"
    assert (other.Positive, other.Negative) == ("Effusion", "No finding")
    assert [other.name(label) for label in ("normal", "Pneumonia")] == ["no finding", "Effusion"]
    assert [usual.subtype(name) for name in ("viral", "normal")] == ["viral", "normal"]
    assert [other.subtype(name) for name in ("unknown", "normal", "odd")] == [
        "effusion", "no finding", "odd"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["covid-19", "a  b", "#", "\\g<0>", "{positive}", "$\\frac{x}", "opacity of pneumonia"]
)
def test_odd_names_stand_as_they_are(name):
    words = words_from({"positive": name, "negative": name})
    said = " ".join(name.split())
    assert (words.positive, words.negative) == (said, said)
    assert words.positives == f"radiographs with {said}" and not words.pneumonia


def test_names_that_cannot_be_read_or_seen():
    assert words_from({"positive": " \n", "negative": "\t"}) == Words()
    assert words_from({"positive": "a\u202eb\x00c"}).positive == "a b c"
    for wrong in (5, None, ["a"], "a" * 201):
        with pytest.raises(UserError, match=r"audit\.json: source\.positive"):
            words_from({"positive": wrong})
