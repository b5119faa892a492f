"""The section on robustness: the worst, what is left, and who holds best."""

import numpy as np
import pytest
from reporting_fixture import FOUR_RUNS, Experiment
from robustness_fixture import Robustness
from section_fixture import EFFUSION, table_of, texts, usual_words

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.reporting.inputs import complete_runs, read_comparison
from pneumobench.reporting.section import Points
from pneumobench.reporting.sections.robustness import build, read_worst_pairs, robustness_sentence
from pneumobench.reporting.wording import EMPTY, EN_DASH
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("robustness_section"))


@pytest.fixture(scope="module")
def files(made):
    return made.files(**Robustness(made).inputs)


@pytest.fixture(scope="module")
def section(files):
    return build(files, Words())


def readings(section):
    (points,) = [block for block in section.blocks if isinstance(block, Points)]
    return points.sentences


def with_comparison(made, robustness, comparison):
    """Return the files with another comparison."""
    files = made.files(**robustness.inputs)
    files.__dict__["comparison"] = comparison
    return files


def test_section_names_the_worst_and_what_is_left(section):
    overview = table_of(section, "robustness")
    first = overview[0]
    assert first["Run"] == "ResNet-18 (from scratch)" and "Strength" not in first
    assert first["Hardest on specificity"] == "blur"
    assert first["Hardest on sensitivity"] == "shifted"
    assert first["Specificity"].startswith("0.930 (0.910")
    assert first["Worst specificity"].startswith("0.530 (0.510")
    assert first["Worst sensitivity"].startswith("0.550 (")
    assert first["Mean AUC"].startswith("0.900 (")
    every = table_of(section, "robustness_by_corruption")
    assert len(overview) == 3 and len(every) == 3 * (1 + len(CORRUPTIONS))
    taller = next(row for row in every if row["Corruption"] == "taller")
    assert taller["Specificity"].startswith("0.730 (")
    assert taller["Difference of the specificity"] == "-0.200 (-0.210 to -0.190)"
    assert every[0]["Corruption"] == "clean"
    assert every[0]["Difference of the specificity"] == EMPTY
    amounts = {row["Corruption"]: row["Strength 2"] for row in table_of(section, "corruptions")}
    assert amounts["blur"] == "1 %" and amounts["taller"] == "1.2"
    assert section.figures == ["robustness"]
    assert any("95\N{NO-BREAK SPACE}% intervals" in text for text in texts(section))
    assert "predict_corrupted" in [origin[2] for origin in section.origins]


def test_reading_is_by_the_criterion_among_runs_that_learned(section):
    (sentence,) = readings(section)
    assert "ResNet-18 (from scratch) has the highest worst specificity, 0.530 (" in sentence
    assert "it is ranked 1." in sentence
    assert "its worst sensitivity is 0.550 (0.530" in sentence and "(shifted)" in sentence
    assert "Not distinguishable from it: Xception & VGG-16 fusion." in sentence
    assert "lowest" not in sentence and "Shown to be lower" not in sentence
    # Of the CNN-LSTM, which did not learn, more may be lost than of any other.
    assert FOUR_RUNS[2].title not in sentence


def test_runs_stand_beside_the_one_that_holds_best(tmp_path):
    made = Experiment(tmp_path)
    robustness = Robustness(made)
    column = "Worst specificity minus the highest"

    def cells(files):
        return [row[column] for row in table_of(build(files, Words()), "robustness")]

    files = made.files(**robustness.inputs)
    assert cells(files) == [EMPTY, "-0.020 (-0.050 to 0.010)", "-0.040 (-0.070 to -0.010)"]
    robustness.write_pairs(half=0.001)
    (sentence,) = readings(build(files, Words()))
    assert "Shown to be lower: Xception & VGG-16 fusion, 0.510 (" in sentence
    assert "Not distinguishable" not in sentence
    # If the first did not learn, the second is what the others are held against.
    comparison = read_comparison(made.comparison_csv)
    comparison["learned"] = [False, *comparison["learned"][1:]]
    files = with_comparison(made, robustness, comparison)
    assert cells(files)[:2] == ["0.020 (0.019" + EN_DASH + "0.021)", EMPTY]
    write_table(robustness.pairs, read_table(robustness.pairs).iloc[:0])
    with pytest.raises(UserError, match=r"is missing[\s\S]*rule compare_robustness"):
        build(files, Words())


def test_answer_has_what_the_first_keeps_and_who_keeps_more(made):
    robustness = Robustness(made)
    rows = complete_runs(read_comparison(made.comparison_csv))
    assert robustness_sentence(rows) == ""
    worst = {1: [0.9, 0.9, 0.9], 2: [0.5, 0.7, 0.8]}
    for strength, values in worst.items():
        for metric, kind in (("specificity", "blur"), ("sensitivity", "shift")):
            name = f"{metric}_strength_{strength}"
            found = {"": values, "_low": np.subtract(values, 0.1), "_high": np.add(values, 0.1)}
            rows = rows.assign(**{f"worst_{name}{bound}": found[bound] for bound in found})
            rows[f"hardest_on_{name}"] = kind
    rows = rows.assign(learned=[True, True, False], out_of_fold_specificity=0.93)
    pairs = read_worst_pairs(made.files(**robustness.inputs))
    pairs["difference"] = -pairs["difference"].abs()
    pairs["excludes_zero"] = True
    sentence = robustness_sentence(rows, pairs)
    first = "(strength 2), the top-ranked run keeps at worst a specificity of 0.500 (0.400"
    assert first in sentence and "instead of 0.930 (blur), and a sensitivity of 0.500" in sentence
    # The first is the first of its pairs, and the third did not learn.
    assert f"Shown to keep more specificity: {rows['label'][1]} (0.700 (" in sentence
    assert rows["label"][2] not in sentence
    assert "keep more" not in robustness_sentence(rows, pairs.assign(excludes_zero=False))
    (answer,) = build(with_comparison(made, robustness, rows), Words()).answer
    assert answer == sentence.split(" Shown to")[0]
    rows["worst_specificity_strength_2"] = 0.95
    assert "0.950 (0.400\N{EN DASH}0.600), no less than without corruption" in robustness_sentence(
        rows, pairs
    )


def test_no_run_that_learned_is_said(made):
    comparison = read_comparison(made.comparison_csv).assign(learned=False)
    (sentence,) = readings(build(with_comparison(made, Robustness(made), comparison), Words()))
    assert "no run is shown to have learned" in sentence


def test_every_strength_has_rows_and_a_sentence(tmp_path):
    made = Experiment(tmp_path)
    robustness = Robustness(made, (1, 3))
    section = build(made.files(**robustness.inputs), Words())
    strengths = [row["Strength"] for row in table_of(section, "robustness")]
    assert strengths == ["1"] * 3 + ["3"] * 3
    assert [text[:10] for text in readings(section)] == ["Strength 1", "Strength 3"]
    assert set(table_of(section, "corruptions")[0]) >= {"Strength 1", "Strength 3"}
    assert read_json(robustness.details[0])["worst"][0]["strength"] == 1


def test_words_are_those_of_the_data(files):
    assert usual_words(build(files, EFFUSION)) == []


def test_without_files_there_is_no_section(made):
    assert build(made.files(), Words()) is None
