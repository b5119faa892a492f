"""Predictions averaged over views: judged as plain ones are, beside them, without a say."""

import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv, read_cells
from sklearn.metrics import roc_auc_score
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.frozen import Frozen

STRONG, WEAK = Run("alexnet", "light", 42), Run("vgg16", "light", 42)
RUNS = [STRONG, WEAK]
RECORDS = ("estimates", "confusion", "per_class", "subgroups")


@pytest.fixture
def experiment(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.add_run(STRONG, signal=1.5)
    experiment.add_run(WEAK, signal=0.7, seed=1)
    experiment.add_views(STRONG, "flip", signal=0.5)
    # Averaging lifts the weak run above the strong one.
    experiment.add_views(WEAK, "flip", signal=5.0)
    return experiment


def metrics_of(experiment, run):
    return read_json(experiment.folder(run) / "metrics.json")


def compare(experiment, views):
    experiment.select(RUNS, views=views)
    for run in RUNS:
        experiment.evaluate(run, views)
    table, content = experiment.compare(RUNS)
    return read_table(table).set_index("model"), read_json(content)


def test_thresholds_and_records_are_those_of_the_averaged_predictions_alone(experiment):
    """As if the averaged predictions were the run's plain ones."""
    experiment.select([STRONG], views="flip")
    experiment.evaluate(STRONG, "flip")
    part = metrics_of(experiment, STRONG)["test_time_augmentation"]
    assert part["views"] == "flip"
    for name in ("out_of_fold", "test"):
        for path in experiment.files([STRONG], f"{name}_flip.csv"):
            path.replace(path.with_name(f"{name}.csv"))
            edit_csv(path.with_name(f"{name}.csv"), lambda table: table.assign(tta="identity"))
    experiment.select([STRONG])
    experiment.evaluate(STRONG)
    alone = metrics_of(experiment, STRONG)
    assert part["thresholds"] == alone["thresholds"]
    assert {key: part[key] for key in RECORDS} == {key: alone[key] for key in RECORDS}


def test_plain_results_are_the_same_with_and_without(experiment):
    plain, plain_content = compare(experiment, "none")
    metrics, selection = metrics_of(experiment, STRONG), read_json(experiment.selection)
    scores = (experiment.folder(STRONG) / "scores.csv").read_bytes()
    assert "test_time_augmentation" not in metrics
    assert not any(column.startswith("tta_") for column in plain)
    both, both_content = compare(experiment, "flip")
    assert (experiment.folder(STRONG) / "scores.csv").read_bytes() == scores
    with_views = metrics_of(experiment, STRONG)
    del with_views["test_time_augmentation"]
    # The selection holds the views' thresholds too: it is another file.
    assert with_views.pop("selection_sha256") != metrics.pop("selection_sha256")
    assert with_views == metrics
    assert both[plain.columns].equals(plain)
    assert both_content.pop("test_time_augmentation") == "flip"
    assert both_content == plain_content
    selected = read_json(experiment.selection)
    for entry in selected["runs"]:
        del entry["test_time_augmentation"]
    assert selected["runs"] == selection["runs"] and selected["best"] == selection["best"]


def test_ranking_stays_by_the_plain_predictions(experiment):
    table, _ = compare(experiment, "flip")
    assert table.loc[STRONG.model, "rank"] == 1 and table.loc[WEAK.model, "rank"] == 2
    column = "tta_out_of_fold_roc_auc"
    assert table.loc[WEAK.model, column] > table.loc[STRONG.model, column]


def test_columns_of_the_comparison_are_those_of_the_metrics(experiment):
    table, _ = compare(experiment, "flip")
    part = metrics_of(experiment, WEAK)["test_time_augmentation"]
    for column, key in (
        ("out_of_fold_roc_auc", ("out_of_fold", "fold_mean", "none", "roc_auc")),
        ("test_roc_auc", ("test", "mean_prediction", "none", "roc_auc")),
        ("test_sensitivity", ("test", "mean_prediction", "out_of_fold", "sensitivity")),
    ):
        (entry,) = [
            entry for entry in part["estimates"]
            if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"]) == key
        ]  # fmt: skip
        for suffix, bound in (("", "value"), ("_low", "low"), ("_high", "high")):
            assert table.loc[WEAK.model, f"tta_{column}{suffix}"] == entry[bound]
    for dataset in ("out_of_fold", "test"):
        difference = table.loc[WEAK.model, f"tta_{dataset}_roc_auc_difference"]
        averaged, plain = (
            table.loc[WEAK.model, f"{start}{dataset}_roc_auc"] for start in ("tta_", "")
        )
        assert difference == pytest.approx(averaged - plain, abs=1e-12)


def test_interval_of_the_difference_is_paired_by_patient(experiment):
    """The interval on the test set by copying images, patient by patient."""
    experiment.select([WEAK], views="flip")
    experiment.evaluate(WEAK, "flip")
    (entry,) = [
        entry
        for entry in metrics_of(experiment, WEAK)["test_time_augmentation"]["differences"]
        if entry["dataset"] == "test"
    ]
    test = experiment.test.sort_values("image_id").reset_index(drop=True)
    truth = (test["label"] == "pneumonia").to_numpy()
    plain, averaged = (
        np.mean(
            [
                read_table(path).set_index("image_id")["logit"][test["image_id"]]
                for path in experiment.files([WEAK], name)
            ],
            axis=0,
        ).astype(np.float32)
        for name in ("test.csv", "test_flip.csv")
    )
    resamples = resample_patients(
        test["patient"].to_numpy(dtype=str),
        DRAW,
    )
    differences = []
    for multiplicity in resamples.multiplicity[1:]:
        rows = np.repeat(np.arange(len(test)), multiplicity[resamples.cluster])
        differences.append(
            roc_auc_score(truth[rows], averaged[rows]) - roc_auc_score(truth[rows], plain[rows])
        )
    expected = roc_auc_score(truth, averaged) - roc_auc_score(truth, plain)
    assert entry["difference"] == pytest.approx(expected, abs=1e-9)
    assert [entry["low"], entry["high"]] == pytest.approx(
        np.quantile(differences, [0.025, 0.975]), abs=1e-6
    )


def test_test_set_of_one_class_has_no_difference(experiment):
    experiment.test = experiment.test[experiment.test["label"] == "pneumonia"]
    experiment.write_labels()
    for path in [
        *experiment.files([STRONG], "test.csv"), *experiment.files([STRONG], "test_flip.csv")
    ]:  # fmt: skip
        edit_csv(path, lambda table: table[table["image_id"].isin(experiment.test["image_id"])])
    experiment.select([STRONG], views="flip")
    experiment.evaluate(STRONG, "flip")
    _, test = metrics_of(experiment, STRONG)["test_time_augmentation"]["differences"]
    assert test["difference"] is None and test["low"] is None and not test["excludes_zero"]


def test_missing_fold_of_averaged_predictions_is_named(experiment):
    for path in experiment.files([STRONG], "out_of_fold_flip.csv")[:1]:
        path.write_bytes(experiment.files([WEAK], "out_of_fold_flip.csv")[0].read_bytes())
    with pytest.raises(UserError, match=r"alexnet \(light, seed 42\) has no predictions of fold 0"):
        experiment.select([STRONG], views="flip")


def test_selection_without_these_views_is_refused(experiment):
    experiment.select(RUNS)
    with pytest.raises(UserError, match=r"alexnet .*with the views flip[\s\S]*freeze_selection"):
        Frozen.read(experiment.selection).of_views(STRONG, "flip")
    experiment.select(RUNS, views="flip")
    with pytest.raises(UserError, match="with the views small"):
        Frozen.read(experiment.selection).of_views(STRONG, "small")
    averaged = Frozen.read(experiment.selection).of_views(STRONG, "flip")
    assert len(averaged["thresholds"]) == FOLDS


def test_averaged_predictions_of_other_folds_are_refused(experiment):
    experiment.select([STRONG], views="flip")
    first, second = experiment.files([STRONG], "out_of_fold_flip.csv")[:2]
    parts = [read_cells(path) for path in (first, second)]
    edit_csv(first, lambda table: pd.concat([table[1:], parts[1][:1].assign(fold="0")]))
    edit_csv(second, lambda table: pd.concat([table[1:], parts[0][:1].assign(fold="1")]))
    with pytest.raises(UserError, match=r"other images with and without[\s\S]*_flip.csv"):
        experiment.evaluate(STRONG, "flip")
