"""Tests of differences between models: DeLong, permutation, McNemar, Holm, Wilson, folds."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from pneumobench.core.estimates import Resampling
from pneumobench.statistics import permutation
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.metrics import count_below, roc_auc
from pneumobench.statistics.permutation import area_shares, permute_shares
from pneumobench.statistics.replicates import replicate_area
from pneumobench.statistics.selection import fold_mean_auc
from pneumobench.statistics.significance import (
    _clustered_variance,
    _count_pairs,
    crossing_share,
    delong,
    delong_test,
    holm,
    mcnemar_exact,
    nadeau_bengio,
)

EXACT = {"rel": 0, "abs": 1e-12}
P_VALUES = st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=12)

# Albumin, total protein, K-G score and whether patients with ovarian cancer profited from surgery:
# the example of DeLong 1988 (43 patients with all three tests).
OVARIAN = np.fromstring(
    """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
    1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
    4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
    3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
    3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
    3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
    """,
    sep=" ",
).reshape(-1, 4)


@st.composite
def scored_images(draw):
    """Two images of either class at least, two to four models, many ties."""
    size = draw(st.integers(4, 25))
    positive = draw(hnp.arrays(bool, size))
    positive[:2], positive[-2:] = True, False
    models = draw(st.integers(2, 4))
    levels = draw(st.sampled_from([1, 3, 1000]))
    return positive, draw(hnp.arrays(np.int64, (models, size), elements=st.integers(0, levels))) / 8


def literal_delong(positive, logits):
    """The formulas of 1988, pair by pair."""
    diseased, healthy = logits[:, positive], logits[:, ~positive]
    wins = np.array(
        [
            [[1.0 if x > y else 0.5 if x == y else 0.0 for y in ys] for x in xs]
            for xs, ys in zip(diseased, healthy, strict=True)
        ]
    )
    areas = wins.mean(axis=(1, 2))
    by_positive = wins.mean(axis=2) - areas[:, np.newaxis]
    by_negative = wins.mean(axis=1) - areas[:, np.newaxis]
    m, n = wins.shape[1:]
    covariance = [
        [
            np.sum(by_positive[r] * by_positive[s]) / (m - 1) / m
            + np.sum(by_negative[r] * by_negative[s]) / (n - 1) / n
            for s in range(len(logits))
        ]
        for r in range(len(logits))
    ]
    return areas, np.array(covariance)


def test_count_below_gives_midranks():
    scores = np.array([3.0, 1.0, 3.0, 2.0, 3.0])
    assert (count_below(scores, scores) + 0.5).tolist() == stats.rankdata(scores).tolist()
    assert count_below(np.array([0.0, 2.0, 9.0]), scores).tolist() == [0, 1.5, 5]


@settings(deadline=None)
@given(scored_images())
def test_delong_equals_the_formulas_of_1988(case):
    positive, logits = case
    areas, covariance = delong(positive, logits)
    expected_areas, expected_covariance = literal_delong(positive, logits)
    np.testing.assert_allclose(areas, expected_areas, rtol=0, atol=1e-12)
    np.testing.assert_allclose(covariance, expected_covariance, rtol=0, atol=1e-12)
    assert areas[0] == pytest.approx(roc_auc(positive, logits[0]), **EXACT)


@settings(deadline=None)
@given(scored_images())
def test_delong_test_follows_from_the_covariance(case):
    positive, logits = case
    areas, covariance = literal_delong(positive, logits)
    found = delong_test(positive, logits[0], logits[1], confidence=0.9)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found["difference"] == pytest.approx(areas[0] - areas[1], **EXACT)
    assert found["standard_error"] ** 2 == pytest.approx(variance, **EXACT)
    if found["standard_error"] > 0:
        normal = stats.norm(found["difference"], found["standard_error"])
        assert (found["low"], found["high"]) == pytest.approx(normal.interval(0.9), **EXACT)
        z = found["difference"] / found["standard_error"]
        assert (found["z"], found["p"]) == pytest.approx((z, 2 * stats.norm.sf(abs(z))), **EXACT)


def test_delong_on_the_data_of_its_paper():
    """Figures printed for these data by SAS/STAT's example of comparing ROC curves."""
    albumin, protein, score, benefit = OVARIAN.T
    positive, score = benefit == 1, 10 - score
    areas, covariance = delong(positive, np.stack([albumin, score, protein]))
    assert areas.round(4).tolist() == [0.7366, 0.7258, 0.6478]
    assert np.sqrt(np.diag(covariance)).round(4).tolist() == [0.0927, 0.1028, 0.1000]
    found = delong_test(positive, albumin, score, confidence=0.95)
    expected = {"difference": 0.0108, "standard_error": 0.0953, "low": -0.1761, "high": 0.1976}
    assert {name: round(found[name], 4) for name in expected} == expected
    assert (round(found["z"] ** 2, 4), round(found["p"], 4)) == (0.0127, 0.9102)
    found = delong_test(positive, protein, score, confidence=0.95)
    assert (round(found["z"] ** 2, 4), round(found["p"], 4)) == (0.5554, 0.4561)


