"""Thresholds for images that had no say in them."""

import numpy as np
import pytest

from pneumobench.statistics.fold_fits import cross_fit_thresholds
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.thresholds import fit_threshold

FOLDS = 5


def noise(patients=600, seed=0, images=2):
    """Labels, scores and folds of patients whose scores say nothing of their labels."""
    generator = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), images)
    names = np.array([f"{number:05}" for number in range(len(patient))])
    positive = (np.arange(patients) % 5 < 3)[patient]
    labels = Labels(None, names, positive, names, patient.astype(str))
    logit = generator.normal(size=len(patient)).astype(np.float32)
    fold = (patient // 5) % FOLDS
    # Folds' models have scales of their own.
    return labels, logit * (1 + fold) + 10 * fold, fold


def cross_fitted(labels, logit, fold, rule="youden"):
    return cross_fit_thresholds(labels, logit, fold, rule=rule, cost_ratio=2.0, title="a run")


def test_an_image_has_no_say_in_its_own_threshold():
    labels, logit, fold = noise()
    found = cross_fitted(labels, logit, fold)
    for chosen in ("17", "303"):
        own = labels.patient == chosen
        changed = logit.copy()
        changed[own] += 1000
        assert (cross_fitted(labels, changed, fold)[own] == found[own]).all()
        assert len(np.unique(found[own])) == 1
    for number in range(FOLDS):
        assert 1 < len(np.unique(found[fold == number])) <= 5


def test_noise_gains_nothing():
    """Inside the folds, the best threshold of noise seems better than chance; across, it is not."""
    gains = {"in fold": [], "cross-fitted": []}
    for seed in range(20):
        labels, logit, fold = noise(seed=seed)
        of_folds = np.array(
            [
                fit_threshold(labels.positive[own], logit[own], "youden", where="", cost_ratio=2.0)
                for own in (fold == number for number in range(FOLDS))
            ]
        )
        cuts = {"in fold": of_folds[fold], "cross-fitted": cross_fitted(labels, logit, fold)}
        for name, cut in cuts.items():
            right = (logit > cut) == labels.positive
            balanced = np.mean([right[labels.positive].mean(), right[~labels.positive].mean()])
            gains[name].append(balanced - 0.5)
    assert np.mean(gains["in fold"]) > 0.04
    assert abs(np.mean(gains["cross-fitted"])) < 0.01


def test_order_and_other_folds_change_nothing():
    labels, logit, fold = noise()
    found, first = cross_fitted(labels, logit, fold), fold == 0
    alone = Labels(None, *(value[first] for value in (
        labels.image_id, labels.positive, labels.subtype, labels.patient
    )))  # fmt: skip
    np.testing.assert_array_equal(cross_fitted(alone, logit[first], fold[first]), found[first])


@pytest.mark.parametrize("rule", ["youden", "sensitivity_95", "cost"])
def test_a_fold_with_one_patient_of_a_class_is_cut_by_the_others(rule):
    labels, logit, fold = noise(patients=60)
    lone = (fold == 0) & labels.positive & (labels.patient != labels.patient[0])
    fold = np.where(lone, 1, fold)
    found, own = cross_fitted(labels, logit, fold, rule), fold == 0
    others = fit_threshold(labels.positive[~own], logit[~own], rule, where="", cost_ratio=2.0)
    assert (found[own] == others).all()
