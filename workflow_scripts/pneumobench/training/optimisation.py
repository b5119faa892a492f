"""Optimisers, learning-rate schedules and the loss, as functions of the recipe."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as functional

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}

# PyTorch's OneCycleLR: warm-up over 30 % of the steps from 1/25 of the peak, then down to 1e-4
# of the start.
WARM_UP_SHARE, START_DIVISOR, END_DIVISOR = 0.3, 25.0, 1e4


def build_optimiser(
    parameters: Iterable[torch.nn.Parameter], name: str, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return a fused optimiser; SGD with Nesterov momentum 0.9."""
    extra = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return OPTIMISERS[name](
        parameters, lr=learning_rate, weight_decay=weight_decay, fused=True, **extra
    )


def schedule_factor(schedule: str, step: int, total: int) -> float:
    """Return the share of the peak learning rate at a step (0 <= step < total).

    `one_cycle` is the learning rate of `torch.optim.lr_scheduler.OneCycleLR` (cosine, two phases;
    Smith & Topin 2019, arXiv:1708.07120); `cosine` falls from 1 to 0 over the training.
    """
    if schedule == "none":
        return 1.0
    if schedule == "cosine":
        return _cosine(1.0, 0.0, step / total)
    peak_step = WARM_UP_SHARE * total - 1
    start = 1.0 / START_DIVISOR
    if step <= peak_step:
        return _cosine(start, 1.0, step / peak_step)
    return _cosine(1.0, start / END_DIVISOR, (step - peak_step) / (total - 1 - peak_step))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * progress))


def positive_weight(labels: torch.Tensor, class_weights: str) -> torch.Tensor | None:
    """Return the weight of the positive class against the negative one: negatives / positives.

    Parameters
    ----------
    labels
        float32 [K] of 0 and 1: the training items.
    class_weights
        `none` or `inverse_frequency`.
    """
    if class_weights == "none":
        return None
    positives = labels.sum()
    return (len(labels) - positives) / positives


def binary_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weight: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Return the mean binary cross-entropy of float32 logits [B] and labels [B] in {0, 1}."""
    targets = labels * (1 - label_smoothing) + label_smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)
