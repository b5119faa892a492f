"""What a run's probabilities are worth, against counts by hand and intervals by copying images."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sealed_fixture import edit_csv
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from statistics_cases import COST_RATIO, DRAW, FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run
from pneumobench.statistics.assess_calibration import (
    PREVALENCES,
    TREATED_FROM,
    CalibrationFiles,
    assess_calibration,
)
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.calibration import METHODS, calibrate, fit_calibration
from pneumobench.statistics.thresholds import RULES, fit_threshold

STAGES = ("before", "after")
DECIDED = ("sensitivity", "specificity")
RUN, OTHER = Run("alexnet", "light", 42), Run("vgg16", "light", 42)


def made(folder, calibration="platt", rule="youden"):
    experiment = make_experiment(folder, patients=160)
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN], rule, calibration=calibration)
    experiment.evaluate(RUN)
    return experiment


def assess(experiment, run=RUN):
    folder = experiment.folder(RUN)
    assess_calibration(
        CalibrationFiles(folder / "scores.csv", folder / "metrics.json", experiment.selection),
        folder / "calibration.json",
        folder / "calibrated.csv",
        run=run,
        resampling=DRAW,
    )
    return read_json(folder / "calibration.json"), read_table(folder / "calibrated.csv")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return made(tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="module")
def results(experiment):
    return assess(experiment)


@pytest.fixture(scope="module")
def entry(experiment):
    return read_json(experiment.selection)["runs"][0]


def images_of(experiment, dataset):
    """Return the images in order of their names, with label and logits of training's files."""
    truth = experiment.development if dataset == "out_of_fold" else experiment.test
    tables = [read_table(path) for path in experiment.files([RUN], f"{dataset}.csv")]
    table = pd.concat(tables).merge(truth.drop(columns="fold"), on="image_id")
    table["positive"] = table["label"] == "pneumonia"
    return table.astype({"logit": np.float32}).sort_values(["image_id", "fold"], ignore_index=True)


def test_each_rule_has_the_threshold_of_each_fold(experiment, entry):
    images = images_of(experiment, "out_of_fold")
    assert set(entry["thresholds_by_rule"]) == set(RULES)
    assert entry["thresholds"] == entry["thresholds_by_rule"]["youden"]
    for rule, thresholds in entry["thresholds_by_rule"].items():
        for fold, part in images.groupby("fold"):
            images_of_fold = part["positive"].to_numpy(), part["logit"].to_numpy()
            expected = fit_threshold(*images_of_fold, rule, where="", cost_ratio=COST_RATIO)
            assert thresholds[fold] == expected


@pytest.mark.parametrize("method", METHODS)
def test_calibrations_are_fitted_to_their_own_and_to_the_other_folds(tmp_path, method):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN], calibration=method)
    (fitted,) = (run["calibration"] for run in read_json(experiment.selection)["runs"])
    images = images_of(experiment, "out_of_fold")
    assert fitted["method"] == method
    for fold in range(FOLDS):
        for key, part in (
            ("folds", images[images["fold"] == fold]),
            ("cross_fitted", images[images["fold"] != fold]),
        ):
            expected = fit_calibration(
                part["positive"].to_numpy(), part["logit"].to_numpy(), method, where=""
            )
            assert fitted[key][fold] == expected


def test_labels_of_a_fold_have_no_say_in_its_own_probabilities(tmp_path):
    own, flipped = (made(tmp_path / name) for name in ("own", "flipped"))
    held = flipped.development["fold"] == 1
    other = {"normal": "pneumonia", "pneumonia": "normal"}
    swapped = flipped.development["label"].map(other).where(held, flipped.development["label"])
    flipped.development = flipped.development.assign(label=swapped)
    edit_csv(flipped.development_labels, lambda table: table.assign(label=swapped.to_numpy()))
    flipped.select([RUN])
    flipped.evaluate(RUN)
    tables = [
        assess(one)[1].query("dataset == 'out_of_fold'").set_index("image_id")["probability"]
        for one in (own, flipped)
    ]
    held = own.development["image_id"][own.development["fold"] == 1]
    assert (tables[0][held] == tables[1][held]).all()
    # The others' probabilities follow from the labels of this fold.
    assert (tables[0].drop(held) != tables[1].drop(held)).all()


