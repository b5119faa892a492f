from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import percentile_interval, resample_patients
from pneumobench.statistics.evaluation import evaluate_run
from pneumobench.statistics.frozen import Cuts, Frozen
from pneumobench.statistics.intervals import Area
from pneumobench.statistics.judgement import Predicted, score_out_of_fold, score_test
from pneumobench.statistics.metrics import DECISION_METRICS, SCORE_METRICS
from pneumobench.statistics.patients import gather_patients
from pneumobench.statistics.predictions import Labels, read_labels
from pneumobench.statistics.samples import Sample

RUN = Run("alexnet", "light", 42)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("evaluation"))
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    return experiment


@pytest.fixture(scope="module")
def metrics(experiment):
    return read_json(experiment.folder(RUN) / "metrics.json")


@pytest.fixture(scope="module")
def scores(experiment):
    return read_table(experiment.folder(RUN) / "scores.csv")


def pick(metrics, dataset, aggregate, threshold, metric):
    (found,) = [
        entry
        for entry in metrics["estimates"]
        if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
        == (dataset, aggregate, threshold, metric)
    ]
    return found


def part_of(scores, dataset, fold=None):
    rows = scores[scores["dataset"] == dataset]
    if fold is not None:
        return rows[rows["fold"] == fold]
    return rows if dataset == "out_of_fold" else rows[rows["fold"].isna()]


def compute(rows, metric, threshold="0.5"):
    truth = (rows["label"] == "pneumonia").to_numpy()
    decision = rows["decision_default" if threshold == "0.5" else "decision_selected"]
    return {
        "roc_auc": lambda: reference.roc_auc_score(truth, rows["logit"]),
        "average_precision": lambda: reference.average_precision_score(truth, rows["logit"]),
        "brier": lambda: reference.brier_score_loss(truth, 1 / (1 + np.exp(-rows["logit"]))),
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(truth, decision),
        "f1": lambda: reference.f1_score(truth, decision),
        "mcc": lambda: reference.matthews_corrcoef(truth, decision),
    }[metric]()


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "brier"])
def test_metrics_of_scores_equal_the_reference(metrics, scores, metric):
    for dataset, whole in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
        found = pick(metrics, dataset, whole, "none", metric)
        assert found["value"] == pytest.approx(compute(part_of(scores, dataset), metric), abs=1e-7)
        by_fold = [compute(part_of(scores, dataset, fold), metric) for fold in range(FOLDS)]
        found = pick(metrics, dataset, "fold_mean", "none", metric)
        assert found["value"] == pytest.approx(np.mean(by_fold), abs=1e-7)
        assert found["folds"] == pytest.approx(by_fold, abs=1e-7)
        assert found["spread"] == pytest.approx(np.std(by_fold, ddof=1), abs=1e-7)


@pytest.mark.parametrize("threshold", ["0.5", "out_of_fold"])
@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1", "mcc"])
def test_metrics_of_decisions_equal_the_reference(metrics, scores, metric, threshold):
    for dataset, whole in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
        found = pick(metrics, dataset, whole, threshold, metric)
        expected = compute(part_of(scores, dataset), metric, threshold)
        assert found["value"] == pytest.approx(expected, abs=1e-12)
        found = pick(metrics, dataset, "fold_mean", threshold, metric)
        by_fold = [
            compute(part_of(scores, dataset, fold), metric, threshold) for fold in range(FOLDS)
        ]
        assert found["value"] == pytest.approx(np.mean(by_fold), abs=1e-12)


def test_every_number_has_an_interval_an_n_and_an_origin(metrics, experiment):
    assert len(metrics["estimates"]) == 4 * (2 * len(DECISION_METRICS) + len(SCORE_METRICS))
    for entry in metrics["estimates"]:
        assert entry["low"] <= entry["value"] <= entry["high"]
        images = experiment.test if entry["dataset"] == "test" else experiment.development
        assert entry["n"] == len(images)
        assert entry["events"] == (images["label"] == "pneumonia").sum()
        assert entry["patients"] == images["patient"].nunique()
        assert entry["undefined_replicates"] < 20
    for entry in metrics["per_class"]:
        for metric in ("precision", "recall", "f1"):
            assert entry[f"{metric}_low"] <= entry[metric] <= entry[f"{metric}_high"]
    for entry in metrics["subgroups"]:
        assert entry["low"] <= entry["sensitivity"] <= entry["high"]


