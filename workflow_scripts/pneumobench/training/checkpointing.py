"""Gradient checkpointing: maps computed a second time instead of kept (Chen et al., 2016,
https://arxiv.org/abs/1604.06174)."""

import contextlib
from collections.abc import Iterator
from functools import partial

import torch
from torch.utils.checkpoint import checkpoint

from pneumobench.core.errors import UserError
from pneumobench.models.blocks.classifier import Classifier


def checkpoint_stages(model: Classifier) -> None:
    """Let a network keep only what enters each of its stages; the backward pass computes the rest.

    The result stays the same to the bit: dropout draws the same numbers again, and batch
    normalisation counts a batch once.

    Raises
    ------
    UserError
        If the architecture names no stages.
    """
    architecture = model.architecture
    if not architecture.stages:
        raise UserError(
            f"{architecture.name} has no stages that gradient checkpointing could work on",
            where=f"recipe key gradient_checkpointing: true, used with model {architecture.name}",
            expected="false",
            remedy=f"give {architecture.name} a recipe with gradient_checkpointing: false",
        )
    for path in architecture.stages:
        stage = model.get_submodule(path)
        stage.forward = partial(_run, stage, stage.forward)


def _run(stage: torch.nn.Module, forward: object, features: torch.Tensor) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return forward(features)
    return checkpoint(
        forward,
        features,
        use_reentrant=False,
        context_fn=lambda: (contextlib.nullcontext(), _statistics_at_rest(stage)),
    )


@contextlib.contextmanager
def _statistics_at_rest(stage: torch.nn.Module) -> Iterator[None]:
    """Keep batch normalisation from counting the batch again: new values weigh nothing."""
    layers = [
        (layer, layer.momentum, layer.num_batches_tracked.clone())
        for layer in stage.modules()
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) and layer.training
    ]
    for layer, _, _ in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum, batches in layers:
            layer.momentum = momentum
            layer.num_batches_tracked.copy_(batches)
