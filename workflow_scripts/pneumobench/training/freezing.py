"""Fixed parameters: no gradient, and layers that hold only such stay in evaluation mode."""

from collections.abc import Collection

import torch


def freeze(model: torch.nn.Module, frozen: Collection[str]) -> None:
    """Fix the named parameters."""
    parameters = dict(model.named_parameters())
    for name in frozen:
        parameters[name].requires_grad_(False)


def training_mode(model: torch.nn.Module) -> None:
    """Put a model into training mode, but for frozen layers.

    A frozen batch normalisation that went on collecting statistics would drift away from the
    weights around it.
    """
    model.train()
    for layer in model.modules():
        own = list(layer.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            layer.eval()