def probabilities(experiment, entry, dataset):
    """Return label, logit and both probabilities of each image, computed one by one."""
    rows = []
    for image_id, part in images_of(experiment, dataset).groupby("image_id"):
        key = "cross_fitted" if dataset == "out_of_fold" else "folds"
        after = [
            float(calibrate(logit, entry["calibration"][key][fold]))
            for fold, logit in zip(part["fold"], part["logit"], strict=True)
        ]
        logit = np.float32(part["logit"].mean())
        first = part.iloc[0]
        rows.append(
            {"image_id": image_id, "positive": first["positive"], "subtype": first["subtype"],
             "patient": first["patient"], "fold": first["fold"],
             "before": expit(float(logit)), "after": np.mean(after)}
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
def test_every_image_has_its_probability_and_decision(experiment, entry, results, dataset):
    table = results[1][results[1]["dataset"] == dataset].reset_index(drop=True)
    expected = probabilities(experiment, entry, dataset)
    assert table["image_id"].tolist() == expected["image_id"].tolist()
    np.testing.assert_allclose(table["probability_before"], expected["before"], atol=1e-6)
    np.testing.assert_allclose(table["probability"], expected["after"], atol=1e-6)
    scores = read_table(experiment.folder(RUN) / "scores.csv")
    scores = scores[(scores["dataset"] == dataset)]
    scores = scores[scores["fold"].isna()] if dataset == "test" else scores
    decided = scores.set_index("image_id")["decision_selected"]
    assert (table.set_index("image_id")["decision_selected"] == decided).all()
    # The threshold beside the probability is the one that decided.
    above = table["probability_before"] > table["threshold"]
    assert (above == (table["decision_selected"] == 1)).all()
    assert table["fold"].isna().all() == (dataset == "test")


def measures(images, stage):
    logit = np.log(images[stage] / (1 - images[stage])).to_numpy()[:, np.newaxis]
    fitted = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(logit, images["positive"])
    return {
        "brier": brier_score_loss(images["positive"], images[stage]),
        "slope": fitted.coef_[0, 0],
        "intercept": fitted.intercept_[0],
    }


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
@pytest.mark.parametrize("stage", STAGES)
def test_measures_equal_those_of_another_library(experiment, entry, results, dataset, stage):
    images = probabilities(experiment, entry, dataset)
    found = {
        record["measure"]: record
        for record in results[0]["measures"]
        if record["dataset"] == dataset
    }
    for name, expected in measures(images, stage).items():
        assert found[name][stage]["value"] == pytest.approx(expected, rel=1e-4)
        assert found[name]["n"] == len(images)
    level = images[stage].to_numpy()
    shift = found["in_the_large"][stage]["value"]
    moved = expit(np.log(level / (1 - level)) + shift)
    assert moved.mean() == pytest.approx(images["positive"].mean(), abs=1e-6)
    curve = pd.DataFrame(results[0]["reliability"]).query("dataset == @dataset and stage == @stage")
    error = (curve["mean_probability"] - curve["observed_share"]).abs() @ curve["n"]
    value = found["calibration_error"][stage]["value"]
    assert value == pytest.approx(error / len(images), abs=1e-12)


def test_intervals_are_those_of_patients_drawn_within_the_folds(experiment, entry, results):
    images = probabilities(experiment, entry, "out_of_fold")
    drawn = resample_patients(
        images["patient"].to_numpy(dtype=str), DRAW, strata=images["fold"].to_numpy()
    )
    values = []
    for times in drawn.multiplicity[1:]:
        copies = images.loc[np.repeat(images.index, times[drawn.cluster])]
        errors = [((copies[stage] - copies["positive"]) ** 2).mean() for stage in STAGES]
        values.append((errors[1], errors[1] - errors[0]))
    (record,) = [
        record for record in results[0]["measures"]
        if (record["dataset"], record["measure"]) == ("out_of_fold", "brier")
    ]  # fmt: skip
    for part, column in (("after", 0), ("difference", 1)):
        bounds = np.quantile(np.array(values)[:, column], [0.025, 0.975])
        assert [record[part]["low"], record[part]["high"]] == pytest.approx(bounds, abs=1e-9)


def test_transfer_is_the_test_figure_less_the_aim(experiment, results):
    by_key = {(row["rule"], row["metric"]): row for row in results[0]["thresholds"]}
    assert set(by_key) == {(rule, metric) for rule in RULES for metric in DECIDED}
    for (rule, metric), row in by_key.items():
        promised = (rule, metric) == ("sensitivity_95", "sensitivity")
        assert row["aim"] == (0.95 if promised else row["out_of_fold"]["value"])
        assert row["transfer"]["value"] == pytest.approx(row["test"]["value"] - row["aim"])
    estimates = read_json(experiment.folder(RUN) / "metrics.json")["estimates"]
    aggregates = {"out_of_fold": "pooled", "test": "mean_prediction"}
    for estimate in estimates:
        dataset, metric = estimate["dataset"], estimate["metric"]
        wanted = ("youden", metric) in by_key and estimate["threshold"] == "out_of_fold"
        if wanted and estimate["aggregate"] == aggregates[dataset]:
            for name in ("value", "low", "high"):
                assert by_key["youden", metric][dataset][name] == estimate[name]


def test_decision_curve_counts_radiographs_treated(experiment, entry, results):
    images = probabilities(experiment, entry, "test")
    (curve,) = [part for part in results[0]["decision_curves"] if part["dataset"] == "test"]
    assert curve["threshold"] == list(TREATED_FROM) and curve["stage"] == "after"
    for place in (9, 49, 89):
        at = TREATED_FROM[place]
        odds = at / (1 - at)
        treated = images["after"] >= at
        right, wrong = (images["positive"] & treated).mean(), (~images["positive"] & treated).mean()
        benefit = right - odds * wrong
        everybody = images["positive"].mean() - odds * (~images["positive"]).mean()
        assert curve["net_benefit"][place] == pytest.approx(benefit, abs=1e-9)
        assert curve["treat_all"][place] == pytest.approx(everybody, abs=1e-9)
        assert curve["added"][place] == pytest.approx(benefit - max(everybody, 0), abs=1e-9)
        assert curve["added_low"][place] <= curve["added_high"][place]


def test_predictive_values_follow_bayes(results):
    decided = {(row["rule"], row["metric"]): row for row in results[0]["thresholds"]}
    records = [row for row in results[0]["predictive_values"] if row["dataset"] == "test"]
    assert len(records) == len(RULES) * len(PREVALENCES) * 2
    for row in records:
        sensitivity, specificity = (
            decided[row["rule"], metric]["test"]["value"] for metric in DECIDED
        )
        ill = row["prevalence"]
        right, false = (
            (sensitivity * ill, (1 - specificity) * (1 - ill))
            if row["metric"] == "ppv"
            else (specificity * (1 - ill), (1 - sensitivity) * ill)
        )
        assert row["value"] == pytest.approx(right / (right + false))


def test_subtypes_have_their_mean_probability_and_share_called(experiment, entry, results):
    images = probabilities(experiment, entry, "test").groupby("subtype")
    found = {row["subtype"]: row for row in results[0]["subgroups"] if row["dataset"] == "test"}
    assert set(found) == {"normal", "bacterial", "viral"}
    for name, part in images:
        row = found[name]
        assert row["probability"]["value"] == pytest.approx(part["after"].mean())
        assert (row["n"], row["patients"]) == (len(part), part["patient"].nunique())
    subgroups = read_json(experiment.folder(RUN) / "metrics.json")["subgroups"]
    for record in subgroups:
        if (record["dataset"], record["threshold"]) == ("test", "out_of_fold"):
            called = found[record["subtype"]]["called"]["youden"]
            assert called["value"] == pytest.approx(record["sensitivity"])


def test_no_calibration_leaves_one_stage(tmp_path):
    details, table = assess(made(tmp_path, "none", "cost"))
    assert {row["stage"] for row in details["reliability"]} == {"before"}
    assert all(row["after"] is row["difference"] is None for row in details["measures"])
    assert (table["probability"] == table["probability_before"]).all()
    assert details["threshold_rule"] == "cost" and details["cost_ratio"] == COST_RATIO


def test_isotonic_ends_leave_the_slope_undefined_and_the_rest_defined(tmp_path):
    details, table = assess(made(tmp_path, "isotonic"))
    own = table[table["dataset"] == "out_of_fold"]
    assert own["probability"].isin((0, 1)).any()
    found = {
        row["measure"]: row["after"] for row in details["measures"]
        if row["dataset"] == "out_of_fold"
    }  # fmt: skip
    assert found["slope"]["value"] is None and found["brier"]["value"] < 0.25


def test_a_subtype_that_one_data_set_lacks_is_left_out(tmp_path):
    experiment = made(tmp_path)
    scores = experiment.folder(RUN) / "scores.csv"
    edit_csv(
        scores,
        lambda table: table[(table["dataset"] != "test") | (table["subtype"] != "viral")],
    )
    subgroups = assess(experiment)[0]["subgroups"]
    assert [row["subtype"] for row in subgroups if row["dataset"] == "test"] == [
        "bacterial", "normal",
    ]  # fmt: skip


def test_repetition_gives_the_same_bytes(experiment, results):
    assert len(results[1]) == len(experiment.development) + len(experiment.test)
    paths = [experiment.folder(RUN) / name for name in ("calibration.json", "calibrated.csv")]
    before = [path.read_bytes() for path in paths]
    assess(experiment)
    assert [path.read_bytes() for path in paths] == before


def test_scores_of_another_selection_are_refused(tmp_path):
    experiment = made(tmp_path)
    experiment.select([RUN], "cost")
    with pytest.raises(UserError, match=r"another selection[\s\S]*evaluate_run"):
        assess(experiment)


def test_an_unknown_run_is_named(experiment):
    with pytest.raises(UserError, match=r"does not hold vgg16[\s\S]*freeze_selection"):
        assess(experiment, OTHER)
