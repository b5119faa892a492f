"""How far maps of several networks agree."""

import numpy as np
import pandas as pd
import pytest

from pneumobench.statistics.explanations import fold_agreement


def test_agreement_is_the_mean_spearman_correlation_of_pairs():
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(size=(4, 3, 5, 6)), 0).astype(np.float32)  # many ties at 0
    expected = [
        pd.DataFrame(maps[:, image].reshape(4, -1).T)
        .corr("spearman")
        .to_numpy()[np.triu_indices(4, 1)]
        for image in range(3)
    ]
    found = fold_agreement(maps)
    assert found.mean == pytest.approx(np.mean(expected))
    assert (found.images, found.folds, found.undefined) == (3, 4, 0)


def test_agreement_leaves_constant_maps_out():
    same = np.tile(np.arange(6, dtype=np.float32).reshape(2, 3), (3, 2, 1, 1))
    same[0, 0] = 0
    found = fold_agreement(same)
    assert found.mean == pytest.approx(1)
    assert (found.images, found.undefined) == (2, 2)
    assert np.isnan(fold_agreement(same * 0).mean) and fold_agreement(same * 0).images == 0
    assert np.isnan(fold_agreement(same[:1]).mean)
