import numpy as np
import pytest
from sklearn import metrics as reference

from pneumobench.core.estimates import Resampling
from pneumobench.statistics import bootstrap
from pneumobench.statistics.bootstrap import percentile_interval, resample_patients
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.replicates import Scores, replicate_scores
from pneumobench.statistics.samples import Sample

PATIENTS = np.array(["a", "a", "b", "c", "c", "c", "d", "e", "f", "g"])
POSITIVE = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 0], bool)
LOGIT = np.array([2.0, 0.5, 0.5, -1.0, 3.0, 0.5, -2.0, 1.0, -0.5, -0.5], np.float32)


def replicate(scores, resamples):
    names = np.array([f"i{row}" for row in range(len(PATIENTS))])
    labels = Labels(None, names, POSITIVE, np.where(POSITIVE, "viral", "normal"), PATIENTS)
    return replicate_scores(scores, Sample(labels, np.zeros(len(names), int), resamples))


def test_replicates_equal_a_slow_loop_over_copied_images():
    resamples = resample_patients(PATIENTS, Resampling(0.95, 50, 3))
    images = np.arange(len(PATIENTS))
    scores = Scores(images, LOGIT, {"0.5": LOGIT > 0}, None)
    found = replicate(scores, resamples)
    for row, multiplicity in enumerate(resamples.multiplicity):
        copies = np.repeat(images, multiplicity[resamples.cluster])
        truth, logit = POSITIVE[copies], LOGIT[copies].astype(float)
        both = 0 < truth.sum() < len(truth)
        area = reference.roc_auc_score(truth, logit) if both else np.nan
        recall = reference.recall_score(truth, logit > 0, zero_division=np.nan)
        f1 = reference.f1_score(truth, logit > 0, zero_division=np.nan)
        brier = np.mean((1 / (1 + np.exp(-logit)) - truth) ** 2)
        assert found.metrics["none", "roc_auc"][row] == pytest.approx(area, abs=1e-12, nan_ok=True)
        assert found.metrics["0.5", "recall"][row] == pytest.approx(recall, abs=1e-12, nan_ok=True)
        assert found.metrics["0.5", "f1"][row] == pytest.approx(f1, abs=1e-12, nan_ok=True)
        assert found.metrics["none", "brier"][row] == pytest.approx(brier, abs=1e-12)


def test_the_first_row_is_the_sample():
    resamples = resample_patients(PATIENTS, Resampling(0.95, 5, 0))
    assert resamples.multiplicity.shape == (6, 7)
    assert (resamples.multiplicity[0] == 1).all()


def test_patients_are_drawn_whole_and_as_many_as_there_are():
    resamples = resample_patients(PATIENTS, Resampling(0.95, 300, 0))
    assert (resamples.multiplicity.sum(axis=1) == 7).all()
    assert resamples.multiplicity[1:].mean(axis=0) == pytest.approx(1, abs=0.25)
    (_, weights), *_ = resamples.weights(np.arange(len(PATIENTS)))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert not (weights[:, 2] == weights[:, 3]).all()


def test_strata_keep_their_size():
    strata = np.array([0, 0, 0, 1, 1, 1, 1, 0, 1, 0])
    resamples = resample_patients(PATIENTS, Resampling(0.95, 100, 0), strata=strata)
    columns = [np.unique(resamples.cluster[strata == stratum]) for stratum in (0, 1)]
    assert not set(columns[0]) & set(columns[1])
    for own in columns:
        assert (resamples.multiplicity[:, own].sum(axis=1) == len(own)).all()


def test_the_draw_follows_from_the_seed_and_not_from_the_order_of_images():
    one = resample_patients(PATIENTS, Resampling(0.95, 20, 5))
    again = resample_patients(PATIENTS[::-1], Resampling(0.95, 20, 5))
    other = resample_patients(PATIENTS, Resampling(0.95, 20, 6))
    assert (one.multiplicity == again.multiplicity).all()
    assert (one.cluster == again.cluster[::-1]).all()
    assert (one.multiplicity != other.multiplicity).any()


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    images = np.arange(len(PATIENTS))
    scores = Scores(images, LOGIT, {"0.5": LOGIT > 0}, None)

    def compute():
        resamples = resample_patients(PATIENTS, Resampling(0.95, 40, 2))
        return replicate(scores, resamples).metrics

    whole = compute()
    monkeypatch.setattr(bootstrap, "BLOCK_ELEMENTS", 30)
    blocks = compute()
    for key, values in whole.items():
        np.testing.assert_array_equal(blocks[key], values)


def test_interval_of_known_quantiles_counts_what_is_undefined():
    values = np.append(np.arange(101.0), [np.nan] * 9)
    assert percentile_interval(values, 0.9) == pytest.approx((5, 95, 9))


def test_interval_without_any_defined_replicate_is_undefined():
    low, high, undefined = percentile_interval(np.full(4, np.nan), 0.95)
    assert np.isnan(low) and np.isnan(high) and undefined == 4


def test_images_of_one_patient_widen_the_interval():
    """Ten identical images of a patient say no more than one."""
    generator = np.random.default_rng(0)
    hits = np.repeat(generator.integers(0, 2, 40), 10)
    together = resample_patients(np.repeat(np.arange(40), 10).astype(str), Resampling(0.95, 500, 0))
    apart = resample_patients(np.arange(400).astype(str), Resampling(0.95, 500, 0))
    spread = [
        resamples.sums(hits[:, np.newaxis], np.arange(400))[1:].std()
        for resamples in (together, apart)
    ]
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(10), rel=0.15)


def test_patients_drawn_within_their_label_keep_its_share():
    patients = np.array([f"p{number // 2}" for number in range(40)])
    label = np.arange(40) // 2 % 4 == 0
    drawn = resample_patients(patients, Resampling(0.95, 200, 1), strata=label.astype(int))
    positive = drawn.sums(label[:, None].astype(float), np.arange(40))
    assert (positive == label.sum()).all()
