import numpy as np
import pandas as pd
import pytest
from statistics_cases import DRAW, edit_csv, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.run import Run
from pneumobench.statistics.categories import compare_categories, paired_difference

ALEXNET = Run("alexnet", "light", 1)
VGG16 = Run("vgg16", "light", 1)
RESNET18 = Run("plain_resnet18", "light", 1)
CUSTOM = Run("custom_resnet18", "light", 1)
NOISE = Run("custom_resnet_cbam", "heavy", 1)
# Quality: RESNET18 and VGG16 alike, ALEXNET clearly behind, NOISE without any signal.
RUNS = {ALEXNET: 0.8, VGG16: 2.5, RESNET18: 2.5, CUSTOM: 2.0, NOISE: 0.0}
MISSING = [{"model": "resnet_cbam", "recipe": "light", "seed": 1, "note": "fold 2 failed"}]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("comparison"))
    for seed, (run, signal) in enumerate(RUNS.items()):
        experiment.add_run(run, signal, seed)
    experiment.select(list(RUNS))
    for run in RUNS:
        experiment.evaluate(run)
    return experiment


@pytest.fixture(scope="module")
def outputs(experiment):
    table, content = experiment.compare(list(RUNS), MISSING)
    return pd.read_csv(table, keep_default_na=False, na_values=[""]), read_json(content)


@pytest.fixture
def table(outputs):
    return outputs[0].set_index("model")


@pytest.fixture
def content(outputs):
    return outputs[1]


def test_rows_are_ranked_by_out_of_fold_area_as_in_the_selection(experiment, table):
    selected = read_json(experiment.selection)["runs"]
    complete = table[table["status"] == "complete"]
    assert complete.index.tolist() == [entry["model"] for entry in selected]
    assert complete["rank"].tolist() == [1, 2, 3, 4, 5]
    assert complete["out_of_fold_roc_auc"].tolist() == pytest.approx(
        [entry["auc_fold_mean"] for entry in selected], abs=1e-12
    )
    assert complete["best"].tolist() == [True] + [False] * 4


def test_missing_run_is_named_without_blocking_the_table(table, content):
    row = table.loc["resnet_cbam"]
    assert (row["status"], row["note"], row["recipe"]) == ("missing", "fold 2 failed", "light")
    assert row.drop(["title", "recipe", "seed", "status", "note", "schema_version"]).isna().all()
    assert table.index[-1] == "resnet_cbam"
    assert content["missing"] == MISSING


def test_all_runs_missing_is_an_error(experiment):
    with pytest.raises(UserError, match="no run is complete"):
        experiment.compare([], MISSING)


def test_run_without_signal_is_marked(table):
    assert table.loc[NOISE.model, "learned"] == False  # noqa: E712 - read from a file
    assert "did not learn" in table.loc[NOISE.model, "note"]
    assert table.loc[VGG16.model, "learned"] == True  # noqa: E712
    assert pd.isna(table.loc[VGG16.model, "note"])


def test_rows_that_cannot_be_told_from_the_best_are_marked(table):
    assert not table.loc[VGG16.model, "separable_from_best"]
    assert not table.loc[RESNET18.model, "separable_from_best"]
    assert table.loc[ALEXNET.model, "separable_from_best"]
    assert table.loc[NOISE.model, "separable_from_best"]
    best = table[table["rank"] == 1].iloc[0]
    assert not best["separable_from_best"] and best["difference_from_best"] == 0
    assert table.loc[NOISE.model, "difference_from_best"] == pytest.approx(
        table.loc[NOISE.model, "out_of_fold_roc_auc"] - best["out_of_fold_roc_auc"]
    )
    assert table.loc[NOISE.model, "difference_from_best_high"] < 0


