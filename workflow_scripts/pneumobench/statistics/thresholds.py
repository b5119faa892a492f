"""Where to cut: decision thresholds on logits, fitted on out-of-fold predictions of one model.

An image is called positive when its logit is greater than the threshold. Thresholds lie half-way
between neighbouring scores, so that neither the last bit of a logit nor the direction of rounding
decides about an image.
"""

from collections.abc import Callable

import numpy as np

from pneumobench.core.both_classes import check_both_classes
from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean


def fit_threshold(
    positive: np.ndarray,
    logit: np.ndarray,
    rule: str,
    *,
    where: str,
    cost_ratio: float | None = None,
) -> float:
    """Return the threshold that a rule finds on one model's logits.

    Parameters
    ----------
    positive
        [images] bool.
    logit
        [images] float, finite.
    rule
        `youden`: greatest sensitivity + specificity (Youden WJ. Cancer 1950;3:32-35); of equal
        ones the most sensitive. `sensitivity_95`: the most specific threshold with a sensitivity
        of at least 0.95. `cost`: least expected cost of the errors, in images like these (their
        share of pneumonia included); of equally cheap ones the most sensitive.
    where
        Whose images these are, for messages.
    cost_ratio
        How many times a false positive a false negative costs, above 0 and finite; the rule `cost`
        needs it, the others take no notice. Calibrated probabilities would be cut at
        1 / (1 + cost_ratio).

    Raises
    ------
    UserError
        If the rule is unknown, lacks its cost ratio or one of the classes has no image.
    """
    if rule not in RULES:
        raise UserError(
            f"the threshold rule {rule!r} is unknown",
            where="evaluation.threshold_rule",
            expected=" or ".join(RULES),
            remedy=f"correct the name in the config {did_you_mean(rule, RULES)}".strip(),
        )
    if rule == "cost" and not (cost_ratio is not None and 0 < cost_ratio < np.inf):
        raise UserError(
            f"the threshold rule cost cannot use the cost ratio {cost_ratio}",
            where="evaluation.cost_ratio",
            expected="how many times a false alarm a missed pneumonia costs, a number above 0",
            remedy="set the number in the config or choose another threshold rule",
        )
    check_both_classes(positive, "a threshold", where=where)
    scores, group = np.unique(np.asarray(logit, float), return_inverse=True)
    # Cut c calls the groups c, c + 1, ... positive: all of them at c = 0, none at the last cut.
    true_positive = _count_from(group, positive, len(scores))
    false_positive = _count_from(group, ~positive, len(scores))
    return float(_cuts(scores)[RULES[rule](true_positive, false_positive, cost_ratio)])


def _cuts(scores: np.ndarray) -> np.ndarray:
    lower, upper = scores[:-1], scores[1:]
    middle = lower + (upper - lower) / 2
    # Between neighbouring doubles there is no middle; the lower one separates them, too.
    middle = np.where(middle < upper, middle, lower)
    # Beyond the last score on either side by one logit: a finite number that cuts nothing off.
    return np.concatenate([[scores[0] - 1], middle, [scores[-1] + 1]])


def _count_from(group: np.ndarray, chosen: np.ndarray, groups: int) -> np.ndarray:
    """Return how many chosen images lie in group c or above, [groups + 1] int."""
    counts = np.bincount(group[chosen], minlength=groups + 1)
    return counts[::-1].cumsum()[::-1]


def _youden(
    true_positive: np.ndarray, false_positive: np.ndarray, _cost_ratio: float | None
) -> int:
    # Times positives x negatives: whole numbers, so that equal means equal.
    index = true_positive * false_positive[0] - false_positive * true_positive[0]
    return int(np.argmax(index))


def _sensitivity_95(
    true_positive: np.ndarray, _false_positive: np.ndarray, _cost_ratio: float | None
) -> int:
    return int(np.flatnonzero(100 * true_positive >= 95 * true_positive[0])[-1])


def _cost(true_positive: np.ndarray, false_positive: np.ndarray, cost_ratio: float) -> int:
    cost = false_positive + cost_ratio * (true_positive[0] - true_positive)
    # A ratio such as 0.3 is no exact double: what differs in the last bits is equal.
    return int(np.flatnonzero(cost <= cost.min() * (1 + 1e-12))[0])


RULES: dict[str, Callable[[np.ndarray, np.ndarray, float | None], int]] = {
    "youden": _youden,
    "sensitivity_95": _sensitivity_95,
    "cost": _cost,
}
