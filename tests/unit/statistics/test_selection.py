import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv
from sklearn.metrics import roc_auc_score
from statistics_cases import COST_RATIO, FOLDS, make_experiment

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.run import Run
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.selection import FoldRules, freeze_selection
from pneumobench.statistics.thresholds import fit_threshold

WEAK, STRONG, SAME = Run("vgg16", "light", 1), Run("alexnet", "light", 1), Run("zfnet", "light", 1)
RUNS = [WEAK, STRONG, SAME]


@pytest.fixture
def experiment(tmp_path):
    experiment = make_experiment(tmp_path / "one")
    experiment.add_run(WEAK, signal=0.5)
    experiment.add_run(STRONG, signal=2, seed=1)
    experiment.add_run(SAME, signal=2, seed=1)
    return experiment


def flip(path):
    other = {"normal": "pneumonia", "pneumonia": "normal"}
    edit_csv(path, lambda table: table.assign(label=table["label"].map(other)))


@pytest.mark.parametrize("views", ["none", "flip"])
def test_flipped_test_labels_leave_the_selection_byte_identical(experiment, views):
    for run in RUNS:
        experiment.add_views(run, "flip")
    experiment.select(RUNS, views=views, ensembles=tuple(ENSEMBLES))
    selected = experiment.selection.read_bytes()
    experiment.evaluate(STRONG, views)
    metrics = (experiment.folder(STRONG) / "metrics.json").read_bytes()
    predictions = [path.read_bytes() for path in experiment.files(RUNS, "out_of_fold.csv")]

    flip(experiment.test_labels)
    experiment.select(RUNS, views=views, ensembles=tuple(ENSEMBLES))
    experiment.evaluate(STRONG, views)
    assert experiment.selection.read_bytes() == selected
    assert [path.read_bytes() for path in experiment.files(RUNS, "out_of_fold.csv")] == predictions
    # The labels did arrive where they belong.
    assert (experiment.folder(STRONG) / "metrics.json").read_bytes() != metrics


def test_flipped_development_labels_change_the_selection(experiment):
    experiment.select(RUNS)
    selected = experiment.selection.read_bytes()
    flip(experiment.development_labels)
    experiment.select(RUNS)
    assert experiment.selection.read_bytes() != selected


def freeze(experiment, runs, **changes):
    files = replace(experiment.selection_files(runs), **changes)
    rules = FoldRules(FOLDS, "youden", COST_RATIO, "platt")
    freeze_selection(files, experiment.selection, rules, views="none", ensembles=[])


def test_test_predictions_cannot_enter(experiment):
    with pytest.raises(UserError, match="images without a label"):
        freeze(experiment, RUNS, out_of_fold=experiment.files(RUNS, "test.csv"))


def test_the_order_and_the_place_of_the_files_change_nothing(experiment, tmp_path):
    experiment.select(RUNS)
    selected = experiment.selection.read_bytes()
    experiment.root.rename(tmp_path / "two")
    experiment.root = tmp_path / "two"
    experiment.select(RUNS[::-1])
    assert experiment.selection.read_bytes() == selected


def test_runs_are_ranked_by_the_mean_area_of_the_folds(experiment):
    experiment.select(RUNS)
    content = json.loads(experiment.selection.read_text())
    # Equal areas are ranked by name.
    assert [entry["model"] for entry in content["runs"]] == ["alexnet", "zfnet", "vgg16"]
    assert [entry["rank"] for entry in content["runs"]] == [1, 2, 3]
    assert content["best"] == {"model": "alexnet", "recipe": "light", "seed": 1}

    table = pd.concat(map(pd.read_csv, experiment.files([STRONG], "out_of_fold.csv")))
    table = table.merge(experiment.development[["image_id", "label"]])
    table["truth"] = table["label"] == "pneumonia"
    areas = [
        roc_auc_score(part["truth"], part["logit"].astype(np.float32))
        for _, part in table.groupby("fold")
    ]
    best = content["runs"][0]
    assert best["auc_fold_mean"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert best["auc_pooled"] == pytest.approx(
        roc_auc_score(table["truth"], table["logit"].astype(np.float32)), abs=1e-12
    )
    assert best["best_epochs"] == [1, 2, 3]


@pytest.mark.parametrize("rule", ["youden", "sensitivity_95"])
def test_each_fold_has_the_threshold_of_its_own_logits(experiment, rule):
    experiment.select(RUNS, rule)
    frozen = Frozen.read(experiment.selection)
    assert frozen.rule == rule
    thresholds = frozen.of_run(WEAK)["thresholds"]
    for fold, path in enumerate(experiment.files([WEAK], "out_of_fold.csv")):
        table = pd.read_csv(path).merge(experiment.development[["image_id", "label"]])
        expected = fit_threshold(
            (table["label"] == "pneumonia").to_numpy(),
            table["logit"].to_numpy(np.float32),
            rule,
            where="",
        )
        assert thresholds[fold] == expected


def test_run_without_all_folds_is_an_error_that_names_it(experiment):
    with pytest.raises(UserError, match=r"vgg16 \(light, seed 1\) has no predictions of fold 2"):
        freeze(experiment, [WEAK], out_of_fold=experiment.files([WEAK], "out_of_fold.csv")[:-1])


def test_missing_run_json_is_named(experiment):
    with pytest.raises(UserError, match=r"no run.json of fold 0"):
        freeze(experiment, [WEAK], run_jsons=[])


def test_no_run_at_all_is_an_error(experiment):
    with pytest.raises(UserError, match="no run to select from"):
        experiment.select([])


def test_unknown_run_is_an_error_that_names_the_rule(experiment):
    experiment.select([WEAK])
    with pytest.raises(UserError, match=r"does not hold alexnet[\s\S]*freeze_selection"):
        Frozen.read(experiment.selection).of_run(STRONG)