def test_numbers_are_those_of_the_metrics(experiment, table):
    metrics = read_json(experiment.folder(VGG16) / "metrics.json")
    expected = {
        "out_of_fold_roc_auc": ("out_of_fold", "fold_mean", "none", "roc_auc"),
        "out_of_fold_f1": ("out_of_fold", "pooled", "out_of_fold", "f1"),
        "test_roc_auc": ("test", "mean_prediction", "none", "roc_auc"),
        "test_f1": ("test", "mean_prediction", "out_of_fold", "f1"),
        "test_f1_at_default": ("test", "mean_prediction", "0.5", "f1"),
    }
    keys = ("dataset", "aggregate", "threshold", "metric")
    found = {tuple(entry[key] for key in keys): entry for entry in metrics["estimates"]}
    for column, key in expected.items():
        assert table.loc[VGG16.model, column] == pytest.approx(found[key]["value"], abs=1e-12)
        assert table.loc[VGG16.model, f"{column}_low"] == pytest.approx(found[key]["low"])
        assert table.loc[VGG16.model, f"{column}_high"] == pytest.approx(found[key]["high"])
        spread = found[key[0], "fold_mean", *key[2:]]["spread"]
        assert table.loc[VGG16.model, f"{column}_spread"] == pytest.approx(spread)


def test_resources_are_collected_over_the_folds(table):
    row = table.loc[VGG16.model]
    assert (row["train_seconds"], row["epochs"]) == (33.0, 4.0)
    assert (row["title"], row["parameters"], row["macs"]) == ("VGG16", 1000, 5000)


def test_counts_and_majority_floor(experiment, content):
    share = (experiment.test["label"] == "pneumonia").mean()
    floor = content["floors"]["majority"]["test"]
    majority = (experiment.development["label"] == "pneumonia").mean() >= 0.5
    assert floor["class"] == ("pneumonia" if majority else "normal")
    assert floor["majority_accuracy"] == pytest.approx(share if majority else 1 - share)
    assert floor["low"] < floor["majority_accuracy"] < floor["high"]
    assert content["datasets"]["test"]["n"] == len(experiment.test)
    assert content["replicates"] == DRAW["replicates"]
    assert content["threshold_rule"] == "youden"


def test_majority_floor_calls_what_is_frequent_in_development(tmp_path):
    experiment = make_experiment(tmp_path)
    frequent = experiment.development["label"].mode()[0]
    # On this test set the other class is the frequent one.
    rare = experiment.test["label"] == frequent
    experiment.test = pd.concat([experiment.test[rare][:3], experiment.test[~rare]])
    experiment.write_labels()
    experiment.add_run(VGG16, 1.0)
    experiment.select([VGG16])
    experiment.evaluate(VGG16)
    floor = read_json(experiment.compare([VGG16])[1])["floors"]["majority"]["test"]
    assert floor["class"] == frequent
    assert floor["majority_accuracy"] == pytest.approx(3 / len(experiment.test))
    assert floor["majority_accuracy"] < 0.5


def test_planned_comparisons_say_why_they_are_not_testable(content):
    classic, attention, scratch, pretraining = content["categories"]
    assert classic["testable"] and classic["reason"] == ""
    assert [(pair["reference"], pair["model"]) for pair in classic["differences"]] == [
        ("alexnet", "vgg16"),
        ("vgg16", "plain_resnet18"),
    ]
    assert classic["differences"][0]["excludes_zero"]
    assert not classic["differences"][1]["excludes_zero"]
    assert not attention["testable"] and "no complete run of resnet_cbam" in attention["reason"]
    assert not scratch["testable"] and "share no recipe" in scratch["reason"]
    assert scratch["differences"] == []
    # Without pretrained weights both are one network: shown as the noise floor, not as a test.
    assert not pretraining["testable"]
    assert "plain_resnet18 started without pretrained weights" in pretraining["reason"]
    assert [pair["noise_floor"] for pair in pretraining["differences"]] == [True]
    assert not classic["differences"][0]["noise_floor"]


