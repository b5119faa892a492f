import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.statistics.ensembles import (
    INVERSE_PENALTY,
    KINDS,
    apply,
    cross_fitted,
    fit,
    greedy_selection,
    logistic_stack,
    non_negative_stack,
    rank_against,
)
from pneumobench.statistics.metrics import sigmoid

LEARNED = ("greedy_selection", "non_negative_stack", "logistic_stack")


def make_case(signals=(2.0, 1.5, 1.0), images=240, folds=3, seed=0):
    """Members with errors of their own and with scales of their own."""
    generator = np.random.default_rng(seed)
    fold = np.arange(images) % folds
    positive = generator.random(images) < 0.6
    signal = np.array(signals)[:, np.newaxis] * (positive - 0.5)
    noise = generator.normal(size=signal.shape)
    scales = np.linspace(1, 3, len(signals))[:, np.newaxis]
    return positive, ((signal + noise) * scales).astype(np.float32), fold


def fold_mean(positive, score, fold):
    return np.mean(
        [roc_auc_score(positive[fold == number], score[fold == number]) for number in set(fold)]
    )


def score_all(kind, positive, logits, fold):
    """Scores of the images that the ensemble was fitted to, each fold against itself."""
    fitted = fit(kind, positive, logits, fold, where="test")
    score = np.empty(len(fold))
    for number in set(fold):
        own = fold == number
        score[own] = apply(fitted, logits[:, own], logits[:, own])
    return score


# ranks


