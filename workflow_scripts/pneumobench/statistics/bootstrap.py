"""Bootstrap over patients: images of one patient are drawn together, as they came together.

Source: Field CA, Welsh AH. Bootstrapping clustered data. J R Stat Soc B 2007;69:369-390.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pneumobench.core.estimates import Resampling

# Elements of one block of float64 work: 8 MB, a few of which live at a time, near the caches.
BLOCK_ELEMENTS = 1_000_000


@dataclass(frozen=True)
class Resamples:
    """How often each patient was drawn in each replicate.

    Attributes
    ----------
    multiplicity
        [1 + replicates, clusters] uint16. Row 0 is the sample itself (all ones), so that an
        estimate and its replicates come from one computation.
    cluster
        [images] int, the column of each image's patient.
    """

    multiplicity: np.ndarray
    cluster: np.ndarray

    def weights(self, images: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of rows and the weights of `images` in them, [rows, images] float64."""
        cluster = self.cluster[images]
        for rows in _blocks(len(self.multiplicity), len(images)):
            yield rows, np.take(self.multiplicity[rows], cluster, axis=1).astype(float)

    def sums(self, values: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Return the sum of `values` [images, columns] in every row, [1 + replicates, columns]."""
        clusters = self.multiplicity.shape[1]
        cluster = self.cluster[images]
        by_cluster = np.stack(
            [np.bincount(cluster, column, clusters) for column in np.asarray(values, float).T],
            axis=1,
        )
        total = np.empty((len(self.multiplicity), by_cluster.shape[1]))
        for rows in _blocks(len(self.multiplicity), clusters):
            total[rows] = self.multiplicity[rows].astype(float) @ by_cluster
        return total

    def means(self, values: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Return the mean of `values` [images, columns] in every row, [1 + replicates, columns].

        NaN in rows without any of the images, as replicates of few patients may be.
        """
        columns = np.column_stack([values, np.ones(len(images))])
        sums = self.sums(columns, images)
        with np.errstate(invalid="ignore"):
            return sums[:, :-1] / sums[:, -1:]

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """Return what each patient adds to a statistic, to first order, [clusters] float64.

        The covariance of the replicates with how often the patient was drawn (Efron B. Estimation
        and accuracy after model selection. J Am Stat Assoc 2014;109:991-1007, equation 3.5). Their
        noise is 1 / sqrt(replicates) of the standard error.

        Parameters
        ----------
        values
            [1 + replicates] float64 of one statistic, NaN = undefined.
        """
        defined = 1 + np.flatnonzero(~np.isnan(values[1:]))
        centred = (values[defined] - values[defined].mean()).astype(np.float32)
        total = np.zeros(self.multiplicity.shape[1])
        for rows in _blocks(len(defined), self.multiplicity.shape[1]):
            # Centred values need no centred numbers of draws.
            total += centred[rows] @ self.multiplicity[defined[rows]].astype(np.float32)
        return total / len(defined)


def resample_patients(
    patients: np.ndarray, resampling: Resampling, strata: np.ndarray | None = None
) -> Resamples:
    """Draw patients with replacement, as many as there are, within each stratum.

    The draw depends on the seed and on the set of patients alone, not on the order of the images:
    two models of the same images get the same replicates, which makes their difference paired.

    Parameters
    ----------
    patients
        [images] text, whose image it is.
    resampling
        The number of replicates and the seed.
    strata
        [images] int, for instance the fold; patients are drawn within it. None = one stratum.
    """
    strata = np.zeros(len(patients), int) if strata is None else strata
    generator = np.random.default_rng(resampling.seed)
    cluster = np.empty(len(patients), np.intp)
    parts, first = [], 0
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        names, codes = np.unique(patients[members], return_inverse=True)
        cluster[members] = first + codes
        parts.append(_draw(generator, len(names), resampling.replicates))
        first += len(names)
    drawn = np.concatenate(parts, axis=1)
    return Resamples(np.concatenate([np.ones_like(drawn[:1]), drawn]), cluster)


def percentile_interval(replicates: np.ndarray, confidence: float) -> tuple[float, float, int]:
    """Return the percentile interval of the defined replicates and how many were undefined.

    Parameters
    ----------
    replicates
        [replicates] float, NaN where the statistic is undefined.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    tuple
        Lower bound, upper bound (NaN if no replicate is defined), number of undefined replicates.
    """
    defined = replicates[~np.isnan(replicates)]
    undefined = len(replicates) - len(defined)
    if len(defined) == 0:
        return np.nan, np.nan, undefined
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high), undefined


def vary(values: np.ndarray) -> bool:
    """Tell whether a statistic, [1 + replicates] float64, differs between its replicates."""
    defined = values[1:][~np.isnan(values[1:])]
    return len(defined) > 0 and float(np.ptp(defined)) > 0


def enough(values: np.ndarray) -> bool:
    """Tell whether a statistic is defined in half of the replicates: fewer bound nothing."""
    return 2 * int(np.isnan(values[1:]).sum()) <= len(values) - 1


def _draw(generator: np.random.Generator, clusters: int, replicates: int) -> np.ndarray:
    counts = np.empty((replicates, clusters), np.uint16)
    for rows in _blocks(replicates, clusters):
        block = counts[rows]
        drawn = generator.integers(0, clusters, size=block.shape)
        drawn += np.arange(len(block))[:, np.newaxis] * clusters
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return counts


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, BLOCK_ELEMENTS // max(1, columns))
    for first in range(0, rows, step):
        yield slice(first, min(rows, first + step))
