"""What predictions with statistics of the test images are worth."""

import numpy as np
import pytest
from statistics_cases import FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.core.run import Run
from pneumobench.statistics.adaptation import (
    adjust_decisions,
    estimate_share,
    judge_renormalised,
)
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.fold_fits import calibrate_mean
from pneumobench.statistics.predictions import Labels, align_test, read_predictions
from pneumobench.statistics.samples import draw_sample
from pneumobench.statistics.scores import read_compared

RUN = Run("vgg16", "light", 1)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run whose pneumonias all get logits above their thresholds, and normals below."""
    experiment = make_experiment(tmp_path_factory.mktemp("judged"))
    experiment.add_run(RUN, 0.5)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    return experiment


def judge(experiment, change, folds=None):
    frozen = read_json(experiment.selection)["runs"][0]
    paths = []
    for path in experiment.files([RUN], "test.csv")[:folds]:
        target = path.parent / "test_statistics.csv"
        table = read_table(path, text=("image_id",)).assign(tta=RENORMALISED)
        write_table(target, change(table))
        paths.append(target)
    draw = Resampling(0.95, 50, 1)
    test = read_compared({RUN: experiment.folder(RUN) / "scores.csv"}, draw)["test"]
    logits = align_test(read_predictions(paths, RENORMALISED), test.labels, RUN, FOLDS)
    plain, thresholds = (test.logit[RUN], test.decision[RUN]), np.array(frozen["thresholds"])
    return judge_renormalised(logits, plain, thresholds, test, 0.95), test


def test_before_and_after_are_paired_on_the_same_patients(judged):
    truth = judged.test.set_index("image_id")["label"] == "pneumonia"

    def perfect(table):
        return table.assign(logit=np.where(truth[table["image_id"]], 50.0, -50.0))

    found, test = judge(judged, perfect)
    assert found["changed"]
    positive, decision = test.labels.positive, test.decision[RUN]
    assert found["specificity"]["before"]["value"] == pytest.approx((~decision)[~positive].mean())
    assert found["sensitivity"]["before"]["value"] == pytest.approx(decision[positive].mean())
    for metric in ("roc_auc", "sensitivity", "specificity"):
        record = found[metric]
        assert record["after"]["value"] == record["after"]["high"] == 1
        assert record["after"]["low"] < 1
        gain = record["difference"]
        assert gain["difference"] == pytest.approx(1 - record["before"]["value"])
        assert 0 < gain["low"] <= gain["difference"] <= gain["high"]
    again = resample_patients(test.labels.patient, Resampling(0.95, 50, 1))
    np.testing.assert_array_equal(test.resamples.multiplicity, again.multiplicity)


def test_a_network_without_batch_normalisation_is_said_to_be_unchanged(judged):
    found, _ = judge(judged, lambda table: table)
    assert not found["changed"]
    assert found["roc_auc"]["difference"]["difference"] == 0


def test_a_missing_fold_and_plain_predictions_are_named(judged):
    with pytest.raises(UserError, match="fold"):
        judge(judged, lambda table: table, folds=1)
    with pytest.raises(UserError, match="tta"):
        judge(judged, lambda table: table.assign(tta="identity"))


@pytest.mark.parametrize("true", [0.10, 0.30, 0.90])
def test_the_share_is_that_of_the_images_not_that_of_averaged_probabilities(true):
    """Five calibrated models with a correlation of 0.6: their mean is too cautious."""
    generator, images, prior, distance = np.random.default_rng(0), 40_000, 0.625, 1.5
    positive = np.arange(images) < true * images
    noise = np.sqrt(0.6) * generator.normal(size=images)
    noise = noise + np.sqrt(0.4) * generator.normal(size=(5, images))
    # The log odds of two normal distributions are linear in the score.
    logits = distance * (noise + distance * positive) - distance**2 / 2
    logits += np.log(prior / (1 - prior))
    names = np.arange(images).astype(str)
    labels = Labels(None, names, positive, names, names)
    calibrated = {"method": "platt", "slope": 1.0, "intercept": 0.0}
    entry = {"thresholds": [0.0] * 5, "calibration": {"method": "platt", "folds": [calibrated] * 5}}
    test = draw_sample(labels, Resampling(0.95, 2, 1))
    found = adjust_decisions(logits, entry, prior, test, 0.95)
    assert found["estimated_share"]["value"] == pytest.approx(true, abs=0.01)
    averaged = estimate_share(calibrate_mean(logits, entry["calibration"]), prior)[0]
    assert abs(averaged - true) > 0.015
