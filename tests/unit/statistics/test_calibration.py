import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.calibration import _SigmoidCalibration, calibration_curve
from sklearn.linear_model import LogisticRegression

from pneumobench.core.errors import UserError
from pneumobench.statistics.calibration import (
    METHODS,
    assign_bins,
    calibrate,
    calibration_slope_intercept,
    expected_calibration_error,
    fit_calibration,
    reliability,
)
from pneumobench.statistics.metrics import sigmoid


def make_images(size=400, seed=0):
    """Labels and logits of a model that is too sure of itself and leans towards pneumonia."""
    generator = np.random.default_rng(seed)
    true_logit = generator.normal(0.3, 1.5, size)
    positive = generator.random(size) < sigmoid(true_logit)
    return positive, (2.5 * true_logit + 1).astype(np.float32)


def fit(positive, logit, method):
    return fit_calibration(np.array(positive, bool), np.array(logit), method, where="fold 0 of a")


def smooth(positive):
    """Platt's targets, as he writes them."""
    events, others = sum(positive), len(positive) - sum(positive)
    return np.array([(events + 1) / (events + 2) if p else 1 / (others + 2) for p in positive])


def cross_entropy(logit, target):
    return np.sum(np.logaddexp(0, logit) - target * logit)


samples = st.lists(
    st.tuples(
        st.booleans(), st.floats(-(2.0**127), 2.0**127, width=32) | st.integers(-3, 3).map(float)
    ),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({truth for truth, _ in rows}) == 2)


def test_platt_minimises_what_platt_wrote():
    positive, logit = make_images()
    found = fit(positive, logit, "platt")
    reference = optimize.minimize(
        lambda line: cross_entropy(line[0] * logit.astype(float) + line[1], smooth(positive)),
        [0, 0],
        tol=1e-10,
    )
    assert [found["slope"], found["intercept"]] == pytest.approx(reference.x, rel=1e-5)


def test_platt_equals_the_reference():
    positive, logit = make_images()
    reference = _SigmoidCalibration().fit(logit.astype(float), positive.astype(float))
    expected = reference.predict(logit.astype(float))
    assert calibrate(logit, fit(positive, logit, "platt")) == pytest.approx(expected, abs=1e-4)


@settings(deadline=None)
@given(samples)
@example([(True, 1e38), (False, -1e38), (True, 1e-38), (False, 0.0)])
@example([(True, 3.0), (False, 3.0), (True, -1e30)])
def test_platt_fulfils_the_equations_of_the_optimum_whatever_the_logits(rows):
    positive, logit = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    excess = calibrate(logit, fit(positive, logit, "platt")) - smooth(positive)
    assert excess.mean() == pytest.approx(0, abs=1e-6)
    assert (excess * logit / max(np.abs(logit).max(), 1e-30)).mean() == pytest.approx(0, abs=1e-6)


def test_platt_undoes_an_offset_that_a_temperature_cannot():
    positive, logit = make_images(4000)
    platt, temperature = (
        calibrate(logit, fit(positive, logit, method)).mean() for method in ("platt", "temperature")
    )
    assert platt == pytest.approx(positive.mean(), abs=0.001)
    assert abs(temperature - positive.mean()) > 0.02


