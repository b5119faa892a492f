"""Baselines on their way: scored from images, judged beside runs, shown below them."""

import numpy as np
import pandas as pd
import pytest
from baseline_fixture import write_dataset
from reporting_fixture import Experiment
from sealed_fixture import edit_csv
from statistics_cases import FOLDS, make_experiment

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.prediction.baseline_models import MODELS
from pneumobench.prediction.baselines import FEATURES, score_baselines
from pneumobench.reporting.baselines import baseline_sentence
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.words import Words
from pneumobench.statistics.beside import BASELINE, read_out_of_fold_scores, read_test_scores
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.metrics import roc_auc
from pneumobench.statistics.predictions import read_labels

RANDOM, STRONG = Run("alexnet", "light", 1), Run("vgg16", "light", 1)
COPY = Run("zfnet", "light", 1)


def score(experiment, kinds=tuple(BASELINES)):
    folder = experiment.root / "dataset"
    score_baselines(
        folder / "images.npy",
        folder / "manifest.csv",
        folder / "splits.csv",
        experiment.development_labels,
        out_of_fold={kind: experiment.root / f"baselines/{kind}/out_of_fold.csv" for kind in kinds},
        test={kind: experiment.root / f"baselines/{kind}/test.csv" for kind in kinds},
    )


@pytest.fixture
def dataset(tmp_path):
    experiment = make_experiment(tmp_path, patients=120)
    write_dataset(experiment)
    return experiment


