"""How often the intervals of the tables hold the truth, where the truth is known.

The coverages seen are logged: pytest -m slow tests/unit/statistics/test_estimates_coverage.py
--log-cli-level=INFO
"""

import logging
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.judgement import estimate_mean, estimate_whole
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.replicates import Replicated, Scores, replicate_scores
from pneumobench.statistics.samples import Sample

logger = logging.getLogger(__name__)

METRICS = (
    ("roc_auc", "none"), ("average_precision", "none"), ("brier", "none"),
    ("sensitivity", "0.5"), ("specificity", "0.5"), ("accuracy", "0.5"),
)  # fmt: skip

# Of patients: the share with pneumonia, and how many have 1, 2, 3 or 6 images. With 428 patients
# there are about 650 images, three in five with pneumonia, as in the official test set.
SICK = 0.6
SIZES = np.array([1, 2, 3, 6])
SIZE_SHARES = {False: [0.8, 0.15, 0.04, 0.01], True: [0.6, 0.25, 0.1, 0.05]}
# Of scores, in standard deviations: how far the classes lie apart, how much the images of one
# patient have in common (as a correlation), and where a score is called pneumonia.
DISTANCE, SHARED, CUT = 2.0, 0.3, 1.0


@dataclass(frozen=True)
class Drawn:
    """Images of some patients, with their scores."""

    labels: Labels
    logit: np.ndarray

    @classmethod
    def draw(cls, generator: np.random.Generator, patients: int) -> "Drawn":
        sick = generator.random(patients) < SICK
        sizes = [generator.choice(SIZES, patients, p=SIZE_SHARES[value]) for value in (False, True)]
        patient = np.repeat(np.arange(patients), np.where(sick, sizes[1], sizes[0]))
        positive = sick[patient]
        score = np.sqrt(SHARED) * generator.normal(size=patients)[patient]
        score += np.sqrt(1 - SHARED) * generator.normal(size=len(patient)) + DISTANCE * positive
        names = np.arange(len(patient)).astype(str)
        subtype = np.where(positive, "viral", "normal")
        labels = Labels(None, names, positive, subtype, patient)
        # Cut at a logit of 0.
        return cls(labels, (score - CUT).astype(np.float32))

    def replicate(self, resamples: Resamples, images: np.ndarray) -> Replicated:
        logit = self.logit[images]
        sample = Sample(self.labels, np.zeros(len(self.logit), int), resamples)
        return replicate_scores(Scores(images, logit, {"0.5": logit > 0}, None), sample)


def truth() -> dict[str, float]:
    """The values in the population, by integrals over the two normal distributions."""
    mean = {value: np.dot(SIZES, shares) for value, shares in SIZE_SHARES.items()}
    prevalence = SICK * mean[True] / (SICK * mean[True] + (1 - SICK) * mean[False])
    shares = {False: 1 - prevalence, True: prevalence}
    centres = {False: 0.0, True: DISTANCE}

    def above(score):
        called = {value: shares[value] * norm.sf(score - centres[value]) for value in shares}
        return called[True] / (called[True] + called[False])

    def squared_error(score, positive):
        return (1 / (1 + np.exp(CUT - score)) - positive) ** 2

    def mean_over(positive, function):
        def integrand(score):
            return norm.pdf(score - centres[positive]) * function(score)

        return quad(integrand, centres[positive] - 9, centres[positive] + 9)[0]

    sensitivity, specificity = norm.sf(CUT - DISTANCE), norm.cdf(CUT)
    return {
        "roc_auc": norm.cdf(DISTANCE / np.sqrt(2)),
        "average_precision": mean_over(True, above),
        "brier": sum(
            shares[value] * mean_over(value, lambda score, value=value: squared_error(score, value))
            for value in shares
        ),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "accuracy": prevalence * sensitivity + (1 - prevalence) * specificity,
    }


def test_truth_is_that_of_a_large_sample():
    sample = Drawn.draw(np.random.default_rng(0), 200_000)
    images = np.arange(len(sample.logit))
    once = Resamples(np.ones((1, 200_000), np.uint16), sample.labels.patient)
    found = sample.replicate(once, images).metrics
    for metric, value in truth().items():
        threshold = dict(METRICS)[metric]
        assert found[threshold, metric][0] == pytest.approx(value, abs=0.003)


def coverage(trials, records_of):
    """The share of trials in which the 95 % interval of each metric holds the truth."""
    true, generator = truth(), np.random.default_rng(0)
    held = dict.fromkeys(true, 0)
    for trial in range(trials):
        for record in records_of(generator, trial):
            metric = record["metric"]
            if (metric, record["threshold"]) in METRICS:
                held[metric] += record["low"] <= true[metric] <= record["high"]
    shares = {metric: count / trials for metric, count in held.items()}
    logger.info("%s", ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()))
    return shares


ORIGIN = {"dataset": "test", "counts": {}}


def whole(patients, replicates, as_if_independent=False):
    """Records of all images together, as on the test set."""

    def records_of(generator, trial):
        sample = Drawn.draw(generator, patients)
        images = np.arange(len(sample.logit))
        whose = images if as_if_independent else sample.labels.patient
        resamples = resample_patients(whose, Resampling(0.95, replicates, trial))
        return estimate_whole(sample.replicate(resamples, images), "whole", ORIGIN, 0.95)

    return records_of


def mean_of_folds(patients, folds, replicates):
    """Records of means over folds of patients, as out of fold."""

    def records_of(generator, trial):
        sample = Drawn.draw(generator, patients)
        fold = sample.labels.patient % folds
        resamples = resample_patients(
            sample.labels.patient, Resampling(0.95, replicates, trial), strata=fold
        )
        parts = [
            sample.replicate(resamples, np.flatnonzero(fold == number)) for number in range(folds)
        ]
        return estimate_mean(parts, ORIGIN, 0.95)

    return records_of


@pytest.mark.slow
def test_intervals_of_the_test_set_hold_the_truth_as_often_as_they_say():
    shares = coverage(2500, whole(428, replicates=800))
    assert all(0.93 <= share <= 0.97 for share in shares.values()), shares


@pytest.mark.slow
def test_intervals_of_means_over_folds_hold_the_truth_as_often_as_they_say():
    shares = coverage(2000, mean_of_folds(1000, folds=5, replicates=500))
    assert all(0.93 <= share <= 0.97 for share in shares.values()), shares


@pytest.mark.slow
def test_few_patients_give_intervals_that_are_a_little_too_narrow():
    shares = coverage(2000, whole(106, replicates=500))
    assert all(0.88 <= share <= 0.97 for share in shares.values()), shares


@pytest.mark.slow
def test_images_taken_as_independent_give_intervals_that_are_too_narrow():
    shares = coverage(1000, whole(428, replicates=500, as_if_independent=True))
    assert max(shares[name] for name in ("roc_auc", "sensitivity", "brier")) < 0.93, shares
