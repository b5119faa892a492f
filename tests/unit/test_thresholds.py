import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from pneumobench.core.errors import UserError
from pneumobench.statistics.thresholds import fit_threshold


def fit(positive, logit, rule="youden"):
    return fit_threshold(np.array(positive, bool), np.array(logit), rule, where="fold 0 of a")


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
