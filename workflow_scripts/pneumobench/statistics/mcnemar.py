"""Do two models decide equally often right? McNemar's exact test.

Source: McNemar Q. Note on the sampling error of the difference between correlated proportions or
percentages. Psychometrika 1947;12:153-157.
"""

import numpy as np
from scipy.special import bdtr


def mcnemar_exact(first_right: np.ndarray, second_right: np.ndarray) -> dict[str, float | int]:
    """Return McNemar's exact test of two models' decisions on the same images.

    The images on which exactly one model is right are, under the null, split between the models
    like throws of a coin; p is the two-sided binomial probability. Images are taken as independent,
    which several radiographs of one patient are not.

    Parameters
    ----------
    first_right, second_right
        [images] bool, whether the model's decision is right. All images compare accuracies, those
        of one class sensitivities or specificities.

    Returns
    -------
    dict
        `only_first` and `only_second`, the images that only one of them gets right, and `p` in
        (0, 1]; 1 if there are none.
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    # A fair coin is symmetric: both tails weigh the same, and those of an even split overlap.
    tail = bdtr(min(only_first, only_second), only_first + only_second, 0.5)
    return {"only_first": only_first, "only_second": only_second, "p": min(1.0, float(2 * tail))}
