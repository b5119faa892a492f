"""The compute-only bound: the same network and precision on one resident random batch.

Imports nothing of pneumobench.training: what the engine adds to the arithmetic shows against it.
"""

import contextlib
from collections.abc import Callable

import torch
import torch.nn.functional as functional

from pneumobench.models import registry


def training_bound(
    model: str, batch_size: int, image_size: int, steps: int, device: torch.device, precision: str
) -> Callable[[], int]:
    """Return a function that takes training steps and returns how many images they saw."""
    torch.manual_seed(0)
    network = registry.load(model).build(1).to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    images = torch.rand(batch_size, 1, image_size, image_size, device=device)
    labels = (torch.arange(batch_size, device=device) % 2).float()

    def run() -> int:
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=True)
            with _autocast(device, precision):
                logits = network(images).squeeze(1)
            functional.binary_cross_entropy_with_logits(logits, labels).backward()
            optimiser.step()
        _wait(device)
        return steps * batch_size

    return run


def prediction_bound(
    model: str, batch_size: int, image_size: int, batches: int, device: torch.device
) -> Callable[[], int]:
    """Return a function that predicts a resident batch again and again."""
    network = registry.load(model).build(1).to(device, memory_format=torch.channels_last).eval()
    images = torch.rand(batch_size, 1, image_size, image_size, device=device)

    def run() -> int:
        with torch.inference_mode():
            for _ in range(batches):
                network(images)
        _wait(device)
        return batches * batch_size

    return run


def _autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, getattr(torch, precision))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
