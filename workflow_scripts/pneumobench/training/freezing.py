"""Fixed parameters: no gradient, and layers that hold only such stay in evaluation mode."""

from collections.abc import Collection

import torch


def freeze(model: torch.nn.Module, frozen: Collection[str]) -> None:
    """Fix the named parameters."""
    parameters = dict(model.named_parameters())
    for name in frozen:
        parameters[name].requires_grad_(False)


def training_mode(model: torch.nn.Module, frozen_statistics: str) -> None:
    """Put a model into training mode, but for frozen layers.

    Parameters
    ----------
    model
        The model.
    frozen_statistics
        fixed: frozen layers stay in evaluation mode, for a frozen batch normalisation that went on
        collecting statistics would drift away from the weights around it. updated: they do so, as
        plain `model.train()` has it.
    """
    model.train()
    if frozen_statistics == "updated":
        return
    for layer in model.modules():
        own = list(layer.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            layer.eval()
