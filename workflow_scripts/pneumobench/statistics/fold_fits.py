"""Thresholds and calibrations of the folds' models, fitted on their out-of-fold logits.

Test images get the calibration of each fold's model, fitted on all images that are out of its fold.
It cannot be judged on these images: they shaped it. For what is said of them, another one is fitted
to the images of all other folds. These are logits of the other folds' models, so that a difference
in scale between the models counts as an error of the calibration; the figures are, if anything,
too bad. Thresholds are therefore cross-fitted inside each fold.
"""

import hashlib
from typing import Any

import numpy as np

from pneumobench.statistics.calibration import calibrate, fit_calibration
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.thresholds import RULES, fit_threshold

PARTS = 5
"""Into so many parts the patients of a fold are dealt, or fewer where a class has fewer."""


def fit_thresholds(
    positive: np.ndarray, logit: np.ndarray, fold: np.ndarray, *, cost_ratio: float, title: str
) -> dict[str, list[float]]:
    """Return the threshold of each fold's model (a logit) by every rule.

    Parameters
    ----------
    positive, logit, fold
        [images] bool, float and int: the label, what the model says that had not seen the image,
        and which one that is.
    cost_ratio
        How many times a false positive a false negative costs, for the rule `cost`.
    title
        Whose logits these are, for messages.

    Raises
    ------
    UserError
        If a fold has images of one class only.
    """
    return {
        rule: [
            fit_threshold(
                positive[fold == number], logit[fold == number], rule,
                where=f"fold {number} of {title}", cost_ratio=cost_ratio,
            )
            for number in np.unique(fold)
        ]
        for rule in RULES
    }  # fmt: skip


def cross_fit_thresholds(
    labels: Labels, logit: np.ndarray, fold: np.ndarray, *, rule: str, cost_ratio: float, title: str
) -> np.ndarray:
    """Return a threshold for each development image that its own label had no say in.

    Inside each fold, patients are dealt into parts, and the images of a part are cut at the
    threshold that the rule finds on the others. That is what the fold's threshold does on new
    images; unlike thresholds from other folds, it does not mix the scales of their models.

    Parameters
    ----------
    labels
        Those of the images.
    logit, fold
        [images] float and int, as in `fit_thresholds`.
    rule, cost_ratio
        As `thresholds.fit_threshold` takes them.
    title
        Whose logits these are, for messages.

    Returns
    -------
    numpy.ndarray
        [images] float64, logits.

    Raises
    ------
    UserError
        If a fold has images of one class only. With a single patient of a class, its fold cannot be
        divided, and images are cut at the threshold of the other folds.
    """
    threshold = np.empty(len(logit))
    part = _deal(labels, fold)
    for number in np.unique(fold):
        own = fold == number
        for dealt in np.unique(part[own]):
            others = own & (part != dealt) if dealt >= 0 else ~own
            threshold[own & (part == dealt)] = fit_threshold(
                labels.positive[others], logit[others], rule,
                where=f"fold {number} of {title}", cost_ratio=cost_ratio,
            )  # fmt: skip
    return threshold


def _deal(labels: Labels, fold: np.ndarray) -> np.ndarray:
    """Return the part of its fold that each image is in, [images] int; -1 where there are none.

    Patients of either class are dealt in turn, in the order of hashes of their names: the same for
    all models, whatever else is among the images.
    """
    part = np.full(len(fold), -1)
    for number in np.unique(fold):
        own = np.flatnonzero(fold == number)
        ill = np.unique(labels.patient[own[labels.positive[own]]])
        classes = [ill, np.setdiff1d(labels.patient[own], ill)]
        parts = min(PARTS, *map(len, classes))
        if parts < 2:
            continue
        place = {
            name: position % parts
            for names in classes
            for position, name in enumerate(sorted(names, key=_scattered))
        }
        part[own] = [place[name] for name in labels.patient[own]]
    return part


def _scattered(name: str) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()


def fit_calibrations(
    positive: np.ndarray, logit: np.ndarray, fold: np.ndarray, *, method: str, title: str
) -> dict[str, Any]:
    """Return the calibrations of the folds' models, as `calibration.fit_calibration` returns them.

    Parameters
    ----------
    positive, logit, fold
        As in `fit_thresholds`.
    method
        One of `calibration.METHODS`.
    title
        Whose logits these are, for messages.

    Returns
    -------
    dict
        `method`; `folds`, fold k's fitted to the images of fold k, for new images; `cross_fitted`,
        fold k's fitted to the images of all other folds, for those of fold k.

    Raises
    ------
    UserError
        If the method is unknown or images of one class are left somewhere.
    """

    def fit(chosen: np.ndarray, where: str) -> dict[str, Any]:
        return fit_calibration(positive[chosen], logit[chosen], method, where=f"{where} of {title}")

    numbers = np.unique(fold)
    return {
        "method": method,
        "folds": [fit(fold == number, f"fold {number}") for number in numbers],
        "cross_fitted": [fit(fold != number, f"all folds but {number}") for number in numbers],
    }


def calibrate_out_of_fold(
    logit: np.ndarray, fold: np.ndarray, fitted: dict[str, Any]
) -> np.ndarray:
    """Return the cross-fitted probabilities of development images, [images] float64 in [0, 1].

    Parameters
    ----------
    logit, fold
        [images] float and int, as in `fit_thresholds`.
    fitted
        From `fit_calibrations`.
    """
    probability = np.empty(len(logit))
    for number, cross_fitted in enumerate(fitted["cross_fitted"]):
        own = fold == number
        probability[own] = calibrate(logit[own], cross_fitted)
    return probability


def calibrate_folds(logits: np.ndarray, fitted: dict[str, Any]) -> np.ndarray:
    """Return the calibrated probabilities of new images by each fold's model.

    Parameters
    ----------
    logits
        [folds, ...] float.
    fitted
        From `fit_calibrations`.

    Returns
    -------
    numpy.ndarray
        [folds, ...] float64 in [0, 1].
    """
    return np.stack([calibrate(row, own) for row, own in zip(logits, fitted["folds"], strict=True)])


def calibrate_mean(logits: np.ndarray, fitted: dict[str, Any]) -> np.ndarray:
    """Return the mean over the folds' models of their calibrated probabilities of new images.

    Probabilities are averaged, not logits: an isotonic calibration's 0 and 1 have none. A mean of
    calibrated probabilities is a little too cautious (Ranjan R, Gneiting T. Combining probability
    forecasts. J R Stat Soc B 2010;72:71-91).

    Parameters
    ----------
    logits
        [folds, images] float.
    fitted
        From `fit_calibrations`.

    Returns
    -------
    numpy.ndarray
        [images] float64 in [0, 1].
    """
    return calibrate_folds(logits, fitted).mean(axis=0)