def test_delong_knows_ranks_alone():
    positive, logits = OVARIAN[:, 3] == 1, OVARIAN[:, :2]
    plain = delong_test(positive, *logits.T, confidence=0.95)
    assert delong_test(positive, np.exp(logits[:, 0]), logits[:, 1] ** 3, confidence=0.95) == plain


@pytest.mark.parametrize("positives", [0, 1, 4, 5])
def test_delong_with_too_few_of_a_class_is_undefined(positives):
    positive = np.arange(5) < positives
    areas, covariance = delong(positive, np.array([np.arange(5.0), np.zeros(5)]))
    assert np.isnan(covariance).all()
    assert np.isnan(areas).all() == (positives in (0, 5))
    found = delong_test(positive, np.arange(5.0), np.zeros(5), confidence=0.95)
    assert np.isnan(found["p"]) and np.isnan(found["low"])
    assert np.isnan(found["difference"]) == (positives in (0, 5))


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ([3.0, 1.0, 2.0, 0.0, 1.0], [3.0, 1.0, 2.0, 0.0, 1.0], 0),  # identical
        ([5.0, 5.0, 5.0, 5.0, 5.0], [7.0, 7.0, 7.0, 7.0, 7.0], 0),  # all scores equal
        ([3.0, 3.0, 3.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0], 0.5),  # perfect against constant
    ],
)
def test_delong_without_spread_tests_nothing(first, second, difference):
    positive = np.array([True, True, True, False, False])
    found = delong_test(positive, np.array(first), np.array(second), confidence=0.95)
    assert found["difference"] == difference and found["standard_error"] == 0
    assert np.isnan([found[name] for name in ("z", "p", "low", "high")]).all()


# Images of six patients in two folds; patients have images of one class only, ties abound.
POSITIVE = np.array([1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0], bool)
PATIENT = np.array(list("aabccdefbced"))
FOLD = np.array([0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1])
FIRST = np.array([2.0, 0.5, 0.5, 3.0, 1.0, -1.0, -2.0, 1.0, 0.5, 4.0, -3.0, 1.0])
SECOND = np.array([-0.2, 0.1, 0.3, 0.1, 0.0, 0.1, -0.2, 0.3, -0.3, 0.2, 0.1, -0.1])


def permute_patients(positive, first, second, patient, fold=None, **options):
    """Return the permutation test of one pair of models, in plain numbers."""
    shares = area_shares(positive, first, second, patient, fold=fold)
    found = permute_shares(shares[np.newaxis], **options)
    return found | {key: float(found[key][0]) for key in ("difference", "p")}


def enumerate_exchanges(fold, metric):
    """Every exchange, with ranks taken by scipy and the measure recomputed from exchanged ranks."""
    names = np.unique(PATIENT)
    differences = []
    for exchanged in product([False, True], repeat=len(names)):
        swapped = np.isin(PATIENT, names[list(exchanged)])
        by_fold = []
        for number in np.unique(fold):
            own = fold == number
            one, two = (stats.rankdata(scores[own]) for scores in (FIRST, SECOND))
            mixed = np.where(swapped[own], two, one), np.where(swapped[own], one, two)
            by_fold.append(np.subtract(*(metric(POSITIVE[own], ranks) for ranks in mixed)))
        differences.append(np.mean(by_fold))
    return np.array(differences)