def test_ranks_are_shares_of_the_reference_below():
    reference = np.array([[1.0, 2.0, 2.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    scores = np.array([[0.0, 1.0, 2.0, 3.0, 9.0], [-1.0, 0.0, 0.0, 1.0, 2.0]])
    assert rank_against(reference, scores).tolist() == [
        [0, 1 / 8, 1 / 2, 3 / 4, 1],
        [0, 1 / 2, 1 / 2, 1, 1],
    ]


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_ranks_against_oneself_are_midranks(values):
    scores = np.array([values], float)
    expected = (rankdata(scores[0]) - 0.5) / len(values)
    np.testing.assert_allclose(rank_against(scores, scores)[0], expected, rtol=0, atol=1e-15)


def test_what_is_undefined_has_no_rank():
    assert np.isnan(rank_against(np.array([[1.0, 2.0]]), np.array([[np.nan]]))).all()


def test_rank_mean_takes_no_notice_of_the_scale_of_a_folds_model():
    positive, logits, fold = make_case()
    changed = logits.copy()
    changed[1, fold == 2] = np.exp(changed[1, fold == 2]) + 40
    plain = score_all("rank_mean", positive, logits, fold)
    np.testing.assert_array_equal(score_all("rank_mean", positive, changed, fold), plain)
    assert (score_all("mean_logit", positive, changed, fold) != plain).any()


def test_means_are_means():
    positive, logits, fold = make_case()
    fitted = fit("mean_logit", positive, logits, fold, where="test")
    assert fitted["weights"] == [1 / 3] * 3 and fitted["intercept"] == 0
    np.testing.assert_allclose(
        apply(fitted, logits, logits), logits.mean(axis=0, dtype=float), rtol=0, atol=1e-14
    )
    fitted = fit("rank_mean", positive, logits, fold, where="test")
    shares = (rankdata(logits, axis=1) - 0.5) / logits.shape[1]
    np.testing.assert_allclose(
        apply(fitted, logits, logits), shares.mean(axis=0), rtol=0, atol=1e-14
    )


# greedy selection


def exact_area(positive, score, fold):
    """The mean area over the folds as a fraction, counted pair by pair."""
    areas = []
    for number in sorted(set(fold.tolist())):
        up = [s for s, p, f in zip(score, positive, fold, strict=True) if p and f == number]
        down = [s for s, p, f in zip(score, positive, fold, strict=True) if not p and f == number]
        won = sum(Fraction(2 * (a > b) + (a == b), 2) for a in up for b in down)
        areas.append(won / (len(up) * len(down)))
    return sum(areas) / len(areas)


@st.composite
def few_members(draw):
    """Two folds with both classes each, logits with many ties."""
    members = draw(st.integers(1, 4))
    images = draw(st.integers(4, 14))
    positive = draw(st.lists(st.booleans(), min_size=images, max_size=images))
    positive[:4] = [True, False, True, False]
    fold = [0, 0, 1, 1, *draw(st.lists(st.integers(0, 1), min_size=images, max_size=images))]
    row = st.lists(st.integers(-3, 3), min_size=images, max_size=images)
    logits = draw(st.lists(row, min_size=members, max_size=members))
    return np.array(positive), np.array(logits, np.float32), np.array(fold[:images])


@settings(deadline=None, max_examples=60)
@given(few_members(), st.integers(1, 4))
def test_greedy_selection_equals_a_literal_loop(case, rounds):
    positive, logits, fold = case
    alone = [exact_area(positive, row.tolist(), fold) for row in logits]
    taken = []
    for _ in range(rounds):
        areas = [
            exact_area(positive, logits[[*taken, member]].sum(axis=0).tolist(), fold)
            for member in range(len(logits))
        ]
        best = [member for member, area in enumerate(areas) if area == max(areas)]
        taken.append(max(best, key=alone.__getitem__))
    weights, intercept = greedy_selection(positive, logits, fold, rounds)
    expected = np.bincount(taken, minlength=len(logits)) / rounds
    assert weights.tolist() == expected.tolist() and intercept == 0


def test_greedy_selection_finds_the_best_of_all_ensembles_where_members_complement_each_other():
    # Members 1 and 2 err on different images, member 0 guesses, member 3 is wrong throughout.
    positive = np.array([1, 1, 1, 1, 0, 0, 0, 0] * 2, bool)
    fold = np.repeat([0, 1], 8)
    logits = np.array(
        [
            [0, 1, 0, 1, 0, 1, 0, 1] * 2,
            [3, 3, -2, 3, 0, 0, 0, -1] * 2,
            [3, -1, 3, 3, 1, 0, 0, 0] * 2,
            [0, 0, 0, 1, 1, 2, 2, 2] * 2,
        ],
        np.float32,
    )
    weights, _ = greedy_selection(positive, logits, fold, rounds=4)
    reached = fold_mean(positive, weights @ logits, fold)
    ensembles = itertools.combinations_with_replacement(range(4), 4)
    best = max(fold_mean(positive, logits[list(chosen)].sum(axis=0), fold) for chosen in ensembles)
    alone = max(fold_mean(positive, row, fold) for row in logits)
    assert reached == best > alone
    assert weights[1] > 0 and weights[2] > 0 and weights[0] == weights[3] == 0


def test_of_equally_good_members_greedy_selection_takes_the_first():
    positive = np.array([1, 0, 1, 0], bool)
    fold = np.array([0, 0, 1, 1])
    logits = np.array([[1, 0, 1, 2], [7, 3, 9, 9], [5, 1, 2, 2]], np.float32)
    fitted = fit("greedy_selection", positive, logits, fold, where="test")
    assert fitted["weights"] == [0, 1, 0]


def test_rounding_does_not_decide_between_members():
    # Areas of 0.3, 0.2, 0.1 and 0.1, 0.2, 0.3 in three folds: 0.3 + 0.2 + 0.1 < 0.1 + 0.2 + 0.3.
    fold = np.repeat([0, 1, 2], 11)
    positive = np.tile(np.arange(11) == 10, 3)
    below = np.array([[3, 2, 1], [1, 2, 3]])
    logits = np.tile(np.arange(11.0), (2, 3))
    logits[:, positive] = below - 0.5
    weights, _ = greedy_selection(positive, logits, fold, rounds=1)
    assert weights.tolist() == [1, 0]


# stacks


@pytest.mark.parametrize("seed", range(3))
def test_non_negative_stack_equals_the_literal_design_matrix(seed):
    positive, logits, fold = make_case((2.0, 1.5, 1.0, -0.5), seed=seed)
    weights, intercept = non_negative_stack(positive, logits, fold)
    # A free intercept is the difference of two that are not negative.
    ones = np.ones((len(fold), 1))
    design = np.concatenate([1 / (1 + np.exp(-logits.T.astype(float))), ones, -ones], axis=1)
    expected, _ = nnls(design, positive.astype(float))
    np.testing.assert_allclose(weights, expected[:4], rtol=0, atol=1e-10)
    assert intercept == pytest.approx(expected[4] - expected[5], abs=1e-10)
    assert weights[3] == 0 < weights[0]


def test_non_negative_stack_of_a_wrong_member_is_the_mean():
    positive, logits, fold = make_case((-2.0,))
    fitted = fit("non_negative_stack", positive, logits, fold, where="test")
    assert fitted["weights"] == [0] and fitted["weight_sum"] == 0
    assert (apply(fitted, logits, logits) == positive.mean()).all()


@pytest.mark.parametrize("signals", [(2.0, 1.5, 1.0), (60.0, 50.0)])
def test_logistic_stack_minimises_the_stated_loss(signals):
    # The second case separates the classes: without a penalty its weights would be infinite.
    positive, logits, fold = make_case(signals)
    standardised = (logits - logits.mean(axis=1, keepdims=True, dtype=float)) / logits.std(
        axis=1, keepdims=True, dtype=float
    )
    signs = np.where(positive, 1, -1)

    def loss(coefficients):
        margin = signs * (coefficients[:-1] @ standardised + coefficients[-1])
        penalty = coefficients[:-1] @ coefficients[:-1] / 2
        return INVERSE_PENALTY * np.logaddexp(0, -margin).sum() + penalty

    best = minimize(loss, np.zeros(len(logits) + 1), method="BFGS", options={"gtol": 1e-6}).x
    weights, intercept = logistic_stack(positive, logits, fold)
    np.testing.assert_allclose(
        weights @ logits + intercept, best[:-1] @ standardised + best[-1], rtol=0, atol=1e-5
    )


def test_logistic_stack_gives_a_logit():
    positive, logits, fold = make_case(images=6000)
    score = score_all("logistic_stack", positive, logits, fold)
    likely = (score > 0) & (score < 1)
    assert positive[likely].mean() == pytest.approx(sigmoid(score[likely]).mean(), abs=0.04)
    # The fit has its mean right to the last digit: the intercept goes without penalty.
    assert sigmoid(score).mean() == pytest.approx(positive.mean(), abs=1e-8)


# what all kinds share


def test_every_kind_is_described_as_it_is():
    assert tuple(ENSEMBLES) == KINDS
    assert tuple(kind for kind, ensemble in ENSEMBLES.items() if ensemble.learned) == LEARNED


@pytest.mark.parametrize("kind", KINDS)
def test_members_that_err_apart_are_better_together(kind):
    positive, logits, fold = make_case((1.5, 1.5, 1.5, 1.5), images=1200, seed=1)
    alone = max(fold_mean(positive, row, fold) for row in logits)
    _, together = cross_fitted(kind, positive, logits, fold, where="test")
    # Members 1.5 SD apart have an area of 0.86, the mean of four of them one of 0.98.
    assert alone < 0.9 < 0.95 < fold_mean(positive, together, fold)


@pytest.mark.parametrize("kind", KINDS)
def test_one_member_is_ranked_as_it_is(kind):
    positive, logits, fold = make_case((2.0,))
    _, score = cross_fitted(kind, positive, logits, fold, where="test")
    for number in range(3):
        own = fold == number
        assert rankdata(score[own]).tolist() == rankdata(logits[0, own]).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_cross_fitting_never_uses_the_labels_of_the_own_fold(kind):
    positive, logits, fold = make_case()
    _, score = cross_fitted(kind, positive, logits, fold, where="test")
    _, flipped = cross_fitted(kind, positive ^ (fold == 1), logits, fold, where="test")
    np.testing.assert_array_equal(flipped[fold == 1], score[fold == 1])
    # The others' labels arrive where they belong.
    assert (flipped[fold != 1] != score[fold != 1]).any() == (kind in LEARNED)


@pytest.mark.parametrize("kind", KINDS)
def test_cross_fitting_scores_a_fold_by_the_fit_to_the_others(kind):
    positive, logits, fold = make_case()
    ensembles, score = cross_fitted(kind, positive, logits, fold, where="test")
    own = fold == 2
    fitted = fit(kind, positive[~own], logits[:, ~own], fold[~own], where="test")
    assert ensembles[2] == fitted and len(ensembles) == 3
    np.testing.assert_array_equal(score[own], apply(fitted, logits[:, own], logits[:, own]))


@pytest.mark.parametrize("kind", LEARNED)
def test_cross_fitting_does_not_find_a_signal_where_there_is_none(kind):
    fitted, honest = [], []
    for seed in range(20):
        positive, logits, fold = make_case((0.0,) * 12, images=120, seed=seed)
        fitted.append(fold_mean(positive, score_all(kind, positive, logits, fold), fold))
        _, score = cross_fitted(kind, positive, logits, fold, where="test")
        honest.append(fold_mean(positive, score, fold))
    assert np.mean(fitted) > 0.6
    # An area of 120 images in three folds has a standard deviation of about 0.055.
    assert np.mean(honest) == pytest.approx(0.5, abs=3 * 0.055 / np.sqrt(20))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_survives_json(kind):
    positive, logits, fold = make_case()
    fitted = fit(kind, positive, logits, fold, where="test")
    again = json.loads(json.dumps(fitted, allow_nan=False))
    assert again == fitted and set(fitted) == {"kind", "weights", "intercept", "weight_sum"}
    assert fitted["weight_sum"] == pytest.approx(sum(fitted["weights"]), abs=1e-12)
    np.testing.assert_array_equal(apply(again, logits, logits), apply(fitted, logits, logits))


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_does_not_depend_on_the_other_images(kind):
    positive, logits, fold = make_case((2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8))
    fitted = fit(kind, positive, logits, fold, where="test")
    whole = apply(fitted, logits, logits)
    for images in ([7], [3, 7, 200], np.arange(13)[::-1]):
        np.testing.assert_array_equal(apply(fitted, logits[:, images], logits), whole[images])


@pytest.mark.parametrize("kind", KINDS)
def test_an_undefined_logit_makes_its_own_score_undefined_and_no_other(kind):
    positive, logits, fold = make_case()
    fitted = fit(kind, positive, logits, fold, where="test")
    broken = logits.copy()
    broken[1, 5] = np.nan
    assert np.flatnonzero(np.isnan(apply(fitted, broken, logits))).tolist() == [5]


# useless members


@pytest.mark.parametrize("kind", LEARNED)
def test_constant_and_repeated_members_change_nothing(kind):
    positive, logits, fold = make_case()
    # The constants are different ones in different folds, as collapsed models leave them.
    constant = (fold - 3).astype(np.float32)
    more = np.stack([constant, logits[0], logits[1], logits[0], constant, logits[2]])
    plain = fit(kind, positive, logits, fold, where="test")
    fitted = fit(kind, positive, more, fold, where="test")
    assert [fitted["weights"][row] for row in (1, 2, 5)] == plain["weights"]
    assert [fitted["weights"][row] for row in (0, 3, 4)] == [0, 0, 0]
    assert fitted["intercept"] == plain["intercept"]


def test_equal_weights_count_a_repeated_member_twice():
    positive, logits, fold = make_case((2.0, 1.0))
    fitted = fit("mean_logit", positive, logits[[0, 0, 1]], fold, where="test")
    score = apply(fitted, logits[[0, 0, 1]], logits[[0, 0, 1]])
    np.testing.assert_allclose(score, (2 * logits[0] + logits[1]) / 3, rtol=0, atol=1e-5)


# bad input


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_is_an_error_that_names_the_member(kind, value):
    positive, logits, fold = make_case()
    logits[1, 5] = value
    with pytest.raises(UserError, match=r"not finite: 2\n[\s\S]*recipe light[\s\S]*leave these"):
        fit(kind, positive, logits, fold, where="recipe light")


@pytest.mark.parametrize("kind", LEARNED)
def test_a_fold_of_one_class_is_an_error_that_names_it(kind):
    positive, logits, fold = make_case()
    with pytest.raises(UserError, match=r"one class: fold 1\n[\s\S]*light[\s\S]*split.folds"):
        fit(kind, positive | (fold == 1), logits, fold, where="recipe light")


@pytest.mark.parametrize("kind", LEARNED)
def test_members_that_all_say_nothing_are_an_error(kind):
    positive, logits, fold = make_case()
    with pytest.raises(UserError, match=r"same logit[\s\S]*recipe light[\s\S]*history.csv"):
        fit(kind, positive, np.zeros_like(logits) + fold, fold, where="recipe light")


@pytest.mark.parametrize("kind", ["mean_logit", "rank_mean"])
def test_kinds_that_do_not_look_at_labels_need_none(kind):
    positive, logits, fold = make_case()
    plain = fit(kind, positive, logits, fold, where="test")
    assert fit(kind, np.ones_like(positive), logits, fold, where="test") == plain


def test_unknown_kind_names_the_nearest():
    positive, logits, fold = make_case()
    with pytest.raises(UserError, match=r"'mean_logits' is unknown[\s\S]*did you mean mean_logit"):
        fit("mean_logits", positive, logits, fold, where="ensembles")