def test_images_that_the_split_left_out_are_nobodys(dataset):
    """They have neither a label nor a fold: as `not tested` they would count as normal."""
    folder = dataset.root / "dataset"
    left_out = dataset.development["image_id"].iloc[:8]
    table = read_table(folder / "splits.csv", text=("image_id", "inner", "group"))
    own = table["image_id"].isin(left_out)
    table["fold"] = table["fold"].astype("Int64").mask(own)
    write_table(folder / "splits.csv", table.assign(role=table["role"].mask(own, "left_out")))
    labels = read_table(dataset.development_labels)
    write_table(dataset.development_labels, labels[~labels["image_id"].isin(left_out)])
    score(dataset)
    for kind in BASELINES:
        for name, role in (("out_of_fold", "cv"), ("test", "test")):
            scores = read_table(dataset.root / f"baselines/{kind}/{name}.csv")
            assert set(scores["fold"]) == set(range(FOLDS))
            used = table["role"].eq(role) & ~own
            assert set(scores["image_id"]) == set(table.loc[used, "image_id"])


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A random run, a strong one, and one that says what the metadata baseline says."""
    experiment = make_experiment(tmp_path_factory.mktemp("baselines"), patients=120)
    write_dataset(experiment)
    score(experiment)
    for run, signal in ((RANDOM, 0.0), (STRONG, 6.0), (COPY, 0.0)):
        experiment.add_run(run, signal, seed=4)
    for name in ("out_of_fold", "test"):
        baseline = read_table(experiment.root / f"baselines/metadata/{name}.csv")
        for fold, path in enumerate(experiment.files([COPY], f"{name}.csv")):
            own = baseline[baseline["fold"] == fold].drop(columns="baseline")
            own["logit"] = own["logit"].astype(np.float32)
            write_table(path, own.assign(model=COPY.model, recipe="light", seed=1, tta="identity"))
    runs = [RANDOM, STRONG, COPY]
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    experiment.outputs = experiment.compare(runs)
    return experiment


@pytest.fixture(scope="module")
def table(compared):
    return read_comparison(compared.outputs[0]).set_index("model")


@pytest.fixture(scope="module")
def facts(compared):
    return read_json(compared.outputs[1])


# Scores


def test_every_baseline_has_features_a_model_and_a_name():
    assert set(FEATURES) == set(MODELS) == set(BASELINES)


def test_every_image_is_scored_once_out_of_fold_and_by_every_fold_on_the_test_set(dataset):
    score(dataset)
    for kind in BASELINES:
        folder = dataset.root / "baselines" / kind
        own, tested = (read_table(folder / f"{name}.csv") for name in ("out_of_fold", "test"))
        assert (
            list(own.columns) == list(tested.columns) == ["baseline", "fold", "image_id", "logit"]
        )
        expected = dataset.development.sort_values("image_id")
        assert own["image_id"].tolist() == expected["image_id"].tolist()
        assert own["fold"].tolist() == expected["fold"].tolist()
        for _, part in tested.groupby("fold"):
            assert part["image_id"].tolist() == sorted(dataset.test["image_id"])
        assert tested["fold"].unique().tolist() == list(range(FOLDS))
        assert set(own["baseline"]) == set(tested["baseline"]) == {kind}


def test_a_label_that_follows_width_is_found_by_metadata(dataset):
    score(dataset)
    labels = read_labels(dataset.development_labels)
    areas = {}
    for path in dataset.baseline_files("out_of_fold"):
        kind, _, logit = read_out_of_fold_scores(path, labels, FOLDS, BASELINE)
        areas[kind] = roc_auc(labels.positive, logit)
    assert max(areas, key=areas.get) == "metadata" and areas["metadata"] > 0.85
    path = dataset.root / "baselines/metadata/test.csv"
    kind, logits = read_test_scores(path, read_labels(dataset.test_labels), FOLDS, BASELINE)
    assert roc_auc(read_labels(dataset.test_labels).positive, logits.mean(axis=0)) > 0.75


def test_labels_of_the_manifest_and_of_test_images_change_nothing(dataset):
    score(dataset)
    paths = dataset.baseline_files("out_of_fold") + dataset.baseline_files("test")
    before = [path.read_bytes() for path in paths]
    edit_csv(dataset.root / "dataset/manifest.csv", lambda table: table.assign(label="normal"))
    dataset.test_labels.unlink()
    score(dataset)
    assert [path.read_bytes() for path in paths] == before


def test_images_of_another_data_set_are_refused(dataset):
    edit_csv(dataset.root / "dataset/splits.csv", lambda table: table[1:])
    with pytest.raises(UserError, match="not the same images in the same order"):
        score(dataset)


def spoil(problem):
    def change(table):
        if problem == "twice":
            return pd.concat([table, table[:1]])
        if problem == "fold":
            return table[table["fold"] != "1"]
        if problem == "image":
            return table[1:]
        if problem == "column":
            return table.drop(columns="baseline")
        table.loc[0, "logit"] = "nan"
        return table

    return change


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("twice", "holds an image twice"),
        ("fold", "is of other folds"),
        ("image", "is of other images"),
        ("nan", "lacks logits or has too many"),
        ("column", "lacks columns or mixes baselines"),
    ],
)
def test_damaged_scores_are_named_with_what_to_rerun(dataset, problem, message):
    path = dataset.root / "baselines/metadata/out_of_fold.csv"
    edit_csv(path, spoil(problem))
    with pytest.raises(UserError, match=message + r"[\s\S]*metadata[\s\S]*rule score_baselines"):
        read_out_of_fold_scores(path, read_labels(dataset.development_labels), FOLDS, BASELINE)


def test_test_scores_need_every_fold_for_every_image(dataset):
    path = dataset.root / "baselines/metadata/test.csv"
    edit_csv(path, lambda table: table[1:])
    with pytest.raises(UserError, match="lacks logits"):
        read_test_scores(path, read_labels(dataset.test_labels), FOLDS, BASELINE)


@pytest.mark.parametrize("name", ["out_of_fold", "test"])
def test_scores_of_another_baseline_are_refused_by_their_folder(dataset, name):
    score(dataset)
    copied = dataset.root / f"baselines/thumbnail/{name}.csv"
    copied.write_bytes((dataset.root / f"baselines/border/{name}.csv").read_bytes())
    read, labels = {
        "out_of_fold": (read_out_of_fold_scores, dataset.development_labels),
        "test": (read_test_scores, dataset.test_labels),
    }[name]
    with pytest.raises(UserError, match=r"is of border[\s\S]*thumbnail[\s\S]*score_baselines"):
        read(copied, read_labels(labels), FOLDS, BASELINE)


# Selection and comparison


def test_thresholds_are_those_that_a_run_of_these_scores_gets(compared):
    frozen = Frozen.read(compared.selection)
    assert frozen.of_baseline("metadata")["thresholds"] == frozen.of_run(COPY)["thresholds"]
    with pytest.raises(
        UserError, match=r"does not hold the baseline letters[\s\S]*freeze_selection"
    ):
        frozen.of_baseline("letters")


def test_a_baseline_is_judged_as_a_run_of_these_scores(table, facts):
    (baseline,) = [
        entry for entry in facts["baselines"]["models"] if entry["baseline"] == "metadata"
    ]
    row = table.loc[COPY.model]
    assert sum(name.startswith("test_sensitivity") for name in baseline) >= 3
    for name in set(baseline) - {"baseline"}:
        assert baseline[name] == pytest.approx(row[name], abs=1e-12), name
    assert not any("brier" in name for name in baseline)


def test_random_and_equal_runs_do_not_beat_the_baselines_and_a_strong_one_does(table, facts):
    assert facts["baselines"]["models"][0]["baseline"] == "metadata"
    assert set(table["best_baseline"]) == {"metadata"}
    assert table["beats_baselines"].to_dict() == {
        RANDOM.model: False, COPY.model: False, STRONG.model: True
    }  # fmt: skip
    assert table.loc[COPY.model, "difference_from_best_baseline"] == 0
    assert table.loc[RANDOM.model, "difference_from_best_baseline_high"] < 0
    assert table.loc[STRONG.model, "difference_from_best_baseline_low"] > 0


def test_differences_are_those_of_run_and_baseline(table, facts):
    areas = {
        entry["baseline"]: entry["out_of_fold_roc_auc"] for entry in facts["baselines"]["models"]
    }
    assert len(facts["baselines"]["differences"]) == 3 * len(BASELINES)
    for entry in facts["baselines"]["differences"]:
        own = table.loc[entry["model"], "out_of_fold_roc_auc"]
        assert entry["difference"] == pytest.approx(own - areas[entry["baseline"]], abs=1e-12)
        assert entry["low"] <= entry["difference"] <= entry["high"]


def test_a_run_above_two_baselines_and_like_the_third_does_not_beat_them(facts):
    rows = facts["baselines"]["differences"]
    copied = {entry["baseline"]: entry for entry in rows if entry["model"] == COPY.model}
    assert copied["border"]["low"] > 0 and copied["thumbnail"]["low"] > 0
    assert not copied["metadata"]["excludes_zero"]


def test_baselines_of_other_folds_are_refused(dataset):
    dataset.add_run(RANDOM, 1.0)
    dataset.select([RANDOM])
    dataset.evaluate(RANDOM)
    other = {"0": "1", "1": "0", "2": "2"}
    path = dataset.root / "baselines/metadata/out_of_fold.csv"
    edit_csv(path, lambda table: table.assign(fold=table["fold"].map(other)))
    with pytest.raises(UserError, match=r"metadata has other folds[\s\S]*score_baselines"):
        dataset.compare([RANDOM])


# Tables and words


def test_baselines_stand_below_the_runs_as_no_networks(compared, tmp_path):
    paths = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(*compared.outputs, *paths, words=Words())
    lines = [line for line in paths[1].read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 + len(BASELINES)
    assert "| Baseline: metadata |" in lines[5]
    for line in lines[5:]:
        assert line.endswith("| no network |")
    notes = {line.split(" | ")[1]: line.split(" | ")[-1] for line in lines[2:5]}
    assert notes["VGG16"] == "best |"
    assert "not shown to beat the baselines" in notes["ZFNET"]
    assert "not shown to have learned; not shown to beat the baselines" in notes["ALEXNET"]
    csv = read_table(paths[0], text=("note", "title"))
    assert csv["status"].tolist() == ["complete"] * 3 + ["baseline"] * 3
    assert csv["test_specificity_low"].notna().all() and csv["seed"].isna().sum() == 3
    assert r"Baseline: thumbnail" in paths[2].read_text()


def test_summary_names_who_does_not_beat_them(compared, facts):
    comparison = read_comparison(compared.outputs[0])
    text = baseline_sentence(comparison, facts)
    assert text.startswith(
        "The best baseline, which every network should exceed, is a linear model that sees nothing "
        "but width and height"
    )
    worse = "Shown to be worse than it (the interval of the paired difference lies below 0): "
    assert f"{worse}ALEXNET." in text
    assert text.endswith("Not shown to be better than every baseline: ZFNET.")
    random = comparison[comparison["model"] == RANDOM.model]
    assert baseline_sentence(random, facts).endswith(f"{worse}ALEXNET.")
    strong = comparison[comparison["beats_baselines"].astype(bool)]
    assert baseline_sentence(strong, facts).endswith("Every run beats all baselines.")


def test_a_missing_run_is_not_said_to_lose(tmp_path):
    made = Experiment(tmp_path)
    text = baseline_sentence(read_comparison(made.comparison_csv), read_json(made.comparison_json))
    assert "CNN-LSTM" in text and "DenseNet" not in text
