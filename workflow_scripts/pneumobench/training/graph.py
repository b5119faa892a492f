"""A training step recorded once as a CUDA graph and replayed: same kernels, no launch costs.

At batches of 32 a GPU waits for Python most of the time; a replayed graph starts all kernels of
forward and backward pass at once (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""

import logging
from collections.abc import Callable

import torch

from pneumobench.data.augmentation.policy import Variations

logger = logging.getLogger(__name__)

WARM_UP_STEPS = 3

Inputs = tuple[torch.Tensor, Variations, torch.Tensor]
Outputs = tuple[torch.Tensor, torch.Tensor]
Compute = Callable[[torch.Tensor, Variations, torch.Tensor], Outputs]


class Captured:
    """Runs a computation as a CUDA graph wherever the graph gives the same as plain execution.

    The first full batch is captured and checked: loss, every gradient and every buffer must equal
    those of plain execution from the same state, bit for bit. If they do not, or capturing fails,
    everything runs plainly, and the log says so. Batches of another size (the last one of an epoch)
    always run plainly.

    Parameters
    ----------
    model
        The model whose gradients and buffers the computation writes.
    compute
        From images, variations and labels to loss and logits; leaves gradients in the model.
    """

    def __init__(self, model: torch.nn.Module, compute: Compute) -> None:
        self.model, self.compute = model, compute
        self.graph: _Graph | None = None
        self.tried = False

    def __call__(
        self, images: torch.Tensor, variations: Variations, labels: torch.Tensor
    ) -> Outputs:
        """Compute, by the graph if there is one for batches of this size."""
        inputs = (images, variations, labels)
        if not self.tried:
            self.tried = True
            self.graph = self._capture(inputs)
        if self.graph is None or len(images) != self.graph.batch_size:
            return self.compute(*inputs)
        return self.graph(inputs)

    def _capture(self, inputs: Inputs) -> "_Graph | None":
        before = _Snapshot(self.model)
        try:
            graph = _Graph(self.model, self.compute, inputs, before)
            before.restore()
            loss, _ = graph(inputs)
            captured = _results(self.model, loss)
            before.restore()
            loss, _ = self.compute(*inputs)
            plain = _results(self.model, loss)
        except RuntimeError as error:
            logger.warning("no CUDA graph: %s", error)
            return None
        finally:
            before.restore()
        differing = [
            name
            for name in plain
            if not torch.equal(plain[name], captured.get(name, loss.new_empty(0)))
        ]
        if differing:
            logger.warning("no CUDA graph: it differs in %s", ", ".join(differing[:3]))
            return None
        logger.info("training steps run as a CUDA graph, checked against plain execution")
        return graph


class _Graph:
    """A captured computation with its own memory for inputs, outputs and gradients."""

    def __init__(
        self, model: torch.nn.Module, compute: Compute, inputs: Inputs, before: "_Snapshot"
    ) -> None:
        self.batch_size = len(inputs[0])
        self.inputs = _map(torch.clone, inputs)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP_STEPS):
                compute(*self.inputs)
        torch.cuda.current_stream().wait_stream(aside)
        before.restore()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = compute(*self.inputs)
        # Kept here: a plainly run batch gives the parameters other gradients in between.
        self.gradients = [(value, value.grad) for value in model.parameters()]

    def __call__(self, inputs: Inputs) -> Outputs:
        for place, value in zip(_tensors(self.inputs), _tensors(inputs), strict=True):
            place.copy_(value)
        self.graph.replay()
        for value, gradient in self.gradients:
            value.grad = gradient
        return self.outputs


class _Snapshot:
    """Buffers and random state before a trial, to be put back after it."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        self.random = torch.cuda.get_rng_state()

    def restore(self) -> None:
        for buffer, value in self.buffers:
            buffer.copy_(value)
        torch.cuda.set_rng_state(self.random)


def _results(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    gradients = {
        f"the gradient of {name}": value.grad.clone()
        for name, value in model.named_parameters()
        if value.grad is not None
    }
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    return {"the loss": loss.clone(), **gradients, **buffers}


def _tensors(inputs: Inputs) -> list[torch.Tensor]:
    images, variations, labels = inputs
    return [images, labels, *variations.tensors().values()]


def _map(function: Callable[[torch.Tensor], torch.Tensor], inputs: Inputs) -> Inputs:
    images, variations, labels = inputs
    return function(images), variations.map(function), function(labels)