@pytest.mark.parametrize("fold", [None, FOLD])
def test_exact_permutation_equals_a_loop_over_all_exchanges(fold):
    differences = enumerate_exchanges(np.zeros(12) if fold is None else fold, roc_auc)
    found = permute_patients(POSITIVE, FIRST, SECOND, PATIENT, fold=fold, permutations=64, seed=0)
    assert found["difference"] == pytest.approx(differences[0], **EXACT)
    extreme = np.abs(differences) >= abs(differences[0]) - 1e-12
    assert 2 < extreme.sum() < len(differences) == 64
    assert found["p"] == pytest.approx(extreme.mean(), **EXACT)
    assert found["exact"] and found["permutations"] == 63


def test_random_exchanges_come_near_the_exact_p():
    options = {"fold": FOLD, "seed": 4}
    exact = permute_patients(POSITIVE, FIRST, SECOND, PATIENT, permutations=64, **options)
    few = permute_patients(POSITIVE, FIRST, SECOND, PATIENT, permutations=63, **options)
    assert exact["exact"] and not few["exact"] and few["permutations"] == 63
    error = np.sqrt(exact["p"] * (1 - exact["p"]) / 63)
    assert 0 < abs(few["p"] - exact["p"]) < 4 * error


def noisy_models(images, seed):
    generator = np.random.default_rng(seed)
    positive = generator.random(images) < 0.6
    return positive, *(positive + generator.normal(size=(2, images)))


def test_the_difference_is_that_of_the_table():
    positive, first, second = noisy_models(200, 0)
    patient, fold = np.arange(200) // 2, np.arange(200) // 2 % 5
    found = permute_patients(positive, first, second, patient, permutations=99, seed=0)
    expected = roc_auc(positive, first) - roc_auc(positive, second)
    assert found["difference"] == pytest.approx(expected, **EXACT)
    found = permute_patients(positive, first, second, patient, fold=fold, permutations=99, seed=0)
    expected = fold_mean_auc(positive, first, fold) - fold_mean_auc(positive, second, fold)
    assert found["difference"] == pytest.approx(expected, **EXACT)


def test_patients_are_exchanged_whole():
    """Four copies of an image say no more than one if they are one patient's."""
    positive, first, second = noisy_models(12, 3)
    single = permute_patients(positive, first, second, np.arange(12), permutations=4096, seed=0)
    copies = [np.repeat(values, 4) for values in (positive, first, second)]
    together = permute_patients(*copies, np.repeat(np.arange(12), 4), permutations=4096, seed=0)
    assert single["exact"] and together == pytest.approx(single)
    apart = permute_patients(*copies, np.arange(48), permutations=4096, seed=0)
    assert apart["p"] < 0.7 * single["p"]


def test_scales_and_offsets_of_models_and_folds_do_not_matter():
    positive, first, second = noisy_models(150, 1)
    patient, fold = np.arange(150) // 3, np.arange(150) // 3 % 5
    options = {"fold": fold, "permutations": 500, "seed": 2}
    plain = permute_patients(positive, first, second, patient, **options)
    scaled = permute_patients(
        positive, 50 * first - 9, np.exp(second) + 7 * fold, patient, **options
    )
    assert scaled == plain


def test_exchanges_follow_from_the_seed_and_not_from_order_or_blocks(monkeypatch):
    models = noisy_models(150, 2)
    patient = np.array([f"p{row // 3}" for row in range(150)])
    options = {"permutations": 300}
    plain = permute_patients(*models, patient, seed=2, **options)
    backwards = permute_patients(*(part[::-1] for part in models), patient[::-1], seed=2, **options)
    assert backwards == pytest.approx(plain)
    assert permute_patients(*models, patient, seed=3, **options)["p"] != plain["p"]
    monkeypatch.setattr(permutation, "BLOCK_ELEMENTS", 5000)
    assert permute_patients(*models, patient, seed=2, **options) == pytest.approx(plain)


@pytest.mark.parametrize("permutations", [64, 63])
def test_models_that_do_not_differ_have_p_one(permutations):
    options = {"permutations": permutations, "seed": 0}
    for first, second in ((FIRST, FIRST), (FIRST, np.exp(FIRST)), (np.zeros(12), np.ones(12))):
        found = permute_patients(POSITIVE, first, second, PATIENT, **options)
        assert (found["difference"], found["p"]) == (0, 1)


