"""One training step: augmentation, forward, loss, backward, optimiser."""

from collections.abc import Callable

import torch

from pneumobench.data.augmentation.apply import augment
from pneumobench.data.augmentation.policy import Variations
from pneumobench.prediction.predict import readings
from pneumobench.training.averaging import WeightAverage
from pneumobench.training.graph import Captured
from pneumobench.training.loss import Loss
from pneumobench.training.optimisation import Schedule, build_optimiser
from pneumobench.training.precision import autocast
from pneumobench.training.recipe import Recipe


class Step:
    """Takes optimisation steps on a model.

    Parameters
    ----------
    model
        The model, on its device.
    loss
        From float32 logits [B, outputs] and labels [B] to the mean loss.
    recipe
        The recipe.
    device, precision
        Where and in which number format the model's layers compute.
    total
        Steps of the whole training.

    Attributes
    ----------
    trained
        The parameters that the optimiser changes.
    taken
        Steps taken so far.
    average
        The moving average of the weights, None if the recipe has none.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | Loss,
        recipe: Recipe,
        device: torch.device,
        precision: str,
        total: int,
    ) -> None:
        self.model, self.loss, self.recipe = model, loss, recipe
        self.device, self.precision = device, precision
        self.trained = [value for value in model.parameters() if value.requires_grad]
        self.optimiser = build_optimiser(
            self.trained, recipe.optimiser, recipe.learning_rate, recipe.weight_decay
        )
        self.schedule = Schedule(recipe, total)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
        self.average = None
        if recipe.ema_decay is not None:
            self.average = WeightAverage(model, recipe.ema_decay)
        self.taken = 0
        self._compute: Callable = self._forward_backward
        if device.type == "cuda" and precision != "float16":
            self._compute = Captured(model, self._forward_backward)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the latest step."""
        return self.optimiser.param_groups[0]["lr"]

    def __call__(
        self, images: torch.Tensor, variations: Variations, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step.

        Parameters
        ----------
        images
            uint8 [B, S, S].
        variations
            How each image is varied, B rows.
        labels
            float32 [B] of 0 and 1, or of 0 to 2.

        Returns
        -------
        Mean loss [] and logits of pneumonia [B], or of subtypes [B, 3], float32, before the step.
        They may be overwritten by the next step.
        """
        factor = self.schedule.factor(self.taken)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        loss, logits = self._compute(images, variations, labels)
        if self.recipe.gradient_clip is not None:
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self.trained, self.recipe.gradient_clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            self.average.update()
        self.taken += 1
        return loss, logits

    def _forward_backward(
        self, images: torch.Tensor, variations: Variations, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.model.zero_grad(set_to_none=True)
        batch = augment(images, variations)
        with autocast(self.device, self.precision):
            logits = self.model(batch)
        loss = self.loss(logits, labels)
        self.scaler.scale(loss).backward()
        return loss.detach(), readings(logits.detach())

    def state(self) -> dict[str, object]:
        """Return what a resumed training needs."""
        return {
            "taken": self.taken,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "schedule": self.schedule.state(),
            "average": None if self.average is None else self.average.state(),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a state."""
        self.taken = state["taken"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.schedule.restore(state["schedule"])
        if self.average is not None:
            self.average.restore(state["average"])
