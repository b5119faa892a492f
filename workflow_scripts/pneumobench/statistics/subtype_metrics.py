"""Metrics of a classifier of several classes, over many weightings at once.

Confusion tables come in numbers, so that all bootstrap replicates are computed in a few array
operations. What is undefined (no image of a class) is NaN, never 0.

References
----------
Hand DJ, Till RJ. A simple generalisation of the area under the ROC curve for multiple class
classification problems. Machine Learning 2001;45:171-186. (One against the rest: its section 2.)
Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas 1960;20:37-46.
Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev 1950;78:1-3.
"""

import numpy as np

TABLE_METRICS = ("accuracy", "macro_recall", "macro_f1", "kappa")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the classes' probabilities in float64, [..., classes]."""
    logits = np.asarray(logits, float)
    moved = logits - logits.max(axis=-1, keepdims=True)
    return moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True))


def against_the_rest(logits: np.ndarray) -> np.ndarray:
    """Return each class's logit against all others together, [images, classes] float64.

    It ranks images as the class's probability does, also where that is 0 or 1 by rounding.
    """
    logits = np.asarray(logits, float)
    columns = []
    for number in range(logits.shape[1]):
        others = np.delete(logits, number, axis=1)
        top = others.max(axis=1)
        rest = top + np.log(np.exp(others - top[:, np.newaxis]).sum(axis=1))
        columns.append(logits[:, number] - rest)
    return np.stack(columns, axis=1)


def confusion_cells(truth: np.ndarray, decision: np.ndarray, classes: int) -> np.ndarray:
    """Return which cell of the confusion table each image falls into, [images, classes^2] bool.

    Parameters
    ----------
    truth, decision
        [images] int, from 0 to classes - 1. Cells are numbered row by row, rows the truth.
    classes
        Number of classes.
    """
    return (truth * classes + decision)[:, np.newaxis] == np.arange(classes**2)


def table_metrics(cells: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of decisions for every confusion table.

    Parameters
    ----------
    cells
        [tables, classes^2] float, rows of the table (the truth) one after another.

    Returns
    -------
    dict
        For each name in `TABLE_METRICS` [tables] float64: accuracy, macro recall (the mean of the
        classes' sensitivities, also called balanced accuracy), macro F1 and Cohen's kappa. NaN
        where a class has no image, or kappa where all is of one class and called so.
    """
    classes = round(cells.shape[1] ** 0.5)
    tables = np.asarray(cells, float).reshape(-1, classes, classes)
    right = np.einsum("tii->ti", tables)
    true, called = tables.sum(axis=2), tables.sum(axis=1)
    whole = true.sum(axis=1)
    observed = _ratio(right.sum(axis=1), whole)
    expected = _ratio((true * called).sum(axis=1), whole**2)
    present = true > 0
    f1 = np.where(present, _ratio(2 * right, true + called), np.nan)
    return {
        "accuracy": observed,
        "macro_recall": _ratio(right, true).mean(axis=1),
        "macro_f1": f1.mean(axis=1),
        "kappa": _ratio(observed - expected, 1 - expected),
    }


def errors(truth: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return each image's part of the Brier score and of the log loss, [images, 2] float64.

    The Brier score of several classes is the sum over the classes of squared errors, from 0 to 2;
    the log loss is in nats.

    Parameters
    ----------
    truth
        [images] int.
    logits
        [images, classes] float.
    """
    logarithms = log_softmax(logits)
    hits = np.arange(logits.shape[1]) == truth[:, np.newaxis]
    squared = ((np.exp(logarithms) - hits) ** 2).sum(axis=1)
    return np.stack([squared, -logarithms[hits]], axis=1)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)