def test_intervals_are_those_of_patients_drawn_within_the_folds(metrics, scores):
    """The interval by copying images, patient by patient and fold by fold."""
    rows = part_of(scores, "out_of_fold").sort_values("image_id").reset_index(drop=True)
    fold, patient = rows["fold"].to_numpy(int), rows["patient"].to_numpy(dtype=str)
    resamples = resample_patients(patient, DRAW, strata=fold)
    pooled, within = [], []
    for multiplicity in resamples.multiplicity[1:]:
        copies = rows.loc[np.repeat(rows.index, multiplicity[resamples.cluster])]
        pooled.append(compute(copies, "roc_auc"))
        within.append(np.mean([compute(part, "roc_auc") for _, part in copies.groupby("fold")]))
    for aggregate, replicates in (("pooled", pooled), ("fold_mean", within)):
        found = pick(metrics, "out_of_fold", aggregate, "none", "roc_auc")
        expected = Area(resamples, None).interval(np.array([found["value"], *replicates]), 0.95)
        assert [found["low"], found["high"]] == pytest.approx(expected, abs=1e-6)


def test_confusion_and_classes_add_up(metrics, scores):
    for dataset, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
        rows = part_of(scores, dataset)
        truth = rows["label"] == "pneumonia"
        (counts,) = [
            entry
            for entry in metrics["confusion"]
            if (entry["dataset"], entry["aggregate"], entry["threshold"])
            == (dataset, aggregate, "out_of_fold")
        ]
        cells = ("true_negative", "false_positive", "false_negative", "true_positive")
        expected = reference.confusion_matrix(truth, rows["decision_selected"]).ravel()
        assert [counts[cell] for cell in cells] == expected.tolist()
        report = reference.classification_report(
            truth, rows["decision_selected"], output_dict=True, target_names=["normal", "pneumonia"]
        )
        for entry in metrics["per_class"]:
            if (entry["dataset"], entry["threshold"]) == (dataset, "out_of_fold"):
                expected = report[entry["class"]]
                assert entry["support"] == expected["support"]
                assert entry["precision"] == pytest.approx(expected["precision"])
                assert entry["recall"] == pytest.approx(expected["recall"])
                assert entry["f1"] == pytest.approx(expected["f1-score"])


def test_sensitivity_by_subtype(metrics, scores):
    rows = part_of(scores, "test")
    found = {
        entry["subtype"]: entry
        for entry in metrics["subgroups"]
        if entry["dataset"] == "test" and entry["threshold"] == "0.5"
    }
    assert set(found) == {"bacterial", "viral"}
    for subtype, entry in found.items():
        chosen = rows[rows["subtype"] == subtype]
        assert entry["sensitivity"] == pytest.approx(chosen["decision_default"].mean())
        assert entry["n"] == len(chosen)
        assert entry["patients"] == chosen["patient"].nunique()


@pytest.mark.parametrize(
    ("dataset", "whole"), [("out_of_fold", "pooled"), ("test", "mean_prediction")]
)
def test_patients_are_answered_by_the_mean_of_their_images(
    experiment, metrics, scores, dataset, whole
):
    rows = part_of(scores, dataset)
    patients = rows.groupby("patient")
    assert len(patients) < len(rows)
    cut = np.mean(metrics["thresholds"])
    if dataset == "out_of_fold":
        rows = rows.sort_values("image_id")
        labels, frozen = (
            read_labels(experiment.development_labels),
            Frozen.read(experiment.selection),
        )
        logits = rows["logit"].to_numpy(np.float32), rows["fold"].to_numpy(int)
        cut = frozen.cuts(frozen.of_run(RUN), labels, *logits).out_of_fold
    distance = (rows["logit"] - cut).groupby(rows["patient"]).mean()
    truth = (patients["label"].first() == "pneumonia").to_numpy()
    # As the library does: equal means must be equal.
    exact = rows["logit"].astype(np.float32).astype(float)
    logit = exact.groupby(rows["patient"]).mean().astype(np.float32)
    expected = {
        ("none", "roc_auc"): reference.roc_auc_score(truth, logit),
        ("none", "brier"): reference.brier_score_loss(truth, 1 / (1 + np.exp(-logit))),
        ("out_of_fold", "sensitivity"): reference.recall_score(truth, distance > 0),
        ("out_of_fold", "specificity"): reference.recall_score(~truth, distance <= 0),
    }
    for (threshold, metric), value in expected.items():
        found = pick({"estimates": metrics["patients"]}, dataset, whole, threshold, metric)
        assert found["value"] == pytest.approx(value, abs=1e-6)
        assert found["low"] <= value <= found["high"]
        assert found["n"] == found["patients"] == len(patients)