def test_temperature_minimises_the_cross_entropy_without_intercept():
    positive, logit = make_images()
    found = fit(positive, logit, "temperature")
    reference = optimize.minimize_scalar(
        lambda slope: cross_entropy(slope * logit.astype(float), smooth(positive)),
        bounds=(0, 5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert found["slope"] == pytest.approx(reference.x, abs=1e-6)
    assert found["intercept"] == 0


def test_temperature_finds_the_one_that_was_applied():
    generator = np.random.default_rng(1)
    true_logit = generator.normal(0, 2, 20_000)
    positive = generator.random(20_000) < sigmoid(true_logit)
    assert 1 / fit(positive, 3 * true_logit, "temperature")["slope"] == pytest.approx(3, rel=0.05)


def test_no_temperature_turns_a_model_round():
    assert fit([1, 1, 0, 0], [-2.0, -1.0, 1.0, 2.0], "temperature")["slope"] == 0
    assert fit([1, 1, 0, 0], [-2.0, -1.0, 1.0, 2.0], "platt")["slope"] < 0


def test_isotonic_equals_pooled_means():
    positive, logit = make_images()
    logit = np.round(logit)  # ties
    levels, group, counts = np.unique(logit, return_inverse=True, return_counts=True)
    means = np.bincount(group, positive) / counts
    expected = optimize.isotonic_regression(means, weights=counts).x
    fitted = fit(positive, logit, "isotonic")
    assert calibrate(levels, fitted) == pytest.approx(expected, abs=1e-12)
    beyond = calibrate(np.array([levels[0] - 9, levels[-1] + 9]), fitted)
    assert beyond.tolist() == pytest.approx(expected[[0, -1]].tolist())


@settings(deadline=None)
@given(samples)
def test_isotonic_never_falls(rows):
    positive, logit = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    probability = calibrate(np.sort(logit), fit(positive, logit, "isotonic"))
    assert (np.diff(probability) >= 0).all()
    assert probability.min() >= 0 and probability.max() <= 1


def test_none_is_the_sigmoid():
    positive, logit = make_images(20)
    assert (calibrate(logit, fit(positive, logit, "none")) == sigmoid(logit)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "logit",
    [
        [-2.0, -1.0, 1.0, 2.0],
        [-1e4, -1e4, 1e4, 1e4],
        [-1e-30, 0.0, 1e-30, 2e-30],
        [1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3],
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 0.0, 0.0, 0.0],
    ],
)
def test_separable_extreme_and_equal_logits_stay_finite_and_survive_json(method, logit):
    fitted = fit([0, 0, 1, 1], logit, method)
    again = json.loads(json.dumps(fitted, allow_nan=False))
    assert again == fitted
    with np.errstate(all="raise", under="ignore"):
        probability = calibrate(np.array(logit), again)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert probability.shape == (4,) and probability.dtype == np.float64
    if method == "platt":
        # The targets of two images of either class, 1/4 and 3/4, keep it from certainty.
        assert probability.mean() == pytest.approx(0.5, abs=1e-6)
        assert 0.15 < probability[0] <= 0.5 <= probability[-1] < 0.85
        assert (probability[0] < 0.5) == (logit[0] != logit[-1])


def test_equal_logits_get_the_smoothed_share():
    positive = np.array([1, 0, 0, 0, 0], bool)
    assert calibrate(np.full(5, 7.0), fit(positive, np.full(5, 7.0), "platt")) == pytest.approx(
        smooth(positive).mean()
    )


def test_calibration_keeps_the_shape_of_logits():
    positive, logit = make_images(20)
    for method in METHODS:
        fitted = fit(positive, logit, method)
        folded = calibrate(logit.reshape(4, 5), fitted)
        assert (folded == calibrate(logit, fitted).reshape(4, 5)).all()


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(UserError, match=r"one class[\s\S]*fold 0 of a[\s\S]*split.folds"):
        fit([1, 1], [0.0, 1.0], "platt")
    with pytest.raises(UserError, match=r"not finite[\s\S]*fold 0 of a: 2 of 3[\s\S]*retrain"):
        fit([1, 0, 1], [0.0, np.nan, np.inf], "isotonic")
    with pytest.raises(UserError, match=r"'plat' is unknown[\s\S]*did you mean platt"):
        fit([0, 1], [0.0, 1.0], "plat")


def test_bins_of_equal_width_are_closed_above():
    probability = np.array([0.0, 0.1, 0.25, 0.26, 0.5, 0.75, 0.76, 1.0])
    assert assign_bins(probability, 4, "equal_width").tolist() == [0, 0, 0, 1, 1, 2, 3, 3]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 20))
