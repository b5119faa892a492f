"""Do two ways of training differ over the folds? The corrected resampled t-test."""

import numpy as np
from scipy.special import stdtr, stdtrit


def nadeau_bengio(
    differences: np.ndarray, train: float, test: float, *, confidence: float
) -> dict[str, float | int]:
    """Return the t-test of the folds' mean difference, corrected for shared training images.

    Any two folds are trained on mostly the same images, so their results are correlated and the
    variance of their mean is more than variance / folds: it is taken as variance x (1 / folds +
    test / train). With few folds this is a coarse test: it speaks of other training sets, where
    the permutation of patients speaks of the trained models.

    Source: Nadeau C, Bengio Y. Inference for the generalization error. Machine Learning
    2003;52:239-281. doi:10.1023/A:1024068626366.

    Parameters
    ----------
    differences
        [folds] float, first - second in every fold.
    train, test
        Number of images (the mean over the folds) that a fold is trained on and judged on.
    confidence
        Level of the interval in (0, 1).

    Returns
    -------
    dict
        `difference` (the mean), its `standard_error`, `t`, `degrees_of_freedom`, two-sided `p`,
        `low` and `high`. With fewer than two folds all but the mean are NaN; so are `t`, `p`,
        `low` and `high` if all folds differ by the same: nothing can be tested then.
    """
    differences = np.asarray(differences, float)
    folds = len(differences)
    # Less the first: equal differences get a deviation of exactly 0.
    deviation = np.std(differences - differences[0], ddof=1) if folds > 1 else np.nan
    standard_error = float(deviation * np.sqrt(1 / folds + test / train))
    difference = float(differences.mean())
    unit = standard_error if standard_error > 0 else np.nan
    t = difference / unit
    width = float(stdtrit(folds - 1, (1 + confidence) / 2)) * unit
    return {
        "difference": difference,
        "standard_error": standard_error,
        "t": t,
        "degrees_of_freedom": folds - 1,
        "p": float(2 * stdtr(folds - 1, -abs(t))),
        "low": difference - width,
        "high": difference + width,
    }
