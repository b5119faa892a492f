import numpy as np
import pytest

from pneumobench.statistics.decision_curves import net_benefit, predictive_values_at

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


def test_predictive_values_counted_by_hand():
    # Of 1,000: 100 ill, 90 found; 900 well, 180 called ill.
    ppv, npv = predictive_values_at(0.9, 0.8, 0.1)
    assert ppv == pytest.approx(90 / 270) and npv == pytest.approx(720 / 730)


def test_predictive_values_at_the_share_of_the_sample_are_those_of_the_sample():
    called = PROBABILITY > 0.4
    ppv, npv = predictive_values_at(
        called[POSITIVE].mean(), (~called[~POSITIVE]).mean(), POSITIVE.mean()
    )
    assert ppv == pytest.approx(POSITIVE[called].mean())
    assert npv == pytest.approx((~POSITIVE[~called]).mean())


def test_predictive_values_broadcast_and_stay_undefined_at_the_ends():
    sensitivity = np.array([[0.9], [0.5], [0.0]])
    specificity = np.array([[0.8], [1.0], [1.0]])
    ppv, npv = predictive_values_at(sensitivity, specificity, np.array([0.0, 0.3]))
    assert ppv.shape == npv.shape == (3, 2)
    # Nobody is ill: what is called positive is wrong, unless nothing is.
    assert ppv[0].tolist() == [0, pytest.approx(0.27 / 0.41)]
    assert np.isnan(ppv[1, 0]) and ppv[1, 1] == 1
    assert np.isnan(ppv[2]).all()
    assert npv[:, 0].tolist() == [1, 1, 1] and npv[2, 1] == pytest.approx(0.7)