def test_bins_of_equal_mass_hold_as_many_to_within_one(size, bins):
    probability = np.random.default_rng(size).permutation(size) / size
    found = assign_bins(probability, bins, "equal_mass")
    counts = np.bincount(found, minlength=bins)
    assert len(counts) == bins and counts.max() - counts.min() <= 1
    assert (np.diff(found[np.argsort(probability)]) >= 0).all()


def test_equal_probabilities_are_never_parted():
    probability = np.array([0.1, 0.2, 0.2, 0.2, 0.2, 0.9])
    # The middle of the four lies in the middle bin; the others hold one image each.
    assert assign_bins(probability, 3, "equal_mass").tolist() == [0, 1, 1, 1, 1, 2]
    assert assign_bins(probability, 2, "equal_mass").tolist() == [0, 1, 1, 1, 1, 1]
    assert assign_bins(np.full(3, 0.5), 2, "equal_mass").tolist() == [1, 1, 1]


def test_unknown_binning_is_refused():
    with pytest.raises(ValueError, match="equal_size"):
        assign_bins(np.array([0.5]), 2, "equal_size")


@pytest.mark.parametrize(
    ("binning", "strategy"), [("equal_mass", "quantile"), ("equal_width", "uniform")]
)
def test_reliability_equals_the_reference(binning, strategy):
    positive, logit = make_images(400)
    probability = sigmoid(logit / 5)
    table = reliability(positive, probability, bins=10, binning=binning)
    share, mean = calibration_curve(positive, probability, n_bins=10, strategy=strategy)
    assert table["observed_share"].to_numpy() == pytest.approx(share, abs=1e-12)
    assert table["mean_probability"].to_numpy() == pytest.approx(mean, abs=1e-12)
    assert table["n"].sum() == 400 and table["events"].sum() == positive.sum()


def test_empty_bins_have_no_row():
    table = reliability(
        np.array([1, 0, 1], bool), np.array([0.05, 0.95, 0.97]), bins=10, binning="equal_width"
    )
    assert table.to_dict("list") == {
        "n": [1, 2],
        "events": [1, 1],
        "mean_probability": [0.05, pytest.approx(0.96)],
        "observed_share": [1.0, 0.5],
    }


@pytest.mark.parametrize("binning", ["equal_mass", "equal_width"])
def test_calibration_error_equals_a_plain_loop_over_copied_images(binning):
    positive, logit = make_images(60)
    probability = np.round(sigmoid(logit / 3), 2)  # ties
    weights = np.random.default_rng(2).integers(0, 4, (5, 60)).astype(float)
    weights[0] = 1
    settings = {"bins": 7, "binning": binning}
    bin_of_image = assign_bins(probability, **settings)
    expected = []
    for row in weights.astype(int):
        error = 0.0
        for number in range(7):
            inside = np.repeat(np.arange(60), row * (bin_of_image == number))
            if len(inside):
                distance = abs(probability[inside].mean() - positive[inside].mean())
                error += len(inside) / row.sum() * distance
        expected.append(error)
    found = expected_calibration_error(positive, probability, **settings, weights=weights)
    assert found == pytest.approx(expected, abs=1e-12)
    assert expected_calibration_error(positive, probability, **settings) == pytest.approx(found[:1])
    table = reliability(positive, probability, **settings)
    distances = (table["mean_probability"] - table["observed_share"]).abs()
    assert np.average(distances, weights=table["n"]) == pytest.approx(found[0], abs=1e-12)


def test_calibration_error_of_known_cases():
    positive = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    right = np.repeat([0.25, 0.75], 4)
    settings = {"bins": 2, "binning": "equal_mass"}
    assert expected_calibration_error(positive, right, **settings).tolist() == [0]
    assert expected_calibration_error(positive, right + 0.1, **settings) == pytest.approx([0.1])
    nothing = expected_calibration_error(positive, right, **settings, weights=np.zeros((1, 8)))
    assert np.isnan(nothing).all()


