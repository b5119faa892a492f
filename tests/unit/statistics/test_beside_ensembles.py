"""Ensembles on their way: weights frozen, applied without labels, judged beside the runs."""

import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv, read_cells
from statistics_cases import FOLDS, make_experiment

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.metrics import count_below, roc_auc
from pneumobench.statistics.predictions import read_labels

STRONG, SECOND, USELESS = (Run(model, "light", 1) for model in ("vgg16", "alexnet", "zfnet"))
COPY = Run("densenet121", "light", 1)
RUNS = [STRONG, SECOND, USELESS]
LEARNED = [kind for kind, ensemble in ENSEMBLES.items() if ensemble.learned]


def make(root):
    experiment = make_experiment(root, patients=120)
    for seed, (run, signal) in enumerate(((STRONG, 1.5), (SECOND, 1.4), (USELESS, -0.5))):
        experiment.add_run(run, signal, seed=seed)
    return experiment


def combine_all(experiment, runs=RUNS):
    experiment.select(runs, ensembles=tuple(ENSEMBLES))
    for kind in ENSEMBLES:
        experiment.combine(runs, kind)


@pytest.fixture
def experiment(tmp_path):
    return make(tmp_path)


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    """Three runs, and the mean of their logits written down as a fourth, which is judged as a run
    but no member."""
    experiment = make(tmp_path_factory.mktemp("combined"))
    combine_all(experiment)
    experiment.add_run(COPY, 0.0, seed=7)
    for name in ("out_of_fold", "test"):
        table = read_table(experiment.root / f"ensembles/mean_logit/{name}.csv")
        for fold, path in enumerate(experiment.files([COPY], f"{name}.csv")):
            own = table[table["fold"] == fold].drop(columns="ensemble")
            own["logit"] = own["logit"].astype(np.float32)
            write_table(path, own.assign(model=COPY.model, recipe="light", seed=1, tta="identity"))
    members = read_json(experiment.selection)["ensembles"]
    experiment.select([*RUNS, COPY])
    content = read_json(experiment.selection) | {"ensembles": members}
    write_json(experiment.selection, content)
    for run in (*RUNS, COPY):
        experiment.evaluate(run)
    experiment.outputs = experiment.compare([*RUNS, COPY])
    return experiment


@pytest.fixture(scope="module")
def facts(combined):
    return {entry["ensemble"]: entry for entry in read_json(combined.outputs[1])["ensembles"]}


@pytest.fixture(scope="module")
def table(combined):
    return pd.read_csv(combined.outputs[0]).set_index("model")


def logits_of(experiment, runs, name, fold):
    """Return what the models of one fold say, [runs, images sorted by id]."""
    paths = [experiment.folder(run) / f"fold{fold}/{name}.csv" for run in runs]
    return np.stack(
        [read_table(path).sort_values("image_id")["logit"].to_numpy(np.float32) for path in paths]
    )


def scores_of(experiment, kind, name, fold):
    table = read_table(experiment.root / f"ensembles/{kind}/{name}.csv")
    own = table[table["fold"] == fold]
    assert own["image_id"].is_monotonic_increasing
    return own["logit"].to_numpy(np.float32)


# Selection


def test_what_is_frozen_of_an_ensemble(combined):
    for kind in ENSEMBLES:
        entry = Frozen.read(combined.selection).of_ensemble(kind)
        assert entry["optimistic"] == (kind in LEARNED)
        assert [member["model"] for member in entry["members"]] == ["alexnet", "vgg16", "zfnet"]
        assert len(entry["folds"]) == len(entry["thresholds"]) == FOLDS
        assert all(len(fitted["weights"]) == 3 for fitted in entry["folds"])
    with pytest.raises(
        UserError, match=r"does not hold the ensemble median[\s\S]*freeze_selection"
    ):
        Frozen.read(combined.selection).of_ensemble("median")


