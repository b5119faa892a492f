"""The section on calibration: the right numbers in the right places, or nothing."""

import pytest
from calibration_fixture import Calibrations
from reporting_fixture import FOUR_RUNS, Experiment
from section_fixture import EFFUSION, table_of, text_of, texts, usual_words

from pneumobench.core.estimates import record_with
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.calibration import NOT_SHOWN
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.sections.calibration import build, verdict
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("calibration_section"))


@pytest.fixture(scope="module")
def files(made):
    found = Calibrations(made)
    return made.files(calibrations=found.details, calibrated=found.calibrated)


@pytest.fixture(scope="module")
def section(files):
    return build(files, Words())


@pytest.fixture(scope="module")
def best(made, files):
    model = read_comparison(made.comparison_csv)["model"][0]
    (content,) = [
        content
        for content in map(read_json, files.all("calibrations"))
        if content["model"] == model
    ]
    return content


@pytest.mark.parametrize(
    ("level", "slope", "expected"),
    [
        ((-0.1, 0.1), (0.9, 1.1), NOT_SHOWN),
        ((-0.3, -0.1), (0.9, 1.1), "are too high on average"),
        ((0.1, 0.2), (0.5, 0.9), "are too low on average and too extreme"),
        ((-0.1, 0.1), (1.1, 1.2), "are too cautious"),
        ((None, None), (1.1, 1.2), "cannot be examined"),
    ],
)
def test_verdict_follows_the_intervals(level, slope, expected):
    content = {
        "calibration": "platt",
        "measures": [
            {
                "dataset": "test", "measure": name, "n": 300, "events": 100,
                "after": {"low": low, "high": high, "undefined_replicates": 0},
            }
            for name, (low, high) in (("slope", slope), ("in_the_large", level))
        ],
        "interval": {"replicates": 1000},
    }  # fmt: skip
    assert verdict(content, "test", Words()).text.startswith(expected)
    content["measures"][0]["after"]["undefined_replicates"] = 51
    of_level = [fault for fault in ("high", "low") if f"too {fault} on average" in expected]
    alone = verdict(content, "test", Words())
    assert alone.unjudged == (not of_level) and "cautious" not in alone.text
    content["measures"][1]["after"]["undefined_replicates"] = 51
    assert verdict(content, "test", Words()).unjudged
    content["measures"][0] |= {"n": 300, "events": 29}
    few = verdict(content, "test", Words())
    assert few.text == "cannot be judged: too few images (271 without and 29 with pneumonia)"


def test_answer_speaks_of_the_best_run(section, best):
    first, several, threshold, _ = section.answer
    assert first.startswith("ResNet-18 (from scratch), the top-ranked run: out of fold")
    slope = record_with(best["measures"], "", dataset="test", measure="slope")["after"]
    shown = (
        f"on the test set they {verdict(best, 'test', Words()).text} (slope {slope['value']:.2f} ("
    )
    assert shown in first and first.endswith(f"{slope['high']:.2f})).")
    assert (
        several == "On the test set, the probabilities of all 3 runs are shown to be miscalibrated."
    )
    assert "rule: Youden" in threshold
    found = record_with(best["thresholds"], "", rule="youden", metric="specificity")
    assert f"a specificity of {found['test']['value']:.3f} (" in threshold
    change = found["transfer"]
    assert (
        f"where {found['aim']:.3f} was expected, a difference of {change['value']:.3f} ("
        in threshold
    )


def test_what_intervals_include_is_not_called_calibrated(section):
    """A wide interval includes 1 whatever the probabilities are worth."""
    assert "not shown" in NOT_SHOWN
    assert "The wider the intervals, the less that says." in text_of(section)


