"""The list of a run's mistakes: which images, both probabilities, threshold, fold and picture."""

import pandas as pd
import pytest

from pneumobench.core.explained import COLUMNS
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.explained import panel_rows
from pneumobench.reporting.mistakes import list_mistakes

COLUMNS_OF_CALIBRATED = (
    *("dataset", "image_id", "patient", "label", "subtype"),
    *("probability_before", "probability", "decision_selected", "fold", "threshold"),
)
ROWS = (
    ("out_of_fold", "right", "a", "pneumonia", "viral", 0.9, 0.8, 1, 0, 0.5),
    ("out_of_fold", "missed_little", "b", "pneumonia", "viral", 0.4, 0.3, 0, 0, 0.5),
    ("out_of_fold", "missed", "c", "pneumonia", "bacterial", 0.1, 0.05, 0, 1, 0.6),
    ("out_of_fold", "alarm", "d", "normal", "normal", 0.7, 0.6, 1, 1, 0.6),
    ("test", "new", "e", "normal", "normal", 0.8, 0.7, 1, None, 0.55),
)


@pytest.fixture
def calibrated(tmp_path):
    table = pd.DataFrame(ROWS, columns=COLUMNS_OF_CALIBRATED).astype({"fold": "Int64"})
    write_table(tmp_path / "calibrated.csv", table)
    return tmp_path / "calibrated.csv"


def mistakes(calibrated, explained=None, panels=None):
    path = calibrated.with_name("mistakes.csv")
    list_mistakes(calibrated, explained, panels, path)
    return read_table(path, text=("image_id", "panel")).set_index("image_id")


def test_every_mistake_is_listed_the_most_confident_of_its_kind_first(calibrated):
    found = mistakes(calibrated)
    assert found.index.tolist() == ["missed", "missed_little", "alarm", "new"]
    assert found["kind"].tolist() == ["missed", "missed", "false_alarm", "false_alarm"]
    first = found.loc["missed"]
    assert (first["probability_uncalibrated"], first["probability_calibrated"]) == (0.1, 0.05)
    assert (first["threshold_uncalibrated"], first["fold"]) == (0.6, 1)
    assert first["margin"] == pytest.approx(0.5) and pd.isna(found.loc["new", "fold"])
    assert (found["panel"] == "").all()


def test_a_mistake_that_was_explained_names_its_picture(calibrated, tmp_path):
    row = dict.fromkeys(COLUMNS, 0) | {
        "image_id": "missed", "path": "x/missed.png", "outcome": "false_negative",
        "label": "pneumonia", "chosen": "mistake",
    }  # fmt: skip
    others = [{"image_id": "alarm", "chosen": "sample"}, {"image_id": "missed_little"}]
    explained = pd.DataFrame([row, *(row | other for other in others)])
    write_table(tmp_path / "explained.csv", explained)
    panels = tmp_path / "explanations/net/light/seed1/panels"
    panels.mkdir(parents=True)
    (panels / panel_rows(explained)["panel"].iloc[0]).touch()
    found = mistakes(calibrated, tmp_path / "explained.csv", panels)["panel"]
    assert found["missed"].startswith("explanations/net/light/seed1/panels/false_negative_pneu")
    # Of the sample alone there is no picture, and one that is not there is not named.
    assert found["alarm"] == found["missed_little"] == ""


def test_without_a_mistake_the_list_is_empty(calibrated):
    table = read_table(calibrated)
    write_table(calibrated, table[table["image_id"] == "right"])
    assert mistakes(calibrated).empty
