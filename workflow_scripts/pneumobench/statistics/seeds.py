"""Several trainings of one architecture: what another seed would have changed counts as well."""

import zlib

import numpy as np

# From so many seeds an architecture, not a trained model, is what a figure speaks of.
SEEDS_FOR_ARCHITECTURES = 3


def resample_seeds(areas: np.ndarray, *, name: str, seed: int) -> np.ndarray:
    """Return the mean over seeds in the sample and in replicates that draw seeds as well.

    The two-level bootstrap: each replicate has patients drawn already (those of `areas`); seeds are
    drawn with replacement upon them. With k seeds their share of the variance comes out too small
    by (k - 1) / k, which two or three seeds feel. With one seed nothing is drawn.

    Parameters
    ----------
    areas
        [seeds, 1 + replicates] float64 of one model and recipe, row 0 of the replicates the sample.
    name
        Of model and recipe: different ones draw their seeds independently.
    seed
        Seed of the bootstrap.

    Returns
    -------
    numpy.ndarray
        [1 + replicates] float64.
    """
    seeds, columns = areas.shape
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    drawn = generator.integers(0, seeds, size=(seeds, columns))
    drawn[:, 0] = np.arange(seeds)
    return np.take_along_axis(areas, drawn, axis=0).mean(axis=0)


def speaks_of(seeds: int) -> str:
    """Say what a figure over so many seeds speaks of."""
    if seeds >= SEEDS_FOR_ARCHITECTURES:
        return "the architecture"
    return "this trained model" if seeds == 1 else "these trained models"