def test_slope_and_intercepts_equal_the_reference_in_every_weighting():
    positive, logit = make_images(150)
    logit = logit.astype(float)
    weights = np.random.default_rng(3).integers(0, 4, (6, 150)).astype(float)
    weights[0] = 1
    found = calibration_slope_intercept(positive, logit, weights)
    for row, weight in enumerate(weights):
        reference = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(
            logit[:, np.newaxis], positive, sample_weight=weight
        )
        assert found["slope"][row] == pytest.approx(reference.coef_[0, 0], rel=1e-8)
        assert found["intercept"][row] == pytest.approx(reference.intercept_[0], rel=1e-8)
        level = optimize.brentq(
            lambda level, weight=weight: weight @ (sigmoid(logit + level) - positive),
            -50,
            50,
            xtol=1e-12,
        )
        assert found["in_the_large"][row] == pytest.approx(level, abs=1e-9)
    alone = calibration_slope_intercept(positive, logit)
    assert {name: values.shape for name, values in alone.items()} == dict.fromkeys(found, (1,))
    for name, values in found.items():
        assert alone[name][0] == pytest.approx(values[0], rel=1e-10)


def test_slope_says_how_much_too_extreme_probabilities_are():
    generator = np.random.default_rng(4)
    true_logit = generator.normal(0.3, 1.5, 20_000)
    positive = generator.random(20_000) < sigmoid(true_logit)
    right = calibration_slope_intercept(positive, true_logit)
    assert right["slope"][0] == pytest.approx(1, abs=0.05)
    assert right["in_the_large"][0] == pytest.approx(0, abs=0.05)
    extreme = calibration_slope_intercept(positive, 2 * true_logit + 1)
    assert extreme["slope"][0] == pytest.approx(right["slope"][0] / 2, rel=1e-9)
    assert extreme["in_the_large"][0] < -0.5


def test_classes_that_do_not_overlap_have_no_slope():
    positive = np.array([0, 0, 1, 1, 1], bool)
    logit = np.array([-1.0, 1.0, 0.0, 1.0, 2.0])
    weights = np.array(
        [
            [1, 1, 1, 1, 1],  # overlap
            [1, 0, 1, 1, 1],  # apart
            [0, 1, 0, 1, 1],  # touch at 1
            [0, 1, 0, 1, 0],  # all equal
            [0, 0, 1, 1, 1],  # one class
            [0, 0, 0, 0, 0],
        ],
        float,
    )
    found = calibration_slope_intercept(positive, logit, weights)
    for name in ("slope", "intercept"):
        assert np.isnan(found[name]).tolist() == [False, True, True, True, True, True]
    assert np.isnan(found["in_the_large"]).tolist() == [False, False, False, False, True, True]
    assert found["in_the_large"][3] == pytest.approx(-1)  # as many of either class at logit 1
    reverse = calibration_slope_intercept(~positive, logit, weights)
    assert np.isnan(reverse["slope"]).tolist() == [False, True, True, True, True, True]


def test_infinite_logits_leave_everything_undefined():
    found = calibration_slope_intercept(
        np.array([0, 1, 0, 1], bool), np.array([-np.inf, -1.0, 1.0, 2.0])
    )
    assert all(np.isnan(values).all() for values in found.values())


def test_far_off_probabilities_still_have_an_intercept():
    """Where every probability is 0 or 1, Newton's step alone would lead into the void."""
    positive = np.array([1] * 10 + [0] * 10, bool)
    logit = np.where(positive, 1000.0, -1000.0)
    logit[-1] = 1000  # one of eleven
    found = calibration_slope_intercept(positive, logit)["in_the_large"][0]
    assert found == pytest.approx(-1000 + np.log(10), abs=1e-6)
