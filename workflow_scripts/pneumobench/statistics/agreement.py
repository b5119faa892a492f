"""How far the maps of the folds' models agree on the same images."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pneumobench.statistics.ranks import count_below


@dataclass(frozen=True)
class Agreement:
    """Mean Spearman correlation of pairs of folds.

    Attributes
    ----------
    mean
        Mean over the images of each image's mean over its pairs, -1 to 1; NaN without a pair.
    images, folds
        Number of images with at least one defined pair, and of folds.
    undefined
        Pairs left out because one of the two maps is constant: empty, or of a single cell.
    """

    mean: float
    images: int
    folds: int
    undefined: int


def fold_agreement(maps: np.ndarray) -> Agreement:
    """Return how far the folds' models agree on where they look.

    Places are compared by rank, since the magnitudes of two networks have no common scale.

    Parameters
    ----------
    maps
        Raw maps, float [folds, images, h, w], of the same images by the model of every fold.
    """
    folds, images, height, width = maps.shape
    ranks = np.stack([count_below(one, one) for one in maps.reshape(-1, height * width)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = norms == 0
    unit = np.divide(centred, norms, out=np.full_like(centred, np.nan), where=~constant)
    unit = unit.reshape(folds, images, -1)
    pairs = list(combinations(range(folds), 2))
    values = np.array([(unit[a] * unit[b]).sum(axis=1) for a, b in pairs]).reshape(-1, images)
    defined = ~np.isnan(values)
    counted = defined.any(axis=0)
    means = np.nansum(values[:, counted], axis=0) / defined[:, counted].sum(axis=0)
    return Agreement(
        mean=float(means.mean()) if counted.any() else float("nan"),
        images=int(counted.sum()),
        folds=folds,
        undefined=int((~defined).sum()),
    )
