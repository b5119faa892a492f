"""Ensembles: several members' logits become one score an image.

A member is one run. On development images its logit is the out-of-fold one, on other images there
is one logit of each fold's model: an ensemble is applied to the models of one fold at a time, and
the folds' scores are averaged. Each fold has an ensemble of its own, fitted to the other folds, so
that what is judged out of fold is what is applied to other images. Scores speak for pneumonia the
more the higher they are; what kind of number they are depends on the kind of ensemble:

| kind                 | score                                                   | looks at labels |
|----------------------|---------------------------------------------------------|-----------------|
| `mean_logit`         | mean logit                                              | no              |
| `rank_mean`          | mean share, in [0, 1], of images that are ranked lower  | no              |
| `greedy_selection`   | weighted mean logit                                     | yes             |
| `non_negative_stack` | intercept + weighted probabilities; may leave [0, 1]    | yes             |
| `logistic_stack`     | intercept + weighted logits: a logit                    | yes             |

In a mean of logits the members with the larger logits have the larger say; ranks and fitted weights
make up for that. Shares are no probabilities, and neither is the mean of badly calibrated logits:
thresholds and calibration are fitted anew on the ensemble's scores.

Equal and useless members: the kinds that look at labels take no notice of members that are constant
inside every fold and of repetitions of an earlier member; their weight is 0. The others weigh all
members equally, a repeated one as often as it is listed. An ensemble of one member ranks images as
that member does, as long as it is better than chance.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.statistics.metrics import count_below, sigmoid

# Weights of the greedy selection are multiples of 1 / ROUNDS.
ROUNDS = 50

# Of the logistic stack, scikit-learn's C: the sum of log losses weighs so many times the penalty,
# half the squared length of the weights of standardised logits.
INVERSE_PENALTY = 1.0


def fit(
    kind: str, positive: np.ndarray, logits: np.ndarray, fold: np.ndarray, *, where: str
) -> dict[str, Any]:
    """Fit an ensemble to the out-of-fold predictions of its members.

    Its score on the very images it was fitted to flatters it; see `cross_fitted`.

    Parameters
    ----------
    kind
        One of `KINDS`.
    positive
        [images] bool.
    logits
        [members, images] float, finite; at least one member.
    fold
        [images] int, whose fold's models the logits are of.
    where
        Whose predictions these are, for messages.

    Returns
    -------
    dict
        `kind`, `weights` (a float for each member), `intercept` and `weight_sum`, for JSON.

    Raises
    ------
    UserError
        If the kind is unknown, a logit is not finite, or for kinds that look at labels: if a fold
        has images of one class only, or no member's logits differ inside any fold.
    """
    _check(kind, logits, where)
    if kind in _LEARNED:
        weights, intercept = _learn(kind, positive, logits, fold, where)
    else:
        weights, intercept = np.full(len(logits), 1 / len(logits)), 0.0
    return {
        "kind": kind,
        "weights": weights.tolist(),
        "intercept": float(intercept),
        "weight_sum": float(weights.sum()),
    }


def apply(fitted: dict[str, Any], logits: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the score of every image from the logits of one fold's models.

    Parameters
    ----------
    fitted
        From `fit`.
    logits
        [members, images] float, by the members' models of one fold. NaN where one of them is.
    reference
        [members, images of the fold] float, finite: the same models' out-of-fold logits, against
        which `rank_mean` ranks; the other kinds do not read it.

    Returns
    -------
    numpy.ndarray
        [images] float64. An image's score does not depend on the other images in `logits`.
    """
    if fitted["kind"] == "rank_mean":
        values = rank_against(reference, logits)
    elif fitted["kind"] == "non_negative_stack":
        values = sigmoid(logits)
    else:
        values = logits
    # A sum over rows, not a matrix product: that may round equal images to unequal scores.
    weights = np.array(fitted["weights"])
    return fitted["intercept"] + (weights[:, np.newaxis] * values).sum(axis=0)