def test_a_patient_with_one_sick_image_is_sick():
    labels = Labels(
        path=Path("labels.csv"),
        image_id=np.array(["a", "b", "c"]),
        positive=np.array([False, True, False]),
        subtype=np.array(["normal", "viral", "normal"]),
        patient=np.array(["one", "one", "two"]),
    )
    resamples = resample_patients(labels.patient, Resampling(0.95, 9, 1))
    logit = np.array([1.0, 2.0, -1.0], np.float32)
    predicted = Predicted(np.zeros(3, int), logit, np.stack([logit, 2 * logit]))
    sample = Sample(labels, predicted.fold, resamples)
    cuts = Cuts(np.array([0.5, 0.5, 0.1]), np.array([0.0, 0.0]))
    samples = {"out_of_fold": sample, "test": sample}
    gathered, own, found = gather_patients(predicted, cuts, samples)
    assert own.out_of_fold.tolist() == [0.5, 0.1] and own.test is cuts.test
    assert found["test"].positive.tolist() == [True, False]
    assert found["test"].labels.subtype.tolist() == ["mixed", "normal"]
    assert gathered.logit.tolist() == [1.5, -1] and gathered.logits[1].tolist() == [3, -2]
    np.testing.assert_array_equal(found["test"].resamples.multiplicity, resamples.multiplicity)


def test_scores_have_a_row_for_each_model_and_the_mean(experiment, scores):
    assert len(part_of(scores, "out_of_fold")) == len(experiment.development)
    assert len(scores[scores["dataset"] == "test"]) == (FOLDS + 1) * len(experiment.test)
    mean = part_of(scores, "test").set_index("image_id")["logit"]
    by_fold = scores[(scores["dataset"] == "test") & scores["fold"].notna()]
    np.testing.assert_allclose(mean, by_fold.groupby("image_id")["logit"].mean(), atol=1e-6)
    np.testing.assert_allclose(scores["probability"], 1 / (1 + np.exp(-scores["logit"])), atol=1e-6)


def test_evaluation_is_byte_identical_on_repetition(experiment):
    outputs = [experiment.folder(RUN) / name for name in ("metrics.json", "scores.csv")]
    before = [path.read_bytes() for path in outputs]
    experiment.evaluate(RUN)
    assert [path.read_bytes() for path in outputs] == before


def test_each_image_is_cut_at_its_own_threshold():
    logit = np.array([1, 3, 1, 3], np.float32)
    cuts = np.array([2.0, 2.0, 0.0, 0.0])
    models, whole = score_out_of_fold(logit, np.array([0, 0, 1, 1]), cuts)
    assert whole.decisions["out_of_fold"].tolist() == [False, True, True, True]
    assert models[1].images.tolist() == [2, 3]
    assert models[1].decisions["out_of_fold"].tolist() == [True, True]


def test_mean_prediction_is_cut_at_the_mean_distance_from_the_thresholds():
    logits = np.array([[4, -1, 1], [-1, 2, 1]], np.float32)
    models, mean = score_test(logits, np.array([3.0, 0.0]))
    assert mean.logit.tolist() == [1.5, 0.5, 1.0]
    assert mean.decisions["0.5"].tolist() == [True, True, True]
    # Distances: (1, -1), (-4, 2), (-2, 1); a distance of 0 is not above the threshold.
    assert mean.decisions["out_of_fold"].tolist() == [False, False, False]
    assert models[0].decisions["out_of_fold"].tolist() == [True, False, False]
    assert models[1].decisions["out_of_fold"].tolist() == [False, True, True]


@pytest.mark.parametrize(("signal", "learned"), [(0.0, False), (2.0, True)])
def test_run_whose_interval_includes_one_half_did_not_learn(tmp_path, signal, learned):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=signal, seed=0)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    metrics = read_json(experiment.folder(RUN) / "metrics.json")
    low = pick(metrics, "out_of_fold", "fold_mean", "none", "roc_auc")["low"]
    assert metrics["learned"] is learned and (low > 0.5) is learned