def test_tables_have_rows_of_every_run(section, best):
    rows = {one.name: len(one.rows) for one in section.tables}
    assert rows == {
        "calibration": 3 * 2 * 2, "threshold_transfer": 3, "threshold_transfer_other_rules": 3 * 2,
        "predictive_values": 3 * 3, "subtype_probabilities": 3 * 2, "subtype_decisions": 3 * 2 * 2,
        "confident_mistakes": rows["confident_mistakes"],
    }  # fmt: skip
    found = record_with(best["thresholds"], "", rule="youden", metric="specificity")
    shown = table_of(section, "threshold_transfer")[0]["Transfer error of specificity"]
    assert shown.startswith(f"{found['transfer']['value']:.3f} (")
    error = record_with(best["measures"], "", dataset="test", measure="calibration_error")
    plain, calibrated = table_of(section, "calibration")[2:4]
    assert plain["Data"] == calibrated["Data"] == "Test set"
    for row, stage in ((plain, "before"), (calibrated, "after")):
        assert row["Calibration error"].startswith(f"{error[stage]['value']:.3f} (")
    row = table_of(section, "predictive_values")[0]
    found = record_with(
        best["predictive_values"], "", dataset="test", rule="youden", metric="ppv",
        prevalence=best["predictive_values"][0]["prevalence"],
    )  # fmt: skip
    assert row["Alarms that are right (PPV)"].startswith(f"{found['value']:.3f} (")
    assert row["Children with pneumonia"] == f"{100 * found['prevalence']:.0f}\N{NO-BREAK SPACE}%"


def test_subtypes_have_their_probabilities_and_numbers(section, best):
    row = table_of(section, "subtype_probabilities")[1]
    assert set(row) == {"Run", "Data", "Bacterial", "Normal", "Viral"}
    for entry in best["subgroups"]:
        if entry["dataset"] == "test":
            shown = row[entry["subtype"].capitalize()]
            assert shown.startswith(f"{entry['probability']['value']:.3f} (")
            called = table_of(section, "subtype_decisions")[2]
            assert called["Rule"] == "sensitivity 95 %" and called["Data"] == "Test set"
            value = entry["called"]["sensitivity_95"]["value"]
            assert called[entry["subtype"].capitalize()].startswith(f"{value:.3f}")
            (note,) = [text for text in texts(section) if text.startswith("Images.")]
            assert f"{entry['n']} {entry['subtype']}" in note.partition("Test set:")[2]


def test_mistakes_are_named(section):
    row = table_of(section, "confident_mistakes")[0]
    title = "Pneumonia missed by ResNet-18 (from scratch)"
    assert row["Mistakes"] == title and row["Runs that are wrong"] == "1 of 1"
    assert row["Radiograph"].startswith("out_of_fold_")


def test_figures_and_headings_stand_in_their_order(section):
    assert section.figures == ["calibration", "decision_curves", "worst_cases"]
    assert "Bacterial and viral pneumonia" in texts(section)
    assert {origin[2] for origin in section.origins} == {"assess_calibration"}


def test_nothing_calibrated_shows_one_stage(tmp_path):
    made = Experiment(tmp_path, FOUR_RUNS[:1], n=(150, 60))
    found = Calibrations(made, "none", "cost")
    files = made.files(calibrations=found.details, calibrated=found.calibrated)
    section = build(files, Words())
    assert [row["Probabilities"] for row in table_of(section, "calibration")] == ["as trained"] * 2
    assert any("nothing was calibrated" in text for text in texts(section))
    assert len(section.answer) == 3 and "rule: cost" in section.answer[1]


def test_one_verdict_on_both_sets_is_said_once(tmp_path):
    made = Experiment(tmp_path, FOUR_RUNS[:1], n=(150, 60))
    found = Calibrations(made)
    content = read_json(found.details[0])
    inside = [one for one in content["measures"] if one["dataset"] == "out_of_fold"]
    content["measures"] = inside + [one | {"dataset": "test"} for one in inside]
    write_json(found.details[0], content)
    section = build(made.files(calibrations=found.details, calibrated=found.calibrated), Words())
    own = verdict(content, "test", Words()).text
    assert f"its probabilities {own} both out of fold (slope" in section.answer[0]
    assert section.answer[0].count(own) == 1


def test_words_are_those_of_the_data(files):
    section = build(files, EFFUSION)
    assert usual_words(section) == []
    assert "Patients with effusion" in table_of(section, "predictive_values")[0]
    assert "No finding" in table_of(section, "subtype_probabilities")[0]
    assert "Subtypes" in texts(section)
    assert any(
        "a missed case of effusion counts as 5 false alarms" in one for one in texts(section)
    )


def test_without_files_there_is_no_section(made):
    assert build(made.files(), Words()) is None
