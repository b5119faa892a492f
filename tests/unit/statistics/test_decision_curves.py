import numpy as np
import pytest

from pneumobench.core.estimates import Estimate
from pneumobench.statistics.decision_curves import (
    negative_predictive,
    net_benefit,
    positive_predictive,
)
from pneumobench.statistics.intervals import wilson

POSITIVE = np.array([1, 1, 1, 0, 0, 0, 0, 1, 0, 0], bool)
PROBABILITY = np.array([0.9, 0.6, 0.2, 0.2, 0.7, 0.1, 0.05, 0.5, 0.5, 0.3])
THRESHOLDS = np.array([0.0, 0.05, 0.2, 0.5, 0.75, 0.99])


def test_net_benefit_equals_a_plain_loop_over_copied_images():
    weights = np.random.default_rng(0).integers(0, 4, (5, 10)).astype(float)
    weights[0] = 1
    found = net_benefit(POSITIVE, PROBABILITY, THRESHOLDS, weights)
    for row, weight in enumerate(weights.astype(int)):
        copies = np.repeat(np.arange(10), weight)
        truth, probability = POSITIVE[copies], PROBABILITY[copies]
        for column, threshold in enumerate(THRESHOLDS):
            for name, treated in (
                ("model", probability >= threshold),
                ("treat_all", np.ones(len(copies), bool)),
                ("treat_none", np.zeros(len(copies), bool)),
            ):
                right, wrong = (treated & truth).mean(), (treated & ~truth).mean()
                expected = right - wrong * threshold / (1 - threshold)
                assert found[name][row, column] == pytest.approx(expected, abs=1e-12)
    alone = net_benefit(POSITIVE, PROBABILITY, THRESHOLDS)
    for name, values in found.items():
        assert alone[name] == pytest.approx(values[:1], abs=1e-15)


def test_net_benefit_counted_by_hand():
    # At 0.5 four are treated at even odds, three of them rightly: (3 - 2) / 10 with the tie at 0.5.
    found = net_benefit(POSITIVE, PROBABILITY, np.array([0.5, 0.0]))
    assert found["model"][0].tolist() == pytest.approx([0.1, 0.4])
    assert found["treat_all"][0].tolist() == pytest.approx([-0.2, 0.4])
    assert found["treat_none"][0].tolist() == [0, 0]


def test_where_no_net_benefit_is_defined():
    outside = net_benefit(POSITIVE, PROBABILITY, np.array([-0.1, 1.0, 0.5]))
    ill_alone = net_benefit(POSITIVE[:3], PROBABILITY[:3], np.array([-0.1, 1.0, 0.5]))
    for found in (outside, ill_alone):
        for values in found.values():
            assert np.isnan(values[0]).tolist() == [True, True, False]
    weights = np.stack([np.zeros(10), np.ones(10)])
    for values in net_benefit(POSITIVE, PROBABILITY, THRESHOLDS, weights).values():
        assert np.isnan(values).all(axis=1).tolist() == [True, False]


def certain(value):
    return Estimate(value, value, value)


def test_predictive_values_counted_by_hand():
    # Of 1,000: 100 ill, 90 found; 900 well, 180 called ill.
    rates = certain(0.9), certain(0.8)
    assert positive_predictive(*rates, 0.1).value == pytest.approx(90 / 270)
    assert negative_predictive(*rates, 0.1).value == pytest.approx(720 / 730)


def test_predictive_values_at_the_share_of_the_sample_are_those_of_the_sample():
    called = PROBABILITY > 0.4
    rates = certain(called[POSITIVE].mean()), certain((~called[~POSITIVE]).mean())
    share = POSITIVE.mean()
    assert positive_predictive(*rates, share).value == pytest.approx(POSITIVE[called].mean())
    assert negative_predictive(*rates, share).value == pytest.approx((~POSITIVE[~called]).mean())


def test_predictive_values_are_undefined_where_nothing_is_called():
    assert positive_predictive(certain(0.0), certain(1.0), 0.3) == Estimate(None)
    assert negative_predictive(certain(0.0), certain(1.0), 0.3).value == pytest.approx(0.7)
    assert positive_predictive(Estimate(None), certain(1.0), 0.3) == Estimate(None)


def test_no_false_alarm_in_forty_does_not_make_a_positive_answer_certain():
    sensitivity = Estimate(0.95, *map(float, wilson(38, 40, 0.95)))
    specificity = Estimate(1.0, *map(float, wilson(40, 40, 0.95)))
    found = positive_predictive(sensitivity, specificity, 0.05)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.36, abs=0.005)


def test_bounds_of_a_predictive_value_hold_it_as_often_as_they_say():
    generator, held, ill, well = np.random.default_rng(0), 0, 60, 40
    true = 0.05 * 0.95 / (0.05 * 0.95 + 0.95 * 0.04)
    for found, right in zip(
        generator.binomial(ill, 0.95, 4000), generator.binomial(well, 0.96, 4000), strict=True
    ):
        rates = (
            Estimate(hits / n, *map(float, wilson(hits, n, 0.95)))
            for hits, n in ((found, ill), (right, well))
        )
        ppv = positive_predictive(*rates, 0.05)
        held += ppv.low <= true <= ppv.high
    assert 0.93 <= held / 4000 <= 0.975