@pytest.mark.parametrize("kind", LEARNED)
def test_a_folds_labels_have_no_say_in_its_own_weights(experiment, kind):
    experiment.select(RUNS, ensembles=(kind,))
    before = Frozen.read(experiment.selection).of_ensemble(kind)["folds"]
    own = set(experiment.development.loc[experiment.development["fold"] == 1, "image_id"])
    other = {"normal": "pneumonia", "pneumonia": "normal"}
    edit_csv(
        experiment.development_labels,
        lambda table: table.assign(
            label=table["label"].map(other).where(table["image_id"].isin(own), table["label"])
        ),
    )
    experiment.select(RUNS, ensembles=(kind,))
    after = Frozen.read(experiment.selection).of_ensemble(kind)["folds"]
    assert after[1] == before[1]
    assert after[0] != before[0] and after[2] != before[2]


def test_one_run_is_no_ensemble(experiment):
    experiment.select([STRONG], ensembles=tuple(ENSEMBLES))
    assert read_json(experiment.selection)["ensembles"] == []


def test_runs_of_different_folds_are_not_combined(experiment):
    first, second = (experiment.folder(SECOND) / f"fold{fold}/out_of_fold.csv" for fold in (0, 1))
    tables = [read_cells(path) for path in (first, second)]
    edit_csv(first, lambda _: tables[1].assign(fold="0"))
    edit_csv(second, lambda _: tables[0].assign(fold="1"))
    with pytest.raises(UserError, match=r"different folds and cannot be combined[\s\S]*runs/vgg16"):
        experiment.select(RUNS, ensembles=("mean_logit",))


# Scores


def test_files_hold_what_the_weights_make_of_the_models_of_each_fold(combined):
    for fold in range(FOLDS):
        for name in ("out_of_fold", "test"):
            logits = logits_of(combined, sorted(RUNS), name, fold)
            np.testing.assert_allclose(
                scores_of(combined, "mean_logit", name, fold), logits.mean(axis=0), atol=1e-6
            )
            fitted = Frozen.read(combined.selection).of_ensemble("logistic_stack")["folds"][fold]
            np.testing.assert_allclose(
                scores_of(combined, "logistic_stack", name, fold),
                np.array(fitted["weights"]) @ logits + fitted["intercept"],
                atol=1e-5,
            )
            own = logits_of(combined, sorted(RUNS), "out_of_fold", fold)
            shares = [
                count_below(row, reference) / len(reference)
                for row, reference in zip(logits, own, strict=True)
            ]
            np.testing.assert_allclose(
                scores_of(combined, "rank_mean", name, fold), np.mean(shares, axis=0), atol=1e-6
            )


def test_thresholds_are_those_of_the_scores_that_are_written(combined):
    thresholds = Frozen.read(combined.selection).of_run(COPY)["thresholds"]
    assert Frozen.read(combined.selection).of_ensemble("mean_logit")["thresholds"] == thresholds


def test_frozen_scores_are_those_that_are_written(combined):
    labels = read_labels(combined.development_labels)
    truth = pd.Series(labels.positive, labels.image_id)
    for kind in ENSEMBLES:
        table = read_table(combined.root / f"ensembles/{kind}/out_of_fold.csv", ("image_id",))
        areas = [
            roc_auc(truth[part["image_id"]].to_numpy(), part["logit"].to_numpy(np.float32))
            for _, part in table.groupby("fold")
        ]
        frozen = Frozen.read(combined.selection).of_ensemble(kind)["auc_fold_mean"]
        assert frozen == pytest.approx(np.mean(areas), abs=1e-12)


def test_labels_of_test_images_have_no_way_in(experiment):
    experiment.test_labels.unlink()
    combine_all(experiment)
    assert len(experiment.ensemble_files("test")) == len(ENSEMBLES)


