import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as reference

from pneumobench.statistics.metrics import (
    confusion_indicators,
    decision_metrics,
    precision_recall_points,
    rank_images,
    ranking_metrics,
    roc_auc,
    roc_curve_points,
    sigmoid,
    squared_error,
)

EXACT = {"rel": 0, "abs": 1e-12}


@st.composite
def weighted_scores(draw):
    """Both classes, many ties, weights of which some are 0 but no class weighs nothing."""
    size = draw(st.integers(2, 40))
    positive = draw(hnp.arrays(bool, size))
    positive[0], positive[-1] = True, False
    levels = draw(st.sampled_from([1, 3, 1000]))
    scores = draw(hnp.arrays(np.int64, size, elements=st.integers(0, levels))) / 8 - 2
    weights = draw(hnp.arrays(float, size, elements=st.sampled_from([0, 1, 2, 0.3, 7.25])))
    weights[0], weights[-1] = 1.5, 0.7
    return positive, scores, weights


@settings(deadline=None)
@given(weighted_scores())
def test_ranking_metrics_equal_the_reference_with_ties_and_weights(case):
    positive, scores, weights = case
    ranking = rank_images(positive, scores)
    both = np.stack([np.ones_like(weights), weights])
    found = ranking_metrics(ranking, both[:, ranking.order])
    for row, weight in enumerate(both):
        assert found["roc_auc"][row] == pytest.approx(
            reference.roc_auc_score(positive, scores, sample_weight=weight), **EXACT
        )
        assert found["average_precision"][row] == pytest.approx(
            reference.average_precision_score(positive, scores, sample_weight=weight), **EXACT
        )


@settings(deadline=None)
@given(weighted_scores())
def test_decision_metrics_equal_the_reference(case):
    positive, scores, weights = case
    decision = scores > -1.5
    table = (confusion_indicators(positive, decision) * weights[:, np.newaxis]).sum(axis=0)
    found = {name: value[0] for name, value in decision_metrics(table[np.newaxis]).items()}
    arguments = {"y_true": positive, "y_pred": decision, "sample_weight": weights}
    undefined = {**arguments, "zero_division": np.nan}
    expected = {
        "accuracy": reference.accuracy_score(**arguments),
        "balanced_accuracy": reference.balanced_accuracy_score(**arguments),
        "precision": reference.precision_score(**undefined),
        "recall": reference.recall_score(**undefined),
        "sensitivity": reference.recall_score(**undefined),
        "specificity": reference.recall_score(**undefined, pos_label=0),
        "ppv": reference.precision_score(**undefined),
        "npv": reference.precision_score(**undefined, pos_label=0),
        "f1": reference.f1_score(**undefined),
        # The reference says 0 where nothing or everything is called positive.
        "mcc": reference.matthews_corrcoef(**arguments)
        if len(set(decision[weights > 0])) == 2
        else np.nan,
    }
    assert found == pytest.approx(expected, **EXACT, nan_ok=True)


@settings(deadline=None)
@given(weighted_scores())
def test_brier_score_equals_the_reference(case):
    positive, scores, weights = case
    probability = sigmoid(scores)
    assert np.average(squared_error(positive, probability), weights=weights) == pytest.approx(
        reference.brier_score_loss(positive, probability, sample_weight=weights), **EXACT
    )


def test_confusion_counted_by_hand():
    # The table that seed 004 reports for its network with attention.
    found = decision_metrics(np.array([[154, 80, 14, 376]]))
    assert found["accuracy"] == pytest.approx(530 / 624)
    assert found["specificity"] == pytest.approx(154 / 234)
    assert found["npv"] == pytest.approx(154 / 168)
    assert found["sensitivity"] == pytest.approx(376 / 390)
    assert found["f1"] == pytest.approx(752 / 846)
    assert found["mcc"] == pytest.approx((376 * 154 - 80 * 14) / np.sqrt(456.0 * 390 * 234 * 168))


def test_confusion_cells_are_in_the_named_order():
    positive = np.array([False, False, False, True, True, True])
    decision = np.array([False, False, True, False, True, True])
    assert confusion_indicators(positive, decision).sum(axis=0).tolist() == [2, 1, 1, 2]


def test_equal_scores_have_an_area_of_one_half():
    assert roc_auc(np.array([True, False, False, True, False]), np.zeros(5)) == 0.5


def test_area_counted_by_hand():
    # Pairs (positive, negative): 3>2, 3>1, 2=2, 2>1 -> 3.5 of 4.
    assert roc_auc(np.array([True, True, False, False]), np.array([3, 2, 2, 1])) == 3.5 / 4


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_leaves_the_area_undefined(positive):
    labels = np.full(4, positive)
    assert np.isnan(roc_auc(labels, np.arange(4)))
    average_precision = ranking_metrics(rank_images(labels, np.arange(4)), np.ones((1, 4)))[
        "average_precision"
    ][0]
    assert average_precision == 1 if positive else np.isnan(average_precision)


def test_what_has_no_denominator_is_undefined():
    # Nothing is called positive.
    found = decision_metrics(np.array([[5, 0, 3, 0]]))
    assert np.isnan(found["precision"]) and np.isnan(found["mcc"])
    assert found["sensitivity"] == 0 and found["f1"] == 0 and found["npv"] == 5 / 8
    # No positive image.
    found = decision_metrics(np.array([[5, 0, 0, 0]]))
    assert np.isnan(found["sensitivity"]) and np.isnan(found["balanced_accuracy"])
    assert np.isnan(found["f1"]) and found["specificity"] == 1


def test_sigmoid_holds_at_both_ends():
    with np.errstate(all="raise"):
        assert sigmoid(np.array([-700.0, 0.0, 700.0])).tolist() == [
            pytest.approx(0, abs=1e-300),
            0.5,
            1.0,
        ]


@settings(deadline=None)
@given(weighted_scores())
def test_curves_keep_their_area(case):
    positive, scores, _ = case
    across, up = roc_curve_points(positive, scores)
    assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(up, across) == pytest.approx(roc_auc(positive, scores), **EXACT)
    recall, precision = precision_recall_points(positive, scores)
    assert recall[-1] == 1 and len(recall) == len(precision)
    assert np.sum(np.diff(recall) * precision[1:]) == pytest.approx(
        reference.average_precision_score(positive, scores), **EXACT
    )


def test_roc_curve_leaves_out_points_on_a_line():
    # Two positives, three negatives, two positives: up, across, up.
    positive = np.array([True, True, False, False, False, True, True])
    across, up = roc_curve_points(positive, -np.arange(7))
    assert across.tolist() == [0, 0, 1, 1] and up.tolist() == [0, 0.5, 0.5, 1]
