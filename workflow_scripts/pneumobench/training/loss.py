"""The loss of a recipe."""

import torch
import torch.nn.functional as functional

from pneumobench.training.recipe import Recipe


def class_weights(labels: torch.Tensor, rule: str, minority_boost: float) -> torch.Tensor | None:
    """Return the weights of the classes in the loss, with mean 1.

    Parameters
    ----------
    labels
        float32 [K] of 0 and 1: the training items.
    rule
        none, or inverse_frequency: proportional to 1 / (items of the class).
    minority_boost
        The rarer class's weight is multiplied by this before the mean is set to 1.

    Returns
    -------
    float32 [2] (negative, positive), or None without weights.
    """
    if rule == "none":
        return None
    positives = labels.sum()
    counts = torch.stack([len(labels) - positives, positives])
    weights = 1 / counts
    weights[counts.argmin()] *= minority_boost
    return 2 * weights / weights.sum()


class Loss:
    """Mean loss of a batch of float32 logits.

    One logit: binary cross-entropy, in which the positive class weighs as much more than the
    negative one as the class weights say. Two logits: cross-entropy.

    Parameters
    ----------
    recipe
        Its keys loss, class_weights, minority_boost and label_smoothing.
    labels
        float32 [K] of 0 and 1: the training items.
    """

    def __init__(self, recipe: Recipe, labels: torch.Tensor) -> None:
        self.smoothing = recipe.label_smoothing
        self.weights = class_weights(labels, recipe.class_weights, recipe.minority_boost)

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits [B, 1] or [B, 2] and labels [B] in {0, 1}."""
        if logits.shape[1] > 1:
            return functional.cross_entropy(
                logits, labels.long(), weight=self.weights, label_smoothing=self.smoothing
            )
        targets = labels * (1 - self.smoothing) + self.smoothing / 2
        ratio = None if self.weights is None else self.weights[1] / self.weights[0]
        return functional.binary_cross_entropy_with_logits(
            logits.squeeze(1), targets, pos_weight=ratio
        )