def test_a_fold_of_one_class_leaves_the_permutation_undefined():
    truth = POSITIVE | (FOLD == 1)
    found = permute_patients(truth, FIRST, SECOND, PATIENT, fold=FOLD, permutations=99, seed=0)
    assert np.isnan(found["difference"]) and np.isnan(found["p"])
    found = permute_patients(truth, FIRST, SECOND, PATIENT, permutations=99, seed=0)
    assert 0 < found["p"] <= 1
    found = permute_patients(truth | True, FIRST, SECOND, PATIENT, permutations=99, seed=0)
    assert np.isnan(found["difference"]) and np.isnan(found["p"])


def test_ten_thousand_permutations_of_five_thousand_images_take_seconds():
    patient = np.arange(5000) // 2
    start = time.process_time()
    permute_patients(*noisy_models(5000, 0), patient, fold=patient % 5, permutations=10_000, seed=0)
    assert time.process_time() - start < 4


@pytest.mark.slow
def test_p_is_uniform_under_the_null_if_patients_stay_together():
    """Each model errs in its own way about a patient, alike in all of the patient's images."""
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 4)
    positive = patient < 24
    apart = np.arange(len(patient))
    p = []
    for trial in range(1000):
        errors = generator.normal(size=(2, 40))[:, patient] + generator.normal(size=(2, 160)) / 2
        first, second = (positive + errors) * [[1], [30]]
        p.append(
            [
                permute_patients(positive, first, second, whose, permutations=399, seed=trial)["p"]
                for whose in (patient, apart)
            ]
            + [delong_test(positive, first, second, confidence=0.95)["p"]]
        )
    together, apart, by_delong = np.array(p).T
    for level in (0.05, 0.1, 0.5):
        error = np.sqrt(level * (1 - level) / len(together))
        assert np.mean(together <= level) == pytest.approx(level, abs=3.5 * error)
    # What takes images as independent finds differences where there are none.
    assert np.mean(apart <= 0.05) > 0.15 and np.mean(by_delong <= 0.05) > 0.15


@settings(deadline=None)
@given(hnp.arrays(bool, (2, 30), elements=st.booleans()))
def test_mcnemar_equals_the_references(right):
    found = mcnemar_exact(*right)
    b, c = np.sum(right[0] & ~right[1]), np.sum(right[1] & ~right[0])
    assert (found["only_first"], found["only_second"]) == (b, c)
    table = [[np.sum(right.all(axis=0)), b], [c, np.sum(~right.any(axis=0))]]
    assert found["p"] == pytest.approx(mcnemar(table, exact=True).pvalue, **EXACT)
    if b + c:
        assert found["p"] == pytest.approx(stats.binomtest(b, b + c).pvalue, **EXACT)


def test_mcnemar_of_many_discordant_images():
    first = np.arange(5000) < 2400
    found = mcnemar_exact(first, ~first)
    assert found["p"] == pytest.approx(stats.binomtest(2400, 5000).pvalue, rel=1e-9)
    assert mcnemar_exact(first, first)["p"] == 1


@settings(deadline=None, max_examples=20)  # the reference takes its time
@given(P_VALUES)
def test_holm_equals_the_reference_and_leaves_out_what_was_not_tested(p):
    p = np.array(p)
    adjusted, tested = holm(p), ~np.isnan(p)
    assert (np.isnan(adjusted) == ~tested).all()
    if tested.any():
        expected = multipletests(p[tested], method="holm")[1]
        np.testing.assert_allclose(adjusted[tested], expected, rtol=0, atol=1e-12)


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.03, 0.01, np.nan, 0.5])), [0.06, 0.03, np.nan, 0.5])


DIFFERENCES = np.array([0.012, -0.003, 0.021, 0.008, 0.001])


def test_nadeau_bengio_without_correction_is_the_t_test():
    found = nadeau_bengio(DIFFERENCES, train=800, test=0, confidence=0.9)
    reference = stats.ttest_1samp(DIFFERENCES, 0)
    assert (found["t"], found["p"]) == pytest.approx((reference.statistic, reference.pvalue))
    interval = reference.confidence_interval(0.9)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))
    assert found["degrees_of_freedom"] == 4


def test_nadeau_bengio_widens_by_the_share_of_test_images():
    found = nadeau_bengio(DIFFERENCES, train=800, test=200, confidence=0.95)
    # Five folds: 1/5 + 1/4 = 0.45 instead of 0.2.
    assert found["difference"] == pytest.approx(0.0078)
    assert found["standard_error"] == pytest.approx(np.sqrt(0.45 * DIFFERENCES.var(ddof=1)))
    assert found["t"] == pytest.approx(stats.ttest_1samp(DIFFERENCES, 0).statistic / 1.5)
    assert found["p"] == pytest.approx(2 * stats.t.sf(found["t"], 4))