def test_test_set_of_one_class_is_undefined_and_counted(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.test = experiment.test[experiment.test["label"] == "pneumonia"]
    experiment.write_labels()
    experiment.add_run(RUN, signal=1)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    metrics = read_json(experiment.folder(RUN) / "metrics.json")
    found = pick(metrics, "test", "mean_prediction", "none", "roc_auc")
    assert found["value"] is None and found["low"] is None
    assert found["undefined_replicates"] == DRAW.replicates
    assert pick(metrics, "test", "fold_mean", "0.5", "sensitivity")["value"] is not None


def test_predictions_of_another_run_are_refused(experiment):
    other = Run("vgg16", "light", 42)
    experiment.add_run(other, signal=1)
    experiment.select([RUN, other])
    with pytest.raises(UserError, match=r"predictions are of vgg16[\s\S]*alexnet \(light"):
        evaluate_run(
            replace(
                experiment.run_files(RUN),
                out_of_fold=experiment.files([other], "out_of_fold.csv"),
            ),
            experiment.root / "metrics.json",
            experiment.root / "scores.csv",
            run=RUN,
            views="none",
            resampling=DRAW,
        )


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """Nominal 90 % intervals of a proportion in 60 clusters, over 200 samples."""
    generator = np.random.default_rng(1)
    patients = np.repeat(np.arange(60), 2).astype(str)
    resamples = resample_patients(patients, Resampling(0.95, 400, 0))
    covered = 0
    for _ in range(200):
        hits = np.repeat(generator.random(60) < 0.7, 2)
        shares = resamples.sums(hits[:, np.newaxis], np.arange(120))[:, 0] / 120
        low, high, _ = percentile_interval(shares[1:], 0.9)
        covered += low <= 0.7 <= high
    assert 0.82 <= covered / 200 <= 0.96


def test_scores_table_has_the_contract_columns(scores):
    assert list(scores.columns) == [
        "dataset",
        "fold",
        "image_id",
        "patient",
        "label",
        "subtype",
        "logit",
        "probability",
        "decision_default",
        "decision_selected",
    ]


# Bad input: one message, what to run again


def test_selection_frozen_on_other_predictions(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    experiment.add_run(RUN, signal=1.5, seed=7)
    with pytest.raises(UserError, match=r"frozen on other[\s\S]*rule freeze_selection"):
        experiment.evaluate(RUN)


def test_selection_of_another_schema_version(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    text = experiment.selection.read_text(encoding="utf-8")
    changed = text.replace('"schema_version": 1', '"schema_version": 9')
    experiment.selection.write_text(changed, encoding="utf-8")
    assert changed != text
    with pytest.raises(UserError, match=r"schema version 9[\s\S]*selection\.json") as error:
        experiment.evaluate(RUN)
    assert "snakemake again" in error.value.remedy


def test_test_set_of_one_class_leaves_undefined_numbers_empty(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.test = experiment.test[experiment.test["label"] == "pneumonia"]
    experiment.write_labels()
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    found = {
        entry["metric"]: entry
        for entry in read_json(experiment.folder(RUN) / "metrics.json")["estimates"]
        if (entry["dataset"], entry["aggregate"]) == ("test", "mean_prediction")
        and entry["threshold"] in ("none", "out_of_fold")
    }
    for metric in ("roc_auc", "specificity", "balanced_accuracy"):
        entry = found[metric]
        assert entry["value"] is entry["low"] is entry["high"] is None
        assert entry["undefined_replicates"] == DRAW.replicates
    assert found["sensitivity"]["value"] is not None


def test_metrics_of_another_selection(tmp_path):
    experiment = make_experiment(tmp_path)
    first, second = RUN, Run("vgg16", "light", 42)
    for seed, run in enumerate((first, second)):
        experiment.add_run(run, signal=1.5, seed=seed)
    experiment.select([first])
    experiment.evaluate(first)
    experiment.select([first, second])
    experiment.evaluate(second)
    with pytest.raises(UserError, match=r"another selection[\s\S]*alexnet[\s\S]*evaluate_run"):
        experiment.compare([first, second])


def test_equal_scores_are_named_and_undefined_numbers_stay_empty(tmp_path, caplog):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=1.5)
    for name in ("out_of_fold", "test"):
        path = experiment.folder(RUN) / f"fold1/{name}.csv"
        table = read_table(path, text=("tta",))
        write_table(path, table.assign(logit=np.float32(0.25)))
    experiment.select([RUN])
    experiment.evaluate(RUN)
    (warning,) = read_json(experiment.folder(RUN) / "metrics.json")["warnings"]
    assert "fold 1 " in warning and "same score" in warning and "train_fold" in warning
    assert warning in caplog.text


def test_subtype_without_images_has_no_row(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.test.loc[experiment.test["subtype"] == "viral", "subtype"] = "bacterial"
    experiment.write_labels()
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    groups = read_json(experiment.folder(RUN) / "metrics.json")["subgroups"]
    found = {(entry["dataset"], entry["subtype"]) for entry in groups}
    assert ("test", "viral") not in found and ("out_of_fold", "viral") in found
    assert all(entry["n"] > 0 for entry in groups)
