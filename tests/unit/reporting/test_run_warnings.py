"""What the report warns of above the ranked table."""

import pytest
from reporting_fixture import Experiment

from pneumobench.reporting.run_warnings import warnings_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("paper"))


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