def cross_fitted(
    kind: str, positive: np.ndarray, logits: np.ndarray, fold: np.ndarray, *, where: str
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Fit each fold's ensemble to the other folds; score its images by that.

    A fold's labels have no say in how its images are scored, so that a stack cannot profit from
    having fitted their noise. What remains optimistic:

    * The best of several stacks (kinds, sets of members, settings) is chosen by these very scores.
      Each is a true value plus chance, and the greatest is likely one that chance favoured: the
      more so, the more are compared and the less their true values differ.
    * The members themselves were designed and tuned with a view on the same images.
    * The other folds' logits come from models that were trained on this fold's images. Only a
      cross-validation inside each training side, so many times the cost, would undo that.

    Parameters
    ----------
    kind, positive, logits, fold, where
        As for `fit`; at least two folds.

    Returns
    -------
    tuple
        What `fit` returns for each fold, in ascending order, and the scores, [images] float64.
        Folds have different ensembles: compare images within a fold first.

    Raises
    ------
    UserError
        As for `fit`.
    """
    ensembles, score = [], np.empty(logits.shape[1])
    for number in np.unique(fold):
        own = fold == number
        fitted = fit(kind, positive[~own], logits[:, ~own], fold[~own], where=where)
        score[own] = apply(fitted, logits[:, own], logits[:, own])
        ensembles.append(fitted)
    return ensembles, score


def rank_against(reference: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return each score's rank among the member's reference scores, as a share of them.

    The share of reference scores below plus half the share of equal ones; of a reference score
    itself that is (midrank - 1/2) / n. Scores beyond all reference scores are tied at 0 or 1.
    Shares of two models compare as far as their reference images have the same mixture of classes,
    as stratified folds have.

    Parameters
    ----------
    reference
        [members, reference images] float, finite.
    scores
        [members, images] float; NaN has the share NaN.

    Returns
    -------
    numpy.ndarray
        [members, images] float64 in [0, 1].
    """
    shares = _count_below_members(scores, reference) / reference.shape[1]
    return np.where(np.isnan(scores), np.nan, shares)


def greedy_selection(
    positive: np.ndarray, logits: np.ndarray, fold: np.ndarray, rounds: int = ROUNDS
) -> tuple[np.ndarray, float]:
    """Select members one by one, with replacement, each the best addition to those before.

    The best mean logit is that with the greatest mean over the folds of the area under the ROC
    curve inside each fold. Of equal ones (to 12 digits) that with the member that is better alone
    is taken, and of those the first: once no image is misplaced, every addition is equally good.

    Source: Caruana R et al. Ensemble selection from libraries of models. ICML 2004, here
    from an empty ensemble and with a fixed number of rounds. doi:10.1145/1015330.1015432

    Parameters
    ----------
    positive, logits, fold
        As for `fit`, which checks them.
    rounds
        How many selections, at least 1.

    Returns
    -------
    tuple
        [members] float64, the share of the rounds that took each member, and the intercept 0.
    """
    taken = np.zeros(len(logits), int)
    total = np.zeros(logits.shape[1])
    alone = _fold_mean_areas(positive, logits, fold)
    for _ in range(rounds):
        areas = _fold_mean_areas(positive, total + logits, fold)
        best = max(range(len(logits)), key=lambda member: (areas[member], alone[member]))
        taken[best] += 1
        total += logits[best]
    return taken / rounds, 0.0


def non_negative_stack(
    positive: np.ndarray, logits: np.ndarray, _fold: np.ndarray
) -> tuple[np.ndarray, float]:
    """Weight the members' probabilities so that the Brier score is least, without negative weights.

    The intercept is free. The weights need not sum to 1; all are 0 where no member's
    probability rises with the share of pneumonias. Logits above 36 are tied at a probability of 1.

    Source: Breiman L. Stacked regressions. Machine Learning 1996;24:49-64, without his intercept of
    0. doi:10.1007/BF00117832

    Parameters
    ----------
    positive, logits
        As for `fit`, which checks them.

    Returns
    -------
    tuple
        [members] float64, not negative, and the intercept.
    """
    # Plot jobs read this module's neighbours and shall start without SciPy.
    from scipy.optimize import nnls

    probability = sigmoid(logits)
    mean = probability.mean(axis=1)
    # Centred on both sides the best intercept is 0; what was taken away gives it.
    weights, _ = nnls((probability - mean[:, np.newaxis]).T, positive - positive.mean())
    return weights, positive.mean() - weights @ mean


def logistic_stack(
    positive: np.ndarray, logits: np.ndarray, _fold: np.ndarray
) -> tuple[np.ndarray, float]:
    """Weight the members' logits by logistic regression with a quadratic penalty.

    The logits are standardised before, so that the penalty (`INVERSE_PENALTY`) treats members of
    all scales equally; the intercept is not penalised. Weights may be negative. The penalty keeps
    them finite where the members separate the classes.

    Source: Wolpert DH. Stacked generalization. Neural Networks 1992;5:241-259.
    doi:10.1016/S0893-6080(05)80023-1

    Parameters
    ----------
    positive, logits
        As for `fit`, which checks them.

    Returns
    -------
    tuple
        [members] float64 for the logits as they are, and the intercept.
    """
    # As SciPy above.
    from sklearn.linear_model import LogisticRegression

    center = logits.mean(axis=1, dtype=float)
    spread = logits.std(axis=1, dtype=float)
    standardised = (logits.T - center) / spread
    regression = LogisticRegression(
        C=INVERSE_PENALTY, solver="newton-cholesky", tol=1e-10, max_iter=1000
    )
    regression.fit(standardised, positive)
    weights = regression.coef_[0] / spread
    return weights, regression.intercept_[0] - weights @ center


_LEARNED = {
    "greedy_selection": greedy_selection,
    "non_negative_stack": non_negative_stack,
    "logistic_stack": logistic_stack,
}
KINDS = ("mean_logit", "rank_mean", *_LEARNED)


def _check(kind: str, logits: np.ndarray, where: str) -> None:
    if kind not in KINDS:
        raise UserError(
            f"the kind of ensemble {kind!r} is unknown",
            where=where,
            expected=" or ".join(KINDS),
            remedy=f"correct the name in the config {did_you_mean(kind, KINDS)}".strip(),
        )
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(broken):
        raise UserError(
            f"members of an ensemble have logits that are not finite: {_listed(broken + 1)}",
            where=where,
            expected="finite out-of-fold logits of every member",
            remedy="leave these members (numbered from 1) out, or train them again",
        )


def _learn(
    kind: str, positive: np.ndarray, logits: np.ndarray, fold: np.ndarray, where: str
) -> tuple[np.ndarray, float]:
    """Check the labels, fit the members that say something, give the others the weight 0."""
    folds = np.unique(fold)
    single = [number for number in folds if len(np.unique(positive[fold == number])) < 2]
    if single:
        raise UserError(
            f"an ensemble cannot be fitted to images of one class: fold {_listed(single)}",
            where=where,
            expected="normal and pneumonia images in every fold",
            remedy="lower split.folds or use more data",
        )
    varies = np.any([np.ptp(logits[:, fold == number], axis=1) > 0 for number in folds], axis=0)
    first = np.unique(logits, axis=0, return_index=True)[1]
    useful = np.sort(first[varies[first]])
    if not len(useful):
        raise UserError(
            "an ensemble cannot be fitted: every member gives all images of a fold the same logit",
            where=where,
            expected="a member whose out-of-fold logits differ between images",
            remedy="see in history.csv of its members why they did not learn, or remove the kinds "
            "that use labels from ensembles in the config",
        )
    weights = np.zeros(len(logits))
    weights[useful], intercept = _LEARNED[kind](positive, logits[useful], fold)
    return weights, intercept


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _fold_mean_areas(positive: np.ndarray, scores: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the mean over the folds of the area under the ROC curve, [candidates], 12 digits."""
    areas = []
    for number in np.unique(fold):
        negatives = scores[:, (fold == number) & ~positive]
        positives = scores[:, (fold == number) & positive]
        # Half numbers until the division are exact, so that equal rankings have equal areas.
        won = _count_below_members(positives, negatives).sum(axis=1)
        areas.append(won / (negatives.shape[1] * positives.shape[1]))
    return np.mean(areas, axis=0).round(12)


def _count_below_members(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return `count_below` of each member's scores, [members, images]."""
    pairs = zip(scores, reference, strict=True)
    return np.stack([count_below(own, others) for own, others in pairs])
