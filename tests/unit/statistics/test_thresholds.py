from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from pneumobench.core.errors import UserError
from pneumobench.statistics.thresholds import fit_threshold


def fit(positive, logit, rule="youden", **options):
    return fit_threshold(
        np.array(positive, bool), np.array(logit), rule, where="fold 0 of a", **options
    )


cases = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=60).filter(
    lambda rows: len({truth for truth, _ in rows}) == 2
)


def test_threshold_lies_half_way_between_the_classes():
    assert fit([0, 0, 1, 1], [-1.0, 0.0, 3.0, 5.0]) == 1.5


def test_of_equally_good_thresholds_the_more_sensitive_is_taken():
    # 1.5 and 3.5 both give sensitivity + specificity = 1.5.
    assert fit([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0]) == 1.5


def test_equal_scores_are_never_cut_apart():
    assert fit([0, 1, 1, 1, 0], [0.0, 1.0, 1.0, 2.0, 1.0]) == 0.5


def test_scores_that_say_nothing_call_everything_positive():
    assert fit([0, 1], [2.0, 2.0]) == 1.0


def test_sensitivity_95_is_the_most_specific_threshold_that_holds_it():
    positive = [1] * 20 + [0] * 3
    logit = [*range(1, 21), 0.5, 1.5, 2.5]
    # One of twenty pneumonias may be missed: the cut is above 1.5, below 2.
    assert fit(positive, logit, "sensitivity_95") == 1.75
    assert fit(positive[1:], logit[1:], "sensitivity_95") == 1.75


def test_neighbouring_floats_are_separated():
    lower = 1.0
    upper = np.nextafter(lower, 2)
    threshold = fit([0, 1], [lower, upper])
    assert not lower > threshold and upper > threshold


@settings(deadline=None)
@given(cases)
def test_youden_reaches_the_reference_optimum(rows):
    positive, logit = np.array(rows, float).T
    positive = positive.astype(bool)
    threshold = fit(positive, logit)
    assert threshold not in logit
    false_positive, true_positive, _ = roc_curve(positive, logit)
    reached = (logit[positive] > threshold).mean() - (logit[~positive] > threshold).mean()
    assert reached == pytest.approx(np.max(true_positive - false_positive), abs=1e-12)


@settings(deadline=None)
@given(cases)
def test_sensitivity_95_reaches_the_reference_optimum(rows):
    positive, logit = np.array(rows, float).T
    positive = positive.astype(bool)
    threshold = fit(positive, logit, "sensitivity_95")
    false_positive, true_positive, _ = roc_curve(positive, logit, drop_intermediate=False)
    assert (logit[positive] > threshold).mean() >= 0.95
    assert (logit[~positive] > threshold).mean() == pytest.approx(
        false_positive[true_positive >= 0.95].min(), abs=1e-12
    )


def test_one_class_is_an_error_that_says_what_to_do():
    with pytest.raises(UserError, match=r"one class[\s\S]*fold 0 of a[\s\S]*split.folds"):
        fit([1, 1], [0.0, 1.0])


def test_unknown_rule_names_the_nearest():
    with pytest.raises(UserError, match=r"'yuden' is unknown[\s\S]*did you mean youden"):
        fit([0, 1], [0.0, 1.0], "yuden")


@settings(deadline=None)
@given(cases, st.sampled_from(["0.1", "0.3", "1", "2.5", "20"]))
def test_cost_is_the_least_of_all_cuts_and_of_equals_the_most_sensitive(rows, ratio):
    positive, logit = np.array(rows, float).T
    positive = positive.astype(bool)
    threshold = fit(positive, logit, "cost", cost_ratio=float(ratio))

    def cost(cut):
        # In fractions: costs of equal worth are equal.
        missed, alarms = (positive & (logit <= cut)).sum(), (~positive & (logit > cut)).sum()
        return int(alarms) + Fraction(ratio) * int(missed)

    cuts = np.arange(-4.5, 5)
    cheapest = min(map(cost, cuts))
    most_sensitive = next(cut for cut in cuts if cost(cut) == cheapest)
    assert cost(threshold) == cheapest
    assert (logit > threshold).tolist() == (logit > most_sensitive).tolist()


def test_a_dearer_miss_lowers_the_threshold():
    positive, logit = [0, 1, 0, 0, 1], [1.0, 2.0, 3.0, 4.0, 5.0]
    assert fit(positive, logit, "cost", cost_ratio=1.9) == 4.5
    assert fit(positive, logit, "cost", cost_ratio=2) == 1.5


def test_equal_costs_are_equal_whatever_their_last_bits():
    # 7 + 0.7 x 1 and 0.7 x 11 are two different doubles.
    positive = [1] * 1 + [0] * 2 + [1] * 10 + [0] * 7 + [1] * 5
    assert fit(positive, [0.0] * 3 + [1.0] * 17 + [2.0] * 5, "cost", cost_ratio=0.7) == 0.5


@pytest.mark.parametrize("ratio", [None, 0, -1.0, np.nan, np.inf])
def test_the_cost_rule_needs_a_cost_ratio(ratio):
    with pytest.raises(UserError, match=rf"cost ratio {ratio}[\s\S]*evaluation.cost_ratio"):
        fit([0, 1], [0.0, 1.0], "cost", cost_ratio=ratio)
