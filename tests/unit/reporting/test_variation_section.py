"""The section on trainings of one architecture: what it says, and when it is there."""

import pandas as pd
import pytest
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, table_of, text_of

from pneumobench.core.files import write_json, write_table
from pneumobench.reporting.sections.variation import build


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("variation_section"))


def write(folder, *, repeats=1, single=False):
    """Write what rule measure_variation writes of two models, the second perhaps `single`."""
    numbers = {"roc_auc": 0.95, "roc_auc_low": 0.93, "roc_auc_high": 0.965, "repeats": repeats}
    rows = [
        numbers | {"model": model, "recipe": "light", "seeds": seeds, "between": between}
        | {"recipe_low": low, "recipe_high": high, "spread": spread, "lowest": 0.94}
        | {"highest": 0.96, "n": 520, "events": 320, "patients": 424}
        for model, seeds, between, low, high, spread in (
            ("resnet50", 3, "repeats" if repeats > 1 else "seeds", 0.91, 0.975, 0.01),
            ("vgg16", 1, "", None, None, None) if single
            else ("vgg16", 3, "seeds", 0.90, 0.98, 0.02),
        )
    ]  # fmt: skip
    difference = {
        "difference": 0.01, "low": 0.001, "high": 0.02,
        "recipe_low": None if single else -0.03, "recipe_high": None if single else 0.05,
    }  # fmt: skip
    details = {"folds": 5, "repeats": repeats, "confidence": 0.95, "replicates": 2000}
    write_table(folder / "variation.csv", pd.DataFrame(rows))
    write_json(folder / "variation.json", details | {"differences": [difference]})
    return {
        "variation": folder / "variation.csv",
        "variation_details": folder / "variation.json",
    }


def test_both_intervals_stand_side_by_side(made, tmp_path):
    section = build(report_files(made, **write(tmp_path)), CHILDREN)
    first, second = table_of(section, "variation")
    dash = "\N{EN DASH}"
    assert first["AUC, these trained models"] == f"0.950 (0.930{dash}0.965)"
    assert first["AUC, this recipe"] == f"0.950 (0.910{dash}0.975)"
    assert first["Standard deviation between trainings"] == "0.0100" and second["Seeds"] == "3"
    assert "0.010 to 0.020" in section.answer[0] and "0.940 to 0.960" in section.answer[0]
    text = text_of(section)
    assert "All seeds have the same folds" in text and "training on other patients" in text
    (difference,) = table_of(section, "variation_differences")
    assert difference["Lower by, this recipe"] == "0.010 (-0.030 to 0.050)"
    assert "a difference was not shown" in text


def test_repeats_are_counted(made, tmp_path):
    section = build(report_files(made, **write(tmp_path, repeats=4)), CHILDREN)
    assert "divided into 5 folds 4 times" in text_of(section)
    assert "All seeds have the same folds" not in text_of(section)


def test_one_training_has_no_interval_of_its_recipe(made, tmp_path):
    section = build(report_files(made, **write(tmp_path, single=True)), CHILDREN)
    _, once = table_of(section, "variation")
    empty = "\N{EM DASH}"
    assert once["AUC, this recipe"] == empty == once["Standard deviation between trainings"]
    (difference,) = table_of(section, "variation_differences")
    assert difference["Lower by, this recipe"] == empty


def test_there_is_no_section_where_each_was_trained_once(made):
    assert build(report_files(made), CHILDREN) is None