@pytest.mark.parametrize("differences", [[0.1] * 3, [0.0] * 5, [0.3]])
def test_nadeau_bengio_without_spread_tests_nothing(differences):
    found = nadeau_bengio(np.array(differences), train=80, test=20, confidence=0.95)
    assert found["difference"] == pytest.approx(differences[0])
    assert np.isnan([found[name] for name in ("t", "p", "low", "high")]).all()
    assert (
        found["standard_error"] == 0 if len(differences) > 1 else np.isnan(found["standard_error"])
    )


# Clustered images, and curves that cross


def clustered(patients, generator, images=3, shared=0.7, apart=1.0):
    """Labels, scores of two equally good models, patients; each patient is of one class."""
    patient = np.repeat(np.arange(patients), images)
    positive = (np.arange(patients) % 2 == 0)[patient]

    def scores():
        own = np.sqrt(shared) * generator.normal(size=patients)[patient]
        return own + np.sqrt(1 - shared) * generator.normal(size=len(patient)) + apart * positive

    return positive, scores(), scores(), patient


def test_with_one_image_a_patient_obuchowskis_variance_is_delongs():
    positive, first, second, _ = clustered(80, np.random.default_rng(0), images=1)
    plain = delong_test(positive, first, second, confidence=0.95)
    names = np.random.default_rng(1).permutation(80)
    # The path of clusters is taken if two images are of one patient; of these, none are.
    below, above = _count_pairs(positive, np.stack([second, first]))
    variance = _clustered_variance(
        np.diff(below, axis=0)[0], np.diff(above, axis=0)[0], positive, names
    )
    assert np.sqrt(variance) == pytest.approx(plain["standard_error"], rel=1e-12)


@pytest.mark.parametrize("mixed", [False, True])
def test_obuchowskis_standard_error_is_that_of_drawn_patients(mixed):
    generator = np.random.default_rng(0)
    positive, first, second, patient = clustered(200, generator)
    if mixed:  # patients with images of both classes
        positive = positive ^ (np.arange(600) % 3 == 0)
    found = delong_test(positive, first, second, patient=patient, confidence=0.95)
    resamples = resample_patients(patient.astype(str), Resampling(0.95, 4000, 1))
    images = np.arange(600)
    areas = [replicate_area(positive, scores, images, resamples) for scores in (first, second)]
    drawn = areas[0] - areas[1]
    assert found["difference"] == pytest.approx(drawn[0], abs=1e-12)
    assert found["standard_error"] == pytest.approx(drawn[1:].std(), rel=0.06)
    alone = delong_test(positive, first, second, confidence=0.95)
    assert mixed or found["standard_error"] > 1.3 * alone["standard_error"]


def test_clusters_make_errors_as_seldom_as_promised():
    generator, wrong = np.random.default_rng(0), {"patients": 0, "images": 0}
    for _ in range(1000):
        positive, first, second, patient = clustered(60, generator)
        for name, whose in (("patients", patient), ("images", None)):
            p = delong_test(positive, first, second, patient=whose, confidence=0.95)["p"]
            wrong[name] += p < 0.05
    assert wrong["patients"] / 1000 < 0.075 and wrong["images"] / 1000 > 0.15


def test_curves_of_other_shapes_cross_and_better_ones_do_not():
    generator, fold = np.random.default_rng(0), np.zeros(4000, int)
    positive = np.arange(4000) % 2 == 0
    noise = generator.normal(size=(3, 4000))
    # Pneumonias that spread more: better at few false alarms, worse at many.
    wide = np.where(positive, 1.5 + 2 * noise[0], noise[0])
    usual, better = 1.0 * positive + noise[1], 2.0 * positive + noise[2]
    assert crossing_share(positive, wide, usual, fold=fold) > 0.1
    assert crossing_share(positive, better, usual, fold=fold) < 0.01
    assert np.isnan(crossing_share(positive, usual, usual, fold=fold))
    assert np.isnan(crossing_share(np.ones(4000, bool), usual, better, fold=fold))
