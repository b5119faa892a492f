"""A moving average of the weights, which is judged and kept instead of the weights."""

import contextlib
from collections.abc import Iterator

import torch


class WeightAverage:
    """Exponential moving average of a model's floating-point parameters and buffers.

    The first steps count more, so that the average does not hang on to the random start: the decay
    at step t is min(decay, (1 + t) / (10 + t)), as in TensorFlow's ExponentialMovingAverage.

    Parameters
    ----------
    model
        The model; its present weights are the first average.
    decay
        Share of the old average that a step keeps, in (0, 1).
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = [value for value in model.state_dict().values() if value.is_floating_point()]
        self.average = [value.detach().clone() for value in self.live]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.average, self.live, 1 - decay)
        self.steps += 1

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model carry the average inside the block, and its own weights again after it."""
        own = [value.clone() for value in self.live]
        self._write(self.average)
        try:
            yield
        finally:
            self._write(own)

    @torch.no_grad()
    def _write(self, values: list[torch.Tensor]) -> None:
        torch._foreach_copy_(self.live, values)

    def state(self) -> dict[str, object]:
        """Return what a resumed training needs."""
        return {"steps": self.steps, "average": self.average}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a state."""
        self.steps = state["steps"]
        torch._foreach_copy_(self.average, state["average"])
