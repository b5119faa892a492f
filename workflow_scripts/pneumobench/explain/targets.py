"""Which class a map speaks for, and the score that is explained."""

import torch
from torch import Tensor

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.prediction.predict import positive_logit

PREDICTED = "predicted"
BINARY = ("normal", "pneumonia")


def class_index(name: str, classes: tuple[str, ...] = BINARY) -> int | None:
    """Return the index of a class by its name, None for `predicted`.

    Raises
    ------
    UserError
        If the task has no such class.
    """
    if name == PREDICTED:
        return None
    if name not in classes:
        valid = (PREDICTED, *classes)
        raise UserError(
            f"there is no class {name} to explain",
            where=f"explanation.target: {name}",
            expected=f"one of {', '.join(valid)}",
            remedy=f"{did_you_mean(name, valid)} Set explanation.target to one of them".strip(),
        )
    return classes.index(name)


def predicted_class(logits: Tensor, threshold: float = 0.0) -> Tensor:
    """Return what is decided on each image, int64 [B].

    Parameters
    ----------
    logits
        [B, outputs].
    threshold
        Of the logit of pneumonia, whatever the number of outputs.
    """
    return (positive_logit(logits) > threshold).long()


def target_scores(logits: Tensor, target: Tensor) -> Tensor:
    """Return the score of one class for each image.

    A single logit speaks for pneumonia: its own score is +logit, that of normal is -logit. So does
    the logit of pneumonia that follows from those of subtypes.

    Parameters
    ----------
    logits
        [B, outputs].
    target
        int64 [B], 0 or 1.

    Returns
    -------
    Tensor
        [B], as the logits.
    """
    if logits.shape[1] == len(BINARY):
        return logits.gather(1, target.unsqueeze(1)).squeeze(1)
    score = positive_logit(logits)
    return torch.where(target == 1, score, -score)


def target_probabilities(logits: Tensor, target: Tensor) -> Tensor:
    """Return the probability of one class for each image, [B] in [0, 1]."""
    if logits.shape[1] == len(BINARY):
        return target_scores(logits.softmax(1), target)
    return target_scores(logits, target).sigmoid()