def test_order_and_place_of_the_files_change_nothing(experiment, tmp_path):
    combine_all(experiment)
    before = [path.read_bytes() for path in experiment.ensemble_files("test")]
    experiment.root = experiment.root.rename(tmp_path.with_name(f"{tmp_path.name}_moved"))
    combine_all(experiment, RUNS[::-1])
    assert [path.read_bytes() for path in experiment.ensemble_files("test")] == before


def test_a_member_without_predictions_is_named(experiment):
    experiment.select(RUNS, ensembles=("mean_logit",))
    with pytest.raises(UserError, match=r"zfnet \(light, seed 1\) has no predictions of fold 0"):
        experiment.combine([STRONG, SECOND], "mean_logit")


def test_members_of_different_images_are_named(experiment):
    experiment.select(RUNS, ensembles=("mean_logit",))
    path = experiment.folder(SECOND) / "fold1/test.csv"
    edit_csv(path, lambda table: table[1:])
    with pytest.raises(UserError, match=r"different images and cannot be combined[\s\S]*fold1"):
        experiment.combine(RUNS, "mean_logit")


# Comparison


def test_an_ensemble_is_judged_as_a_run_of_these_scores(table, facts):
    row, entry = table.loc[COPY.model], facts["mean_logit"]
    names = [name for name in entry if name.startswith(("out_of_fold_", "test_"))]
    assert len(names) > 100 and "test_brier" in names
    for name in names:
        assert entry[name] == pytest.approx(row[name], abs=1e-9), name


def test_scores_that_are_no_logits_have_no_brier_score_and_no_default_threshold(facts):
    for kind, ensemble in ENSEMBLES.items():
        found = any("_brier" in name or "_at_default" in name for name in facts[kind])
        assert found == ensemble.gives_logit, kind


def test_the_difference_is_that_to_the_best_run(table, facts):
    best = table.loc[table["best"]].iloc[0]
    for entry in facts.values():
        for found in entry["differences"]:
            name = f"{found['dataset']}_roc_auc"
            expected = entry[name] - best[name]
            assert found["difference"] == pytest.approx(expected, abs=1e-12)
            assert found["low"] <= found["difference"] <= found["high"]
        assert [found["dataset"] for found in entry["differences"]] == ["out_of_fold", "test"]


def test_ensembles_are_never_ranked(table, facts):
    assert set(table.index) == {run.model for run in (*RUNS, COPY)}
    assert table["best"].sum() == 1
    areas = [entry["out_of_fold_roc_auc"] for entry in facts.values()]
    assert areas == sorted(areas, reverse=True)


def test_cost_is_that_of_the_members_with_a_weight(combined, table, facts):
    assert facts["mean_logit"]["members_used"] == 3
    assert (
        facts["mean_logit"]["parameters"]
        == table.loc[["alexnet", "vgg16", "zfnet"], "parameters"].sum()
    )
    # What speaks against the truth has no weight where none may be negative.
    entry = facts["non_negative_stack"]
    weights = {member["model"]: member for member in entry["members"]}
    assert weights["zfnet"]["greatest_weight"] == 0 and entry["members_used"] == 2
    for name in ("parameters", "macs", "train_seconds"):
        assert entry[name] == table.loc[["alexnet", "vgg16"], name].sum()
    for member in weights.values():
        assert member["least_weight"] <= member["weight"] <= member["greatest_weight"]


def test_members_that_err_apart_gain(table, facts):
    assert (
        facts["logistic_stack"]["out_of_fold_roc_auc"] > table.loc["vgg16", "out_of_fold_roc_auc"]
    )


def test_ensembles_of_other_folds_are_refused(experiment):
    combine_all(experiment)
    for run in RUNS:
        experiment.evaluate(run)
    other = {"0": "1", "1": "0", "2": "2"}
    path = experiment.root / "ensembles/rank_mean/out_of_fold.csv"
    edit_csv(path, lambda table: table.assign(fold=table["fold"].map(other)))
    with pytest.raises(
        UserError, match=r"ensemble rank_mean has other folds[\s\S]*combine_ensemble"
    ):
        experiment.compare(RUNS)