def test_pretrained_weights_make_the_fourth_comparison_testable():
    heavy = Run("plain_resnet18", "heavy", 1), Run("custom_resnet18", "heavy", 1)
    areas = {run: np.linspace(0.8, 0.9, 11) for run in (RESNET18, CUSTOM, *heavy)}
    pretrained = {run: run == heavy[0] for run in areas}
    *_, pretraining = compare_categories(areas, pretrained, 0.9)
    assert pretraining["testable"] and pretraining["reason"] == ""
    found = {pair["recipe"]: pair["noise_floor"] for pair in pretraining["differences"]}
    assert found == {"heavy": False, "light": True}


def test_one_network_under_two_names_is_said_to_be_one():
    areas = {run: np.linspace(0.8, 0.9, 11) for run in (RESNET18, CUSTOM)}
    pretrained = dict.fromkeys(areas, False)
    *_, equal = compare_categories(areas, pretrained, 0.9)
    assert "equal figures are what a correct pipeline shows" in equal["reason"]
    *_, other = compare_categories(areas | {CUSTOM: areas[CUSTOM] ** 2}, pretrained, 0.9)
    assert "the noise between two trainings" in other["reason"]


def test_pretrained_runs_are_known_by_their_settings(tmp_path):
    experiment = make_experiment(tmp_path)
    for run in (RESNET18, CUSTOM):
        experiment.add_run(run, 1.0)
    for path in experiment.files([RESNET18], "run.json"):
        write_json(path, {**read_json(path), "settings": {"pretrained": True}})
    experiment.select([RESNET18, CUSTOM])
    for run in (RESNET18, CUSTOM):
        experiment.evaluate(run)
    *_, pretraining = read_json(experiment.compare([RESNET18, CUSTOM])[1])["categories"]
    assert pretraining["testable"]
    assert [row["pretrained"] for row in pretraining["rows"]] == [False, True]


def test_differences_are_averaged_over_shared_seeds_only():
    steps = np.zeros(11)
    areas = {
        Run("plain_resnet18", "light", 1): steps + 0.8,
        Run("plain_resnet18", "light", 2): steps + 0.9,
        Run("resnet_cbam", "light", 2): steps + 0.7,
        Run("resnet_cbam", "light", 3): steps + 0.1,
        Run("resnet_cbam", "heavy", 1): steps + 0.1,
    }
    pretrained = dict.fromkeys(areas, True)
    (difference,) = compare_categories(areas, pretrained, 0.9)[1]["differences"]
    assert difference["seeds"] == [2] and difference["recipe"] == "light"
    assert difference["difference"] == pytest.approx(-0.2)
    assert difference["excludes_zero"]


def test_difference_is_paired():
    generator = np.random.default_rng(0)
    shared = generator.normal(0.9, 0.05, 1001)
    found = paired_difference(shared + 0.01, shared, 0.95)
    # Either interval alone is a fifth wide; their paired difference is a point.
    assert found["low"] == pytest.approx(0.01) and found["high"] == pytest.approx(0.01)
    assert found["excludes_zero"]


def test_runs_of_different_images_are_refused(tmp_path):
    experiment = make_experiment(tmp_path)
    for run in (ALEXNET, VGG16):
        experiment.add_run(run, 1.0)
    experiment.select([ALEXNET, VGG16])
    for run in (ALEXNET, VGG16):
        experiment.evaluate(run)
    path = experiment.folder(VGG16) / "scores.csv"
    edit_csv(path, lambda table: table[1:])
    with pytest.raises(UserError, match=r"different images[\s\S]*vgg16[\s\S]*trained anew"):
        experiment.compare([ALEXNET, VGG16])


def test_comparison_is_byte_identical_in_any_order(experiment):
    before = [path.read_bytes() for path in experiment.compare(list(RUNS), MISSING)]
    after = [path.read_bytes() for path in experiment.compare(list(RUNS)[::-1], MISSING)]
    assert before == after
