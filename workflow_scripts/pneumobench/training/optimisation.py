"""Optimisers and learning-rate schedules, as functions of the recipe."""

import math
from collections.abc import Iterable

import torch

from pneumobench.models.start_up import without_compiler
from pneumobench.training.recipe import Recipe

OPTIMISERS = {
    name: without_compiler(optimiser)
    for name, optimiser in (
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("sgd", torch.optim.SGD),
    )
}

START_DIVISOR, END_DIVISOR = 25.0, 1e4
PLATEAU_THRESHOLD = 1e-4


def build_optimiser(
    parameters: Iterable[torch.nn.Parameter], name: str, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return a fused optimiser; SGD with Nesterov momentum 0.9."""
    extra = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return OPTIMISERS[name](
        parameters, lr=learning_rate, weight_decay=weight_decay, fused=True, **extra
    )


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * progress))


class Schedule:
    """The learning rate at every step, as a share of the recipe's.

    - none: constant.
    - cosine: falls from 1 to 0 over the training.
    - one_cycle: `torch.optim.lr_scheduler.OneCycleLR` with cosines (Smith and Topin, 2019,
      https://arxiv.org/abs/1708.07120): up from 1/25, then down to 1/25e4.
    - warm_up_cosine: a straight line from 1/n to 1 in n steps, then a cosine to 0.
    - plateau: multiplied by the factor after more than `patience` epochs without an inner loss that
      is lower by a ten-thousandth, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.

    Parameters
    ----------
    recipe
        Its keys schedule, warm_up and plateau.
    total
        Steps of the whole training.
    """

    def __init__(self, recipe: Recipe, total: int) -> None:
        self.kind, self.total = recipe.schedule, total
        self.warm_up, self.plateau = recipe.warm_up * total, recipe.plateau
        self.reduced, self.best, self.waited = 1.0, math.inf, 0

    def factor(self, step: int) -> float:
        """Return the share of the learning rate at a step, 0 <= step < total."""
        if self.kind == "cosine":
            return _cosine(1.0, 0.0, step / self.total)
        if self.kind == "one_cycle":
            return self._one_cycle(step)
        if self.kind == "warm_up_cosine":
            rising = max(1, round(self.warm_up))
            if step < rising:
                return (step + 1) / rising
            return _cosine(1.0, 0.0, (step - rising) / (self.total - rising))
        return self.reduced

    def _one_cycle(self, step: int) -> float:
        peak, start = self.warm_up - 1, 1.0 / START_DIVISOR
        if step <= peak:
            return _cosine(start, 1.0, step / peak)
        return _cosine(1.0, start / END_DIVISOR, (step - peak) / (self.total - 1 - peak))

    def epoch_ended(self, inner_loss: float) -> None:
        """Take note of the inner loss; only the schedule plateau minds."""
        if self.kind != "plateau":
            return
        if inner_loss < self.best * (1 - PLATEAU_THRESHOLD):
            self.best, self.waited = inner_loss, 0
        else:
            self.waited += 1
        if self.waited > self.plateau.patience:
            self.reduced, self.waited = self.reduced * self.plateau.factor, 0

    def state(self) -> dict[str, float]:
        """Return what a resumed training needs."""
        return {"reduced": self.reduced, "best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from a state."""
        self.reduced, self.best, self.waited = state["reduced"], state["best"], state["waited"]
