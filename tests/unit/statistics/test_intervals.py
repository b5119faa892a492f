"""Intervals at 0 and 1, near them, and where patients have several images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.estimates import paired_difference, summarise
from pneumobench.statistics.frozen import Cuts
from pneumobench.statistics.intervals import (
    Area,
    Cases,
    Percentile,
    Share,
    lowest_area,
    ratio_bounds,
    wilson,
)
from pneumobench.statistics.judgement import Predicted, judge
from pneumobench.statistics.metrics import METRICS
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.samples import draw_sample

DRAW = Resampling(0.95, 2000, 5)


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(1, 500), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_equals_the_reference(successes, count, confidence):
    successes = min(successes, count)
    expected = proportion_confint(successes, count, 1 - confidence, method="wilson")
    assert wilson(successes, count, confidence) == pytest.approx(expected, rel=0, abs=1e-12)


def test_wilson_takes_arrays_and_holds_at_both_ends():
    low, high = wilson(np.array([0, 7, 7, 0]), np.array([7, 7, 10, 0]), 0.95)
    assert low[0] == 0 and high[1] == 1 and 0 < high[0] < 1 and high[0] == 1 - low[1]
    assert low[2] < 0.7 < high[2]
    assert np.isnan([low[3], high[3]]).all()


def test_a_share_of_single_images_has_wilsons_interval():
    right = np.arange(257) < 250
    resamples = resample_patients(np.arange(257).astype(str), Resampling(0.95, 20_000, 1))
    values = resamples.means(right, np.arange(257))[:, 0]
    found = Share(257).interval(values, 0.95)
    assert found == pytest.approx([*map(float, wilson(250, 257, 0.95))], abs=5e-4)


def test_images_of_a_patient_that_err_together_count_once():
    right = np.repeat(np.arange(100) < 90, 3)
    patients = np.repeat(np.arange(100), 3).astype(str)
    resamples = resample_patients(patients, Resampling(0.95, 20_000, 1))
    values = resamples.means(right, np.arange(300))[:, 0]
    found = Share(100).interval(values, 0.95)
    assert found == pytest.approx([*map(float, wilson(90, 100, 0.95))], abs=2e-3)


@pytest.mark.parametrize(("patients", "low"), [(10, 0.7224672), (40, 0.912378)])
def test_a_share_without_an_error_keeps_its_width(patients, low):
    found = summarise(np.ones(101), 0.95, Share(patients))
    assert (found["value"], found["high"]) == (1.0, 1.0)
    assert found["low"] == pytest.approx(low, abs=1e-6)
    none = summarise(np.zeros(101), 0.95, Share(patients))
    assert (none["low"], none["high"]) == (0.0, pytest.approx(1 - low, abs=1e-6))


def test_a_metric_from_minus_one_to_one_keeps_within_its_bounds():
    assert Share(20, least=-1.0).interval(np.ones(11), 0.95)[1] == 1
    assert Share(20, least=-1.0).interval(-np.ones(11), 0.95)[0] == -1


def test_an_undefined_metric_has_no_interval():
    values = np.full(11, np.nan)
    for scale in (Percentile(), Share(0), Area(None, None)):
        found = summarise(values, 0.95, scale)
        assert (found["value"], found["low"], found["high"]) == (None, None, None)
        assert found["undefined_replicates"] == 10


def perfectly_separated(patients=428):
    """Labels and logits of patients with one image each, three in five with pneumonia."""
    positive = np.arange(patients) < 0.6 * patients
    names = np.array([f"{number:04}" for number in range(patients)])
    labels = Labels(None, names, positive, np.where(positive, "viral", "normal"), names)
    return labels, np.where(positive, 2.0, -2.0).astype(np.float32)


def test_perfect_separation_makes_no_metric_certain():
    labels, logit = perfectly_separated()
    fold = np.arange(428) % 4
    samples = {
        "out_of_fold": draw_sample(labels, DRAW, fold),
        "test": draw_sample(labels, DRAW),
    }
    judged = judge(
        Predicted(fold, logit, np.stack([logit] * 4)),
        Cuts(np.zeros(428), np.zeros(4)),
        samples,
        0.95,
    )
    bounded = set(METRICS) - {"brier"}
    found = [entry for entry in judged.records["estimates"] if entry["metric"] in bounded]
    assert len(found) == 2 * 2 * (2 + 2 * (len(bounded) - 2))
    for entry in found:
        assert (entry["value"], entry["high"]) == (1.0, 1.0)
        assert 0.95 < entry["low"] < 1, entry["metric"]
    for entry in judged.records["per_class"]:
        for metric in ("precision", "recall", "f1"):
            assert 0.95 < entry[f"{metric}_low"] < 1
    assert all(0.95 < entry["low"] < 1 for entry in judged.records["subgroups"])


@pytest.mark.parametrize("seed", range(3))
def test_the_least_area_that_agrees_with_separation_is_newcombes(seed):
    generator = np.random.default_rng(seed)
    positives, negatives = generator.integers(2, 300, 2)
    area = lowest_area(positives, negatives, 0.95)
    mean = (positives + negatives) / 2
    # As printed for method 5, with the two spreads of equal exponential tails averaged.
    variance = (
        area * (1 - area) * (1 + (mean - 1) * ((1 - area) / (2 - area) + area / (1 + area)))
        / (positives * negatives)
    )  # fmt: skip
    assert 1 - area == pytest.approx(norm.ppf(0.975) * np.sqrt(variance), rel=1e-9)


def test_an_area_near_one_is_symmetric_in_its_logit():
    generator = np.random.default_rng(0)
    patients = np.arange(60).astype(str)
    resamples = resample_patients(patients, DRAW)
    values = 0.97 + 0.002 * generator.normal(size=DRAW.replicates + 1)
    values[0] = 0.97
    low, high = Area(resamples, None).interval(values, 0.95)
    logit = np.log(np.array([low, 0.97, high]) / (1 - np.array([low, 0.97, high])))
    assert logit[1] - logit[0] == pytest.approx(logit[2] - logit[1])
    assert high - low == pytest.approx(2 * 1.96 * 0.002, rel=0.06)


def test_contributions_of_patients_are_found_again_in_the_replicates():
    generator = np.random.default_rng(0)
    patients, images = np.arange(40).astype(str), np.arange(40)
    values = generator.normal(size=40)
    resamples = resample_patients(patients, Resampling(0.95, 200_000, 1))
    means = resamples.means(values, images)[:, 0]
    expected = (values - values.mean()) / 40
    found = resamples.contributions(means)[resamples.cluster]
    assert found == pytest.approx(expected, abs=6 * means.std() / 447)


def test_few_patients_who_make_up_the_variance_widen_the_interval():
    patients = np.arange(200).astype(str)
    resamples = resample_patients(patients, Resampling(0.95, 5000, 1))
    rare, common = (np.arange(200) < errors for errors in (3, 100))
    widths = []
    for errors in (rare, common):
        missed = resamples.means(errors, np.arange(200))[:, 0]
        # The same area and the same variance, from 3 patients or from 100.
        values = 0.99 - 0.003 * (missed - missed[0]) / missed[1:].std()
        low, high = Area(resamples, None).interval(values, 0.95)
        widths.append(high - low)
    assert widths[0] > 1.15 * widths[1]


def test_the_scale_of_every_metric_is_that_of_its_own_images():
    positive = np.array([1, 1, 1, 0, 0], bool)
    decision = np.array([1, 1, 0, 1, 0], bool)
    cluster = np.array([0, 0, 1, 2, 3])
    cases = Cases(positive, cluster, None, decision)
    expected = {
        "sensitivity": 2, "recall": 2, "specificity": 2, "accuracy": 4, "ppv": 2, "precision": 2,
        "npv": 2, "f1": 3, "balanced_accuracy": 4, "mcc": 4,
    }  # fmt: skip
    assert {name: cases.scale(name).patients for name in expected} == expected
    assert isinstance(cases.scale("brier"), Percentile)
    assert cases.exchanged().scale("precision").patients == cases.scale("npv").patients


def test_the_ratio_of_nothing_to_something_is_bounded():
    low, high = ratio_bounds((0.0, 0.0, 0.2), (0.5, 0.3, 0.7))
    assert low == 0 and 0.3 < high < 1
    assert ratio_bounds((0.0, 0.0, 0.2), (0.5, 0.0, 0.7)) == (0, np.inf)


def test_bounds_of_a_ratio_of_exact_numbers_are_the_ratio():
    assert ratio_bounds((0.9, 0.9, 0.9), (0.1, 0.1, 0.1)) == pytest.approx((9, 9))


@pytest.mark.parametrize("high", [0.19, 0.2, 0.21])
def test_bounds_of_a_ratio_pass_smoothly_where_their_equation_divides_by_nothing(high):
    low, _ = ratio_bounds((0.9, 0.8, 0.95), (0.1, 0.05, high))
    assert low == pytest.approx(0.8 / 0.18, rel=0.06)


def test_differences_stay_on_the_plain_scale():
    generator = np.random.default_rng(0)
    one, other = 0.99 + 0.004 * generator.normal(size=(2, 2001))
    found = paired_difference(one, other, 0.95)
    assert [found["low"], found["high"]] == pytest.approx(
        np.quantile((one - other)[1:], [0.025, 0.975])
    )
