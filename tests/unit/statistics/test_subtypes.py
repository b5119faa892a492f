"""Three classes: training, predictions, data that do not know them, and every metric."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from configurations import check, problems
from figure_inputs import assert_equal_twice
from fold_fixture import fold_outputs, train, write_fold
from recipe_fixture import settings
from scipy.special import log_softmax, logsumexp, softmax
from sklearn import metrics as reference
from split_fixture import radiographs_of, split
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES, THUMBNAIL_RUN
from pneumobench.explain.targets import predicted_class, target_probabilities, target_scores
from pneumobench.prediction.predict import logit_columns, positive_logit
from pneumobench.prediction.repredict import repredict
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.sections.subtypes import build
from pneumobench.reporting.words import Words
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.predictions import read_labels
from pneumobench.statistics.samples import DATASETS, Sample
from pneumobench.statistics.subtypes import (
    METRICS,
    SubtypeFiles,
    Told,
    evaluate_subtypes,
    judge_subtypes,
    positions,
    scale_of,
    table_of,
)
from pneumobench.training.loss import Loss, class_weights
from pneumobench.training.members import fold_members
from pneumobench.training.monitor import inner_metrics
from pneumobench.training.recipe import Recipe

RUN = Run("alexnet", "light", 42)
LOGITS = np.random.default_rng(3).normal(size=(200, 3)).astype(np.float32) * 3
TRUTH = np.random.default_rng(4).integers(0, 3, 200)


# The logit of pneumonia


def test_logit_of_pneumonia_follows_from_three():
    columns = logit_columns(LOGITS)
    assert list(columns) == ["logit", *LOGIT_COLUMNS]
    wanted = logsumexp(LOGITS[:, 1:].astype(float), axis=1) - LOGITS[:, 0]
    assert columns["logit"].dtype == np.float32
    np.testing.assert_allclose(columns["logit"], wanted, atol=2e-6)
    chance = softmax(LOGITS.astype(float), axis=1)[:, 1:].sum(1)
    np.testing.assert_allclose(1 / (1 + np.exp(-columns["logit"].astype(float))), chance, atol=1e-6)
    assert list(logit_columns(LOGITS[:, 0])) == ["logit"]


def test_maps_speak_for_pneumonia_or_against_it():
    logits = torch.from_numpy(LOGITS)
    found = positive_logit(logits)
    target = predicted_class(logits, threshold=0.3)
    assert torch.equal(target, (found > 0.3).long()) and set(target.tolist()) == {0, 1}
    assert torch.equal(target_scores(logits, target), torch.where(target == 1, found, -found))
    both = sum(target_probabilities(logits, torch.full((200,), one)) for one in (0, 1))
    np.testing.assert_allclose(both, 1, atol=1e-6)


# Training


def subtype_recipe(**changes):
    return {**settings(**changes), "task": "subtype"}


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_loss_is_the_softmax_with_weights_and_smoothing(loss):
    keys = {"class_weights": "inverse_frequency", "minority_boost": 1.5, "label_smoothing": 0.1}
    recipe = Recipe.from_settings(subtype_recipe(loss=loss, **keys))
    assert recipe.outputs == recipe.classes == 3
    labels = torch.from_numpy(TRUTH).float()
    counts = np.bincount(TRUTH)
    weights = 1 / counts
    weights[counts.argmin()] *= 1.5
    weights *= 3 / weights.sum()
    found = class_weights(labels, "inverse_frequency", 1.5, classes=3)
    np.testing.assert_allclose(found, weights, rtol=1e-6)
    wanted = torch.nn.functional.cross_entropy(
        torch.from_numpy(LOGITS), torch.from_numpy(TRUTH), label_smoothing=0.1,
        weight=torch.from_numpy(weights).float(),
    )  # fmt: skip
    assert Loss(recipe, labels)(torch.from_numpy(LOGITS), labels) == pytest.approx(float(wanted))


def test_what_is_watched_matches_sklearn():
    found = inner_metrics(torch.from_numpy(LOGITS), torch.from_numpy(TRUTH).float())
    chances = softmax(LOGITS.astype(float), axis=1)
    wanted = reference.roc_auc_score(TRUTH, chances, multi_class="ovr")
    assert found["inner_auc"] == pytest.approx(wanted, abs=1e-6)
    assert found["inner_loss"] == pytest.approx(reference.log_loss(TRUTH, chances), abs=1e-6)
    assert found["inner_accuracy"] == pytest.approx((LOGITS.argmax(1) == TRUTH).mean())


def test_an_early_stopping_part_needs_every_class():
    rows = 400
    splits = pd.DataFrame({"role": "cv", "fold": 1, "inner": ["0"] * 200 + [""] * 200})
    labels = np.arange(rows) % 3
    assert len(fold_members(splits, labels, 0, 3).inner) == 200
    few = np.where((labels == 2) & (np.arange(rows) > 60), 1, labels)
    assert "of the rarer class" in fold_members(splits, few, 0, 3).inner_note


def test_a_fold_is_trained_and_predicted(tmp_path):
    inputs = write_fold(tmp_path / "data")
    table = read_table(inputs.development_labels)
    sick = np.where(np.arange(len(table)) % 4 == 0, "viral", "bacterial")
    table["subtype"] = np.where(table["label"] == "normal", "normal", sick)
    write_table(inputs.development_labels, table)
    results = tmp_path / "results"
    train(tmp_path / "data", results, "custom_resnet18", subtype_recipe(epochs=1, batch_size=16))
    files = fold_outputs(results)
    record = read_json(files.run)
    assert record["outputs"] == 3 and record["settings"]["task"] == "subtype"
    for path in (files.out_of_fold, files.test):
        found = read_table(path)
        logits = found[list(LOGIT_COLUMNS)].to_numpy(np.float32)
        assert_follows(found, logits)
        assert np.ptp(logits, axis=0).min() > 0
    # Radiographs of another source are read as test radiographs are: here they are the same ones.
    again = tmp_path / "external.csv"
    fold = (results, inputs.images, inputs.splits)
    others = {"external_images": inputs.images, "external_splits": inputs.splits}
    repredict("external", *fold, {"test": again}, **others)
    of_test = read_table(again).set_index("image_id").loc[found["image_id"]].reset_index()
    pd.testing.assert_frame_equal(of_test[list(found)], found, rtol=1e-5, atol=1e-5)
    assert read_table(files.history)["train_accuracy"].between(0.2, 1).all()
    averaged = tmp_path / "averaged.csv"
    repredict("views", *fold, {"out_of_fold": averaged}, views="flip")
    views = read_table(averaged)
    assert (views["logit"] != read_table(files.out_of_fold)["logit"]).any()
    logits = views[list(LOGIT_COLUMNS)].to_numpy(np.float32)
    assert_follows(views, logits)


def assert_follows(table, logits):
    wanted = logit_columns(np.ascontiguousarray(logits))["logit"]
    np.testing.assert_array_equal(table["logit"].to_numpy(np.float32), wanted)


# Data and configuration


def test_radiographs_without_a_subtype_stop_the_split(tmp_path):
    radiographs = radiographs_of(40, 1) + radiographs_of(10, 1, "test", first=100)
    for one in split(tmp_path, radiographs, task="subtype")[1:]:
        assert set(one["subtype"]) == set(SUBTYPES)
    unknown = [("0001", "pneumonia", "train"), ("0002", "pneumonia", "test")]
    with pytest.raises(UserError, match=r"2 of 102 images of pneumonia tell no subtype") as caught:
        split(tmp_path, radiographs + unknown, task="subtype")
    assert "task: binary" in caught.value.remedy
    assert len(split(tmp_path, radiographs + unknown)) == 3


def test_a_part_without_a_subtype_stops_the_split(tmp_path):
    rest = [
        radiograph
        for radiograph in radiographs_of(10, 1, "test", first=100)
        if "virus" not in radiograph[0]
    ]
    with pytest.raises(UserError, match="the test set has no viral radiograph"):
        split(tmp_path, radiographs_of(40, 1) + rest, task="subtype")


def test_sources_without_subtypes_are_refused_with_all_else():
    for source in ("nih", "rsna", "pneumoniamnist"):
        found = problems(f"task: subtype\ndata: {{source: {source}}}\nsplit: {{folds: 1}}")
        assert set(found) == {"task", "split.folds"}
        assert found["task"].given == f"subtype with data.source: {source}"
    assert check("task: subtype").task == "subtype"
    assert check("data: {source: nih}").task == "binary"


# Metrics


def of_all(values: np.ndarray, resamples_like: int) -> Resamples:
    """One replicate beside the sample, in which every patient is drawn once."""
    return Resamples(np.ones((2, resamples_like), np.uint16), np.arange(len(values)))


def expected(truth, logits):
    chances = softmax(logits.astype(float), axis=1)
    areas = {
        f"auc_{name}": reference.roc_auc_score(truth == place, chances[:, place])
        for place, name in enumerate(SUBTYPES)
    }
    decided, sick = logits.argmax(axis=1), truth > 0
    apart = logits[sick, 1].astype(float) - logits[sick, 2]
    hits = truth[:, np.newaxis] == np.arange(3)
    return areas | {
        "macro_auc": reference.roc_auc_score(truth, chances, multi_class="ovr"),
        "auc_bacterial_viral": reference.roc_auc_score(truth[sick] == 1, apart),
        "accuracy": reference.accuracy_score(truth, decided),
        "macro_recall": reference.balanced_accuracy_score(truth, decided),
        "macro_f1": reference.f1_score(truth, decided, average="macro"),
        "kappa": reference.cohen_kappa_score(truth, decided),
        "brier": sum(
            reference.brier_score_loss(hits[:, place], chances[:, place]) for place in range(3)
        ),
        "log_loss": reference.log_loss(truth, chances),
    }


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    made = make_experiment(tmp_path_factory.mktemp("subtypes"), patients=120)
    made.add_run(RUN, signal=1.5)
    generator = np.random.default_rng(1)
    labels = pd.concat([made.development, made.test]).set_index("image_id")["subtype"]
    baseline = made.root / "baselines/subtypes"
    files = [path for name in ("out_of_fold", "test") for path in made.files([RUN], f"{name}.csv")]
    for number, path in enumerate(files):
        table = read_table(path, text=("image_id",))
        hits = labels[table["image_id"]].to_numpy()[:, np.newaxis] == np.array(SUBTYPES)
        for signal, target in ((1.5, path), (0.5, baseline / f"fold{number % FOLDS}" / path.name)):
            logits = (generator.normal(size=hits.shape) + signal * hits).astype(np.float32)
            table[list(LOGIT_COLUMNS)] = logits
            table["logit"] = logit_columns(logits)["logit"]
            named = table if target == path else table.assign(**THUMBNAIL_RUN)
            write_table(target, named)
    made.select([RUN])
    return made


def evaluate(made, **changes):
    baselines = [
        [made.root / f"baselines/subtypes/fold{fold}/{name}.csv" for fold in range(FOLDS)]
        for name in ("out_of_fold", "test")
    ]
    outputs = made.root / "comparison/subtypes.csv", made.root / "comparison/subtypes.json"
    evaluate_subtypes(
        SubtypeFiles(
            made.files([RUN], "out_of_fold.csv"),
            made.files([RUN], "test.csv"),
            *baselines,
            made.development_labels,
            made.test_labels,
            made.selection,
        ),
        *outputs,
        resampling=DRAW,
    )
    return outputs


@pytest.fixture(scope="module")
def judged(experiment):
    table, details = evaluate(experiment)
    return read_table(table), read_json(details)


def read_parts(experiment, name):
    labels = pd.concat([experiment.development, experiment.test]).set_index("image_id")["subtype"]
    for path in experiment.files([RUN], f"{name}.csv"):
        table = read_table(path, text=("image_id",)).sort_values("image_id")
        truth = labels[table["image_id"]].map(SUBTYPES.index).to_numpy()
        yield truth, table[list(LOGIT_COLUMNS)].to_numpy(np.float32)


def found_in(content, dataset, aggregate):
    (run,) = [entry for entry in content["runs"] if entry["status"] == "complete"]
    records = {
        one["metric"]: one
        for one in run["estimates"]
        if (one["dataset"], one["aggregate"]) == (dataset, aggregate)
    }
    assert tuple(records) == METRICS
    return run, records


def test_every_metric_equals_sklearns(experiment, judged):
    _, content = judged
    own, tested = (list(read_parts(experiment, name)) for name in ("out_of_fold", "test"))
    truth = np.concatenate([part[0] for part in own])
    logits = np.concatenate([part[1] for part in own])
    mean = np.mean([part[1].astype(float) for part in tested], axis=0)
    wanted = {
        ("out_of_fold", "pooled"): expected(truth, logits),
        ("test", "mean_prediction"): expected(tested[0][0], mean),
    }
    for dataset, parts in (("out_of_fold", own), ("test", tested)):
        each = [expected(*part) for part in parts]
        wanted[dataset, "fold_mean"] = {
            metric: np.mean([one[metric] for one in each]) for metric in METRICS
        }
    for (dataset, aggregate), values in wanted.items():
        run, records = found_in(content, dataset, aggregate)
        for metric, value in values.items():
            assert records[metric]["value"] == pytest.approx(value, abs=1e-12), metric
            assert records[metric]["low"] <= value <= records[metric]["high"], metric
            n = len(truth) if dataset == "out_of_fold" else len(mean)
            sick = (truth > 0).sum() if dataset == "out_of_fold" else (tested[0][0] > 0).sum()
            assert records[metric]["n"] == (sick if metric == "auc_bacterial_viral" else n)
    counts = table_of(run, "out_of_fold")
    np.testing.assert_array_equal(counts, reference.confusion_matrix(truth, logits.argmax(1)))
    decided = reference.confusion_matrix(tested[0][0], mean.argmax(1))
    np.testing.assert_array_equal(table_of(run, "test"), decided)


def test_intervals_are_those_of_drawn_patients(experiment, judged):
    """A replicate, redrawn by hand, gives what the vectorised bootstrap gives."""
    labels = read_labels(experiment.test_labels)
    truth = positions(labels)
    draws = resample_patients(labels.patient, Resampling(0.95, 50, 1))
    logits = np.random.default_rng(0).normal(size=(len(truth), 3)) + 2 * np.eye(3)[truth]
    values = []
    for row in draws.multiplicity[1:]:
        images = np.repeat(np.arange(len(truth)), row[draws.cluster])
        values.append(expected(truth[images], logits[images]))
    told = Told(np.zeros(len(truth), int), logits, logits[np.newaxis])
    samples = dict.fromkeys(DATASETS, Sample(labels, told.fold, draws))
    records = judge_subtypes(told, samples, 0.9)["estimates"]
    for record in records:
        metric = record["metric"]
        replicates = np.array([record["value"], *(value[metric] for value in values)])
        low, high = scale_of(metric, truth, samples["test"]).interval(replicates, 0.9)
        assert record["low"] == pytest.approx(low, abs=1e-12)
        assert record["high"] == pytest.approx(high, abs=1e-12)


def test_the_table_has_a_row_a_run_and_the_baselines(judged):
    table, content = judged
    assert table["status"].tolist() == ["complete", "baseline", "baseline"]
    assert table["baseline"].tolist()[1:] == ["thumbnail", "majority"]
    majority = table.iloc[2]
    counts = content["datasets"]["out_of_fold"]
    share = max(counts[name] for name in SUBTYPES) / counts["n"]
    assert majority["out_of_fold_accuracy"] == pytest.approx(share)
    assert majority["out_of_fold_macro_auc"] == majority["test_auc_viral"] == 0.5
    assert majority["out_of_fold_kappa"] == pytest.approx(0, abs=1e-12)
    assert table["out_of_fold_macro_auc"].is_monotonic_decreasing


def test_a_class_that_is_not_there_is_undefined():
    truth = np.array([0, 0, 1, 1] * 5)
    labels = read_labels_like(truth)
    logits = np.random.default_rng(0).normal(size=(20, 3))
    told = Told(np.zeros(20, int), logits, logits[np.newaxis])
    samples = dict.fromkeys(DATASETS, Sample(labels, told.fold, of_all(truth, 20)))
    records = judge_subtypes(told, samples, 0.95)["estimates"]
    values = {record["metric"]: record["value"] for record in records}
    for metric in ("auc_viral", "macro_auc", "auc_bacterial_viral", "macro_recall", "macro_f1"):
        assert values[metric] is None
    assert values["accuracy"] is not None and values["auc_normal"] is not None


def read_labels_like(truth):
    from pneumobench.statistics.predictions import Labels

    names = np.array([f"i{number:02d}" for number in range(len(truth))])
    return Labels("labels", names, truth > 0, np.array(SUBTYPES)[truth], names)


def test_predictions_of_a_binary_training_are_refused(experiment, tmp_path):
    path = experiment.files([RUN], "test.csv")[0]
    content = path.read_bytes()
    write_table(path, read_table(path, text=("image_id",)).drop(columns=LOGIT_COLUMNS[2]))
    try:
        with pytest.raises(UserError, match="the file lacks logit_viral"):
            evaluate(experiment)
    finally:
        path.write_bytes(content)


# Report


def test_section_and_figure(experiment, judged, tmp_path):
    experiment.evaluate(RUN)
    comparison, _ = experiment.compare([RUN])
    details = experiment.root / "comparison/subtypes.json"
    files = {"table": comparison, "details": comparison.with_suffix(".json")}
    section = build(ReportFiles(files | {"subtypes": details}, settings={}), Words())
    tables = {table.name: table.rows for table in section.tables}
    assert tables["subtypes_test"][0]["Run"] == "ALEXNET"
    assert "ALEXNET" in section.answer[0] and re.search(r"AUC is 0\.\d", section.answer[1])
    assert [row["Run"] for row in tables["subtype_decisions_out_of_fold"]][1:] == [
        "Baseline: thumbnail", "Baseline: majority"
    ]  # fmt: skip
    assert build(ReportFiles(files, settings={}), Words()) is None
    inputs = FigureInputs({"subtypes": details, "comparison": comparison}, Words())
    assert_equal_twice("subtypes", inputs, tmp_path)


def test_log_softmax_is_scipys():
    from pneumobench.statistics.subtype_metrics import against_the_rest
    from pneumobench.statistics.subtype_metrics import log_softmax as own

    large = np.concatenate([LOGITS * 200, LOGITS])
    np.testing.assert_allclose(own(large), log_softmax(large.astype(float), axis=1), atol=1e-12)
    ranks = against_the_rest(large)
    assert np.isfinite(ranks).all() and len(np.unique(ranks[:200, 0])) > 150


def test_predictions_of_a_run_are_no_baseline(experiment, tmp_path):
    own = [experiment.files([RUN], f"{name}.csv") for name in ("out_of_fold", "test")]
    with pytest.raises(UserError, match=r"predictions are of[\s\S]*linear model of thumbnails"):
        labels = experiment.development_labels, experiment.test_labels
        evaluate_subtypes(
            SubtypeFiles(*own, *own, *labels, experiment.selection),
            tmp_path / "subtypes.csv",
            tmp_path / "subtypes.json",
            resampling=DRAW,
        )
