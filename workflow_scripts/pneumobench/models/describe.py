"""What a network is made of and what one image costs."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pneumobench.core.errors import UserError
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.start_up import unmark_methods


def count_parameters(network: nn.Module, *, trainable_only: bool = False) -> int:
    """Count the weights of a network, or those of them that are trained."""
    return sum(
        parameter.numel()
        for parameter in network.parameters()
        if parameter.requires_grad or not trainable_only
    )


def describe_model(model: str, image_size: int) -> dict[str, Any]:
    """Describe an architecture as it is used for two classes (one logit).

    Parameters
    ----------
    model
        Name in the registry, or `timm:<backbone>`.
    image_size
        Side of the images in pixels.

    Returns
    -------
    dict
        model, title, family, parameters, trainable_parameters, macs (multiply-accumulates of
        convolutions and matrix products for one image), image_size, cam_layers (layer, channels,
        map as [height, width], or null for a layer that has no map), checkpoint, branches, freeze
        (policy -> its meaning), reference.

    Raises
    ------
    UserError
        If there is no such architecture or it does not take images of this size.
    """
    architecture = registry.load(model)
    network = architecture.build(1).eval()
    shapes = _record_shapes(network, architecture.cam_layers)
    macs = _count_macs(network, image_size)
    return {
        "model": model,
        "title": architecture.title,
        "family": architecture.family,
        "parameters": count_parameters(network),
        "trainable_parameters": count_parameters(network, trainable_only=True),
        "macs": macs,
        "image_size": image_size,
        "cam_layers": [_cam_layer(layer, shapes[layer]) for layer in architecture.cam_layers],
        "checkpoint": architecture.checkpoint,
        "branches": list(architecture.branches),
        "freeze": architecture.freeze_policies,
        "reference": architecture.reference,
    }


def _record_shapes(network: nn.Module, layers: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return a dictionary that the next forward pass fills: layer -> shape of its output."""
    shapes: dict[str, tuple[int, ...]] = {}

    def hook(name: str):
        def record(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
            shapes[name] = tuple(output.shape)

        return record

    for layer in layers:
        network.get_submodule(layer).register_forward_hook(hook(layer))
    return shapes


def _lstm_flops(
    tokens: tuple[int, ...],
    input_weights: tuple[int, ...],
    recurrent_weights: tuple[int, ...],
    *_others: Any,
    **_settings: Any,
) -> int:
    """Count oneDNN's fused LSTM, [T, B, C] by [4H, C] and [4H, H]; torch's counter does not."""
    steps, batch = tokens[:2]
    return 2 * steps * batch * (math.prod(input_weights) + math.prod(recurrent_weights))


def _count_macs(network: Classifier, image_size: int) -> int:
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.mkldnn_rnn_layer: _lstm_flops}
    )
    with torch.no_grad(), counter:
        unmark_methods(type(counter.mode))
        try:
            network(torch.zeros(1, 1, image_size, image_size))
        except UserError:
            raise
        except Exception as error:
            # Backbones of timm refuse a size in their own words and with any class of exception.
            name = network.architecture.name
            raise UserError(
                f"{name} does not take images of {image_size} px: {error}",
                where=f"images.size, used by model {name}",
                expected=f"a size that {name} takes{_published_size(network)}",
                remedy=f"set images.size to such a size, or leave {name} out",
            ) from error
    return counter.get_total_flops() // 2


def _published_size(network: Classifier) -> str:
    published = getattr(getattr(network, "network", None), "pretrained_cfg", None)
    return f"; it was published for {published['input_size'][-1]} px" if published else ""


def _cam_layer(layer: str, shape: tuple[int, ...]) -> dict[str, Any]:
    is_map = len(shape) == 4
    return {
        "layer": layer,
        "channels": shape[1] if is_map else shape[-1],
        "map": list(shape[2:]) if is_map else None,
    }
