import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumobench.data.file_names import NamedRadiograph, parse_stem, subtype_in_folder


@pytest.mark.parametrize(
    ("stem", "subtype", "patient"),
    [
        ("person12_bacteria_34", "bacterial", "bacterial-person12"),
        ("person447_virus_921_1", "viral", "viral-person447"),
        ("PERSON0012_Virus_3", "viral", "viral-person12"),
        ("IM-0115-0001", "normal", "normal-IM-0115"),
        ("NORMAL2-IM-1427-0001", "normal", "normal-NORMAL2-IM-1427"),
        ("IM-0176-0001-0002", "normal", "normal-IM-0176"),
        ("BACTERIA-5660566-0001", "bacterial", "patient-5660566"),
        ("VIRUS-5660566-0003", "viral", "patient-5660566"),
        ("person447_virus_921_1_jpeg.rf.1a2B3c", "viral", "viral-person447"),
        ("IM-0115-0001_png.rf.0f", "normal", "normal-IM-0115"),
    ],
)
def test_grammar(stem, subtype, patient):
    assert parse_stem(stem) == NamedRadiograph(subtype, patient)


def test_same_number_is_another_child_under_another_subtype_or_prefix():
    keys = {
        parse_stem(stem).patient
        for stem in (
            *("person78_bacteria_1", "person78_virus_1"),
            *("IM-0078-0001", "NORMAL2-IM-0078-0001"),
        )
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("stem", "patient"),
    [
        ("aug_0_person11_bacteria_11", "bacterial-person11"),
        ("PNEUMONIA_original_person11_bacteria_11.png_5b0c", "bacterial-person11"),
        ("person12_virus_34 (1)", "viral-person12"),
        ("person12_virus_34 - Copy", "viral-person12"),
        ("copy of IM-0115-0001", "normal-IM-0115"),
        ("flip-NORMAL2-IM-0115-0001_2", "normal-NORMAL2-IM-0115"),
        ("rot90_VIRUS-5660566-0001", "patient-5660566"),
        ("person1_virus_2+person1_virus_3", "viral-person1"),
    ],
)
def test_copies_belong_to_the_patient_of_the_name_that_theirs_hold(stem, patient):
    named = parse_stem(stem)
    assert named.patient == patient and named.within


@pytest.mark.parametrize(
    "stem",
    [
        *("person12_fungus_3", "xray", "", "xperson12_bacteria_34", "SIM-0115-0001"),
        *("scan_NORMAL-2019-05-01", "trauma-IM-15-1-7 b", "person1_virus_2_person2_virus_3 mixed"),
    ],
)
def test_names_outside_the_grammar(stem):
    assert parse_stem(stem) is None


def test_subtype_needs_name_and_folder_to_agree():
    bacterial = parse_stem("person1_bacteria_1")
    assert subtype_in_folder(bacterial, "pneumonia") == "bacterial"
    assert subtype_in_folder(bacterial, "normal") == "unknown"
    assert subtype_in_folder(parse_stem("IM-0001-0001"), "pneumonia") == "unknown"
    assert subtype_in_folder(None, "normal") == "normal"
    assert subtype_in_folder(None, "pneumonia") == "unknown"


@given(st.text(), st.sampled_from(["normal", "pneumonia"]))
def test_any_name_is_read_without_an_error(stem, label):
    named = parse_stem(stem)
    assert named is None or re.fullmatch(r"[\w-]+", named.patient)
    assert subtype_in_folder(named, label) in ("normal", "bacterial", "viral", "unknown")


@given(
    st.from_regex(
        r"(person[0-9]{1,9}_(bacteria|virus)_[0-9]{1,9}|(NORMAL2-)?IM-[0-9]{1,9}-[0-9]{1,9})",
        fullmatch=True,
    ),
    st.text(min_size=1, max_size=5),
)
def test_names_of_the_grammar_stay_in_it_and_others_out(stem, more):
    named = parse_stem(stem)
    assert named is not None and re.search(r"\d", named.patient)
    longer = parse_stem(stem + more)
    # What follows may continue the number or add a tail; nothing else is swallowed in silence.
    tail = re.fullmatch(r"[-_]?[^\W_]*[-_]?[^\W_]*", more)
    assert longer is None or tail or (longer.within and longer.patient == named.patient)
