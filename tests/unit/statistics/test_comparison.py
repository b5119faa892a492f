import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv
from statistics_cases import DRAW, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.statistics.estimates import paired_difference

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
    told = ["title", "recipe", "seed", "status", "note"]
    assert row.filter(regex="^(?!schema_version)").drop(told).isna().all()
    assert table.index[-1] == "resnet_cbam"
    assert content["missing"] == MISSING


def test_all_runs_missing_is_an_error(experiment):
    with pytest.raises(UserError, match="no run is complete"):
        experiment.compare([], MISSING)


def test_run_without_signal_is_marked(table):
    assert table.loc[NOISE.model, "learned"] == False  # noqa: E712 - read from a file
    assert "not shown to have learned" in table.loc[NOISE.model, "note"]
    assert table.loc[VGG16.model, "learned"] == True  # noqa: E712
    assert pd.isna(table.loc[VGG16.model, "note"])


def test_rows_that_cannot_be_told_from_the_best_are_marked(table):
    assert not table.loc[VGG16.model, "distinguishable_from_best"]
    assert not table.loc[RESNET18.model, "distinguishable_from_best"]
    assert table.loc[ALEXNET.model, "distinguishable_from_best"]
    assert table.loc[NOISE.model, "distinguishable_from_best"]
    best = table[table["rank"] == 1].iloc[0]
    assert not best["distinguishable_from_best"] and best["difference_from_best"] == 0
    assert table.loc[NOISE.model, "difference_from_best"] == pytest.approx(
        table.loc[NOISE.model, "out_of_fold_roc_auc"] - best["out_of_fold_roc_auc"]
    )
    assert table.loc[NOISE.model, "difference_from_best_high"] < 0


def test_distance_from_the_best_is_that_of_the_tests(experiment, table):
    pairs = pd.read_csv(experiment.root / "comparison/differences.csv")
    pairs = pairs[pairs["dataset"] == "out_of_fold"]
    best = table[table["rank"] == 1].index[0]
    for model in table.index[1:5]:
        pair = pairs[(pairs["first_model"] == best) & (pairs["second_model"] == model)].iloc[0]
        row = table.loc[model]
        assert row["distinguishable_from_best"] == pair["distinguishable"]
        assert row["p_from_best"] == pytest.approx(pair["permutation_p_holm"])
        assert row["difference_from_best"] == pytest.approx(-pair["difference"])
        assert row["difference_from_best_low"] == pytest.approx(-pair["difference_high"])
        assert row["difference_from_best_high"] == pytest.approx(-pair["difference_low"])


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


def test_counts_and_majority_baseline(experiment, content):
    share = (experiment.test["label"] == "pneumonia").mean()
    baseline = content["baselines"]["majority"]["test"]
    majority = (experiment.development["label"] == "pneumonia").mean() >= 0.5
    assert baseline["class"] == ("pneumonia" if majority else "normal")
    assert baseline["majority_accuracy"] == pytest.approx(share if majority else 1 - share)
    assert baseline["low"] < baseline["majority_accuracy"] < baseline["high"]
    assert content["datasets"]["test"]["n"] == len(experiment.test)
    assert content["replicates"] == DRAW.replicates
    assert content["threshold_rule"] == "youden"


def test_majority_baseline_calls_what_is_frequent_in_development(tmp_path):
    experiment = make_experiment(tmp_path)
    frequent = experiment.development["label"].mode()[0]
    # On this test set the other class is the frequent one.
    rare = experiment.test["label"] == frequent
    experiment.test = pd.concat([experiment.test[rare][:3], experiment.test[~rare]])
    experiment.write_labels()
    experiment.add_run(VGG16, 1.0)
    experiment.select([VGG16])
    experiment.evaluate(VGG16)
    baseline = read_json(experiment.compare([VGG16])[1])["baselines"]["majority"]["test"]
    assert baseline["class"] == frequent
    assert baseline["majority_accuracy"] == pytest.approx(3 / len(experiment.test))
    assert baseline["majority_accuracy"] < 0.5


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
    with pytest.raises(UserError, match=r"different images[\s\S]*vgg16[\s\S]*retrained"):
        experiment.compare([ALEXNET, VGG16])


def test_comparison_is_byte_identical_in_any_order(experiment):
    before = [path.read_bytes() for path in experiment.compare(list(RUNS), MISSING)]
    after = [path.read_bytes() for path in experiment.compare(list(RUNS)[::-1], MISSING)]
    assert before == after


@pytest.fixture
def two_runs(tmp_path):
    made = make_experiment(tmp_path)
    for run in (VGG16, NOISE):
        made.add_run(run, 1.0)
        for fold, path in enumerate(made.files([run], "timing.csv")):
            edit_csv(path, lambda table, run=run, fold=fold: table.assign(**vars(run), fold=fold))
    made.select([VGG16, NOISE])
    for run in (VGG16, NOISE):
        made.evaluate(run)
    return made


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (f"runs/{VGG16.folder}/fold0/timing.csv", f"runs/{VGG16.folder}/fold1/timing.csv", "fold1"),
        (f"runs/{NOISE.folder}/fold0/timing.csv", f"runs/{VGG16.folder}/fold0/timing.csv", VGG16),
        (f"runs/{VGG16.folder}/fold0/run.json", f"runs/{VGG16.folder}/fold1/run.json", "fold1"),
        (f"runs/{NOISE.folder}/metrics.json", f"runs/{VGG16.folder}/metrics.json", VGG16),
        (f"models/{NOISE.slug}.json", f"models/{VGG16.slug}.json", VGG16),
    ],
)
def test_files_of_another_fold_run_or_model_are_refused(two_runs, wrong, right, said):
    two_runs.compare([VGG16, NOISE])
    (two_runs.root / wrong).write_bytes((two_runs.root / right).read_bytes())
    with pytest.raises(UserError) as caught:
        two_runs.compare([VGG16, NOISE])
    text = str(caught.value)
    assert wrong in text and "run snakemake again" in text
    assert (said if isinstance(said, str) else said.model) in text.splitlines()[0]
