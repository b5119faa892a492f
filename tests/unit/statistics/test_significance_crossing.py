"""Crossing ROC curves, where the permutation test misleads, and DeLong's test by patient."""

import logging

import numpy as np
import pytest
from scipy import stats

from pneumobench.core.estimates import Resampling
from pneumobench.core.run import Run
from pneumobench.statistics.pair_tests import _cross, delong_p, shares_of
from pneumobench.statistics.permutation import permute_shares
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.samples import draw_sample
from pneumobench.statistics.scores import Compared

logger = logging.getLogger(__name__)
FIRST, SECOND = Run("alexnet", "light", 1), Run("vgg16", "light", 1)
# Standard deviations of the scores of the sick, where those of the healthy have 1.
EQUAL, CROSSING = (1.0, 1.0), (0.4, 2.5)


def models(generator, patients, spreads, *, sick=0.6, images=1):
    """What two models with the same true AUC say of patients."""
    patient = np.repeat(np.arange(patients), images)
    positive = (generator.random(patients) < sick)[patient]
    shared = generator.normal(size=len(patient))
    logits = []
    for spread in spreads:
        noise = np.sqrt(0.5) * (shared + generator.normal(size=len(patient)))
        if images > 1:
            noise = np.sqrt(0.5) * (noise + generator.normal(size=patients)[patient])
        centre = stats.norm.ppf(0.85) * np.sqrt(1 + spread**2)
        logits.append(np.where(positive, centre + spread * noise, noise))
    names = np.arange(len(patient)).astype(str)
    subtype = np.where(positive, "viral", "normal")
    sample = draw_sample(
        Labels(None, names, positive, subtype, patient.astype(str)), Resampling(0.95, 1, 0)
    )
    return Compared(
        **vars(sample), logit=dict(zip((FIRST, SECOND), logits, strict=True)), decision={}
    )


def crosses(part):
    return _cross(part, FIRST, SECOND, 0.95)


def test_crossing_curves_are_marked_and_those_of_equal_models_are_not():
    generator = np.random.default_rng(0)
    assert sum(crosses(models(generator, 300, CROSSING)) for _ in range(20)) >= 17
    assert sum(crosses(models(generator, 300, EQUAL)) for _ in range(20)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spreads", "sick"), [(EQUAL, 0.6), (CROSSING, 0.2), (CROSSING, 0.6), (CROSSING, 0.9)]
)
def test_permutation_errs_too_often_where_curves_are_marked(spreads, sick):
    generator, p, marked = np.random.default_rng(1), [], []
    for trial in range(2000):
        part = models(generator, 300, spreads, sick=sick)
        shares = shares_of(part, FIRST, SECOND)[np.newaxis]
        p.append(permute_shares(shares, permutations=500, seed=trial)["p"][0])
        marked.append(crosses(part))
    size, found = np.mean(np.array(p) < 0.05), np.mean(marked)
    logger.info("%s at %.1f: size %.1f %%, marked %.1f %%", spreads, sick, 100 * size, 100 * found)
    assert found <= 0.02 if spreads == EQUAL else found > 0.5
    assert 0.03 <= size <= 0.07 or spreads == CROSSING


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, 4])
def test_delong_by_patient_errs_as_often_as_it_says(images):
    generator, p = np.random.default_rng(2), []
    for _ in range(1500):
        part = models(generator, 150, EQUAL, images=images)
        tests = [{"clustered": True}, {"clustered": False}]
        p.append([delong_p(part, FIRST, SECOND, 0.95, **test) for test in tests])
    clustered, plain = (np.array(p) < 0.05).mean(axis=0)
    logger.info("%d images: by patient %.3f, plain %.3f", images, clustered, plain)
    assert 0.03 <= clustered <= 0.07
    assert plain > 0.12 if images > 1 else 0.03 <= plain <= 0.07
