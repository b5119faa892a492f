"""The simplest models, which a network must beat: linear in a few features of each image.

Their strengths are written here and tuned on nothing. They are fitted fold by fold like networks,
so that thresholds and intervals are found for them in the same way.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pneumobench.core.both_classes import check_both_classes


def _logistic(strength: float) -> Pipeline:
    """Return logistic regression of features with mean 0 and standard deviation 1.

    A feature that never varies where the model is fitted has no say.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


MODELS: dict[str, ClassifierMixin] = {
    "metadata": _logistic(1.0),
    # Hundreds of features that are alike: shrunk a thousand times as much.
    "border": _logistic(0.001),
    # Thumbnails come with mean 0 and standard deviation 1, each by itself.
    "thumbnail": RidgeClassifier(alpha=100.0),
}
"""The unfitted models by the kind of features."""


def fit_baseline(features: np.ndarray, positive: np.ndarray, kind: str) -> ClassifierMixin:
    """Fit the baseline of one kind of features.

    Parameters
    ----------
    features
        [images, features] float, finite.
    positive
        [images] bool.
    kind
        A name of `core.baselines.BASELINES`.

    Returns
    -------
    sklearn.base.ClassifierMixin
        What `score_baseline` takes.

    Raises
    ------
    UserError
        If one of the classes has no image.
    """
    check_both_classes(positive, f"the baseline {kind!r}", where="training side of a fold")
    return clone(MODELS[kind]).fit(np.asarray(features, np.float64), positive)


def score_baseline(model: ClassifierMixin, features: np.ndarray) -> np.ndarray:
    """Return scores, [images] float32; higher speaks for pneumonia and 0 is the model's own cut.

    Those of logistic regression are logits. Those of ridge regression on the labels -1 and 1 are
    its predicted labels: they rank and can be cut, but become probabilities only by calibration.

    Parameters
    ----------
    model
        From `fit_baseline`.
    features
        [images, features] float, finite.
    """
    return model.decision_function(np.asarray(features, np.float64)).astype(np.float32)


def out_of_fold_scores(
    features: np.ndarray, positive: np.ndarray, fold: np.ndarray, kind: str
) -> np.ndarray:
    """Score each development image by the model that was fitted on the other folds.

    Parameters
    ----------
    features, positive, kind
        Of the development images, as `fit_baseline` takes them.
    fold
        [images] int.

    Returns
    -------
    numpy.ndarray
        [images] float32.

    Raises
    ------
    UserError
        If the other folds of one fold hold one class only.
    """
    scores = np.empty(len(fold), np.float32)
    for number, model in _fold_models(features, positive, fold, kind):
        own = fold == number
        scores[own] = score_baseline(model, features[own])
    return scores


def test_scores(
    features: np.ndarray,
    positive: np.ndarray,
    fold: np.ndarray,
    test_features: np.ndarray,
    kind: str,
) -> np.ndarray:
    """Score test images by the models of `out_of_fold_scores`, one row for each fold's model.

    Parameters
    ----------
    features, positive, fold, kind
        Of the development images, as `out_of_fold_scores` takes them.
    test_features
        [test images, features] float, finite.

    Returns
    -------
    numpy.ndarray
        [folds, test images] float32, folds in ascending order.

    Raises
    ------
    UserError
        If the other folds of one fold hold one class only.
    """
    models = _fold_models(features, positive, fold, kind)
    return np.stack([score_baseline(model, test_features) for _, model in models])


def _fold_models(
    features: np.ndarray, positive: np.ndarray, fold: np.ndarray, kind: str
) -> Iterator[tuple[int, ClassifierMixin]]:
    """Yield each fold and the model fitted on all others."""
    for number in np.unique(fold):
        others = fold != number
        yield number, fit_baseline(features[others], positive[others], kind)
