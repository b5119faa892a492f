"""What is known of a difference: shown to be small, shown to be there, or neither.

References
----------
Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.
"""

from statistics import NormalDist

import numpy as np

from pneumobench.statistics.bootstrap import percentile_interval, vary
from pneumobench.statistics.intervals import POWER

# What is shown of two runs: that they differ by less than the margin, and whether they differ at
# all; that they differ; neither.
EQUIVALENT, SMALL = "equivalent within the margin", "different, within the margin"
DIFFERENT, UNDECIDED = "different", "undecided"


def within_margin(differences: np.ndarray, margin: float, confidence: float) -> bool:
    """Tell whether two one-sided tests at 1 - confidence place a difference within the margin.

    They do if its interval of twice that error lies within. Where no replicate differs from the
    others, as of two models without a mistake, the replicates say nothing of other patients: then
    nothing is shown.

    Parameters
    ----------
    differences
        [1 + replicates] float64, row 0 the sample's.
    margin
        Above 0.
    confidence
        In (0.5, 1); at lower levels nothing is shown.
    """
    if confidence <= 0.5 or not vary(differences):
        return False
    low, high, _ = percentile_interval(differences[1:], 2 * confidence - 1)
    return bool(-margin < low and high < margin)


def detectable_difference(differences: np.ndarray, confidence: float) -> float:
    """Return the true difference that a two-sided test at 1 - confidence shows with `POWER`.

    Parameters as for `within_margin`; NaN where the replicates do not differ.
    """
    if not vary(differences):
        return float("nan")
    reach = NormalDist().inv_cdf((1 + confidence) / 2) + NormalDist().inv_cdf(POWER)
    return reach * float(np.nanstd(differences[1:]))


def verdicts(equivalent: np.ndarray, distinguishable: np.ndarray) -> np.ndarray:
    """Return the verdict on each pair, [pairs] text; parameters [pairs] bool."""
    return np.select(
        [equivalent & distinguishable, equivalent, distinguishable],
        [SMALL, EQUIVALENT, DIFFERENT],
        UNDECIDED,
    )
