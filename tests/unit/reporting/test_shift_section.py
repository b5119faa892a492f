"""The section on dataset shift."""

import pytest
from reporting_fixture import Experiment
from section_fixture import EFFUSION, table_of, texts, usual_words
from shift_fixture import write_shift

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.sections.shift import build
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("shift_section"))


def section(made, *, words=None, phantoms=False, **changes):
    settings = {"data": {"source": "phantom" if phantoms else "directory"}}
    return build(made.files(settings, shift=write_shift(made, **changes)), words or Words())


def test_few_patients_get_no_answer_on_whether_the_sets_differ(made):
    path = write_shift(made)
    content = read_json(path)
    for record in content["domains"]:
        record["test"] = {"n": 5, "groups": 5}
    write_json(path, content)
    first, *_ = build(made.files(shift=path), Words()).answer
    assert first.startswith("Whether the two sets differ cannot be told from so few patients.")
    assert "with n = 5, too few to tell" in first


def test_answer_is_yes_where_a_class_is_distinguished(made):
    first, second, third, fourth, last = section(made).answer
    assert first.startswith("Yes: ") and "normal radiographs: AUC 0.920 (0.900" in first
    assert "radiographs with pneumonia: AUC 0.500 (0.480" in first
    assert "specificity goes from 0.930 (" in second
    assert "to 0.530 (" in second and "a difference of -0.400 (-0.430 to -0.370);" in second
    assert "a difference of 0.010 (-0.020 to 0.040), which may be chance" in second
    assert "0.90 (0.88\N{EN DASH}0.92) among normal radiographs and 0.60 (" in third
    assert "specificity of 0.88 to 0.95" in fourth and "does not explain" in fourth
    assert "Children of other ages, adults, other hospitals" in last
    assert "drawn by one program" in section(made, phantoms=True).answer[-1]


def test_answer_is_careful_where_nothing_is_distinguished(made):
    found = section(made, area=0.5, blocks=2, worst_block=0.4)
    assert found.answer[0].startswith("No difference was shown")
    assert "As intervals overlap" in found.answer[3]
    without = section(made, blocks=0)
    assert "could not be left out" in without.answer[3]
    assert "shift_blocks" not in [one.name for one in without.tables]


def test_too_few_patients_are_said(made):
    path = write_shift(made)
    write_json(path, read_json(path) | {"domains": []})
    found = build(made.files(shift=path), Words())
    assert "too few patients" in found.answer[0]
    assert table_of(found, "shift_domains")[0]["Normal: AUC"] == "\N{EM DASH}"


def test_tables_hold_every_run_and_baseline(made):
    found = section(made)
    transfer = table_of(found, "shift_thresholds")
    assert transfer[0]["Run"] == "1  ResNet-18 (from scratch)"
    assert len(transfer) == 3 + 1 + len(BASELINES)
    assert transfer[1]["Specificity, test minus out-of-fold"].startswith("-0.410 (")
    assert transfer[0]["Specificity, test set"].startswith("0.530 (")
    assert transfer[0]["Test image higher, pneumonia"].startswith("0.600 (")
    blocks = table_of(found, "shift_blocks")
    assert blocks[0]["Left out"] == "Block 1" and blocks[0]["Specificity"].startswith("0.880 (")
    assert blocks[-1]["Left out"] == "Test set" and blocks[-1]["Specificity"].startswith("0.500 (")
    domains = table_of(found, "shift_domains")
    assert [row["It sees"] for row in domains] == list(BASELINES.values())
    assert domains[0]["Normal: AUC"].startswith("0.920 (")
    assert domains[0]["Normal: development images"] == "1\N{NARROW NO-BREAK SPACE}349"
    assert domains[0]["Pneumonia: test images"] == "234"
    assert any("95\N{NO-BREAK SPACE}% intervals" in text for text in texts(found))
    assert found.figures == ["shift"]
    assert "measure_shift" in [origin[2] for origin in found.origins]


def test_mitigations_that_need_all_test_images_are_never_ranked(made):
    found = section(made)
    row = table_of(found, "shift_prevalence_adjusted")[0]
    assert (
        row["Share with pneumonia, estimated"].startswith("0.900 (")
        and row["True share"] == "0.620"
    )
    assert row["Specificity before"].startswith("0.500 (")
    assert row["Specificity after"].startswith("0.300 (")
    rows = table_of(found, "shift_renormalised")
    assert len(rows) == 2 and rows[0]["AUC after"].startswith("0.300 (")
    assert rows[0]["AUC, after minus before"].startswith("-0.200 (")
    said = " ".join(texts(found))
    assert "never ranked" in said and "Li et al. 2016" in said
    assert "Of 3 runs, 0 have the true share" in said and "0 gain specificity" in said
    assert "Of 2 runs, 0 gain and 2 lose specificity, 0 gain and 2 lose sensitivity" in said
    assert "Left out: 1 run without batch normalisation." in said


def test_statistics_of_the_test_images_are_shown_only_where_they_were_asked_for(made):
    found = section(made, statistics=False)
    assert "shift_renormalised" not in [one.name for one in found.tables]
    assert "atch normalisation" not in " ".join(texts(found))


def test_networks_without_batch_normalisation_are_said_to_have_none(made):
    path = write_shift(made)
    content = read_json(path)
    same = [record | {"changed": False} for record in content["renormalised"]]
    write_json(path, content | {"renormalised": same})
    found = build(made.files(shift=path), Words())
    assert "No network among the runs has batch normalisation" in " ".join(texts(found))


def test_words_are_those_of_the_data(made):
    found = section(made, words=EFFUSION)
    # Of adults, children are the other population.
    (population,) = usual_words(found)
    assert "Children, other hospitals" in population
    assert "No finding: AUC" in table_of(found, "shift_domains")[0]
    assert "Test image higher, effusion" in table_of(found, "shift_thresholds")[0]
    assert "radiographs with no finding: AUC 0.920" in found.answer[0]


def test_without_files_there_is_no_section(made):
    assert build(made.files(), Words()) is None
