"""The loss of a recipe."""

import torch
import torch.nn.functional as functional

from pneumobench.training.recipe import Recipe


def class_weights(
    labels: torch.Tensor, rule: str, minority_boost: float, classes: int = 2
) -> torch.Tensor | None:
    """Return the weights of the classes in the loss, with mean 1.

    Parameters
    ----------
    labels
        float32 [K] of 0 to classes - 1: the training items.
    rule
        none, or inverse_frequency: proportional to 1 / (items of the class).
    minority_boost
        The rarest class's weight is multiplied by this before the mean is set to 1.
    classes
        Number of classes.

    Returns
    -------
    float32 [classes] (the negative one first), or None without weights.
    """
    if rule == "none":
        return None
    counts = torch.stack([(labels == number).sum() for number in range(classes)]).to(labels.dtype)
    weights = 1 / counts
    weights[counts.argmin()] *= minority_boost
    return classes * weights / weights.sum()


class Loss:
    """Mean loss of a batch of float32 logits.

    One logit: binary cross-entropy, in which the positive class weighs as much more than the
    negative one as the class weights say. Two or three logits: cross-entropy.

    Parameters
    ----------
    recipe
        Its keys loss, class_weights, minority_boost and label_smoothing.
    labels
        float32 [K] of 0 to recipe.classes - 1: the training items.
    """

    def __init__(self, recipe: Recipe, labels: torch.Tensor) -> None:
        self.smoothing = recipe.label_smoothing
        self.weights = class_weights(
            labels, recipe.class_weights, recipe.minority_boost, recipe.classes
        )

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits [B, outputs] and labels [B], from 0 on."""
        if logits.shape[1] > 1:
            return functional.cross_entropy(
                logits, labels.long(), weight=self.weights, label_smoothing=self.smoothing
            )
        targets = labels * (1 - self.smoothing) + self.smoothing / 2
        ratio = None if self.weights is None else self.weights[1] / self.weights[0]
        return functional.binary_cross_entropy_with_logits(
            logits.squeeze(1), targets, pos_weight=ratio
        )
