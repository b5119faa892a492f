"""What a network is made of, what one image costs, and whether it can be trained and kept."""

import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pneumobench.core.errors import UserError
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.start_up import unmark_methods
from pneumobench.models.weights.saved import restore_weights, save_weights

# Logits of one network may differ by this much where work is divided among threads.
TOLERANCE = 1e-4


def count_parameters(network: nn.Module, *, trainable_only: bool = False) -> int:
    """Count the weights of a network, or those of them that are trained."""
    return sum(
        parameter.numel()
        for parameter in network.parameters()
        if parameter.requires_grad or not trainable_only
    )


def describe_model(model: str, image_size: int) -> dict[str, Any]:
    """Describe an architecture as it is used for two classes (one logit), and try it once.

    What would end a training or what comes after it is found here: a size that the network does
    not take, an output that is no logit, weights that cannot be saved or do not come back.

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
        If there is no such architecture, if it does not take images of this size, or if it cannot
        be trained or kept.
    """
    architecture = registry.load(model)
    network = architecture.build(1).eval()
    trainable = count_parameters(network, trainable_only=True)
    # The counter stumbles over layers that are given a parameter, as a class token, to take in.
    network.requires_grad_(False)
    outputs = _record_outputs(network, network.explained_layers)
    macs = _count_macs(network, image_size)
    layers = [_cam_layer(network, layer, outputs[layer]) for layer in outputs]
    _check_keeping(network, image_size)
    _check_training(network, image_size)
    return {
        "model": model,
        "title": architecture.title,
        "family": architecture.family,
        "parameters": count_parameters(network),
        "trainable_parameters": trainable,
        "macs": macs,
        "image_size": image_size,
        "cam_layers": layers,
        "checkpoint": architecture.checkpoint,
        "branches": list(architecture.branches),
        "freeze": architecture.freeze_policies,
        "reference": architecture.reference,
    }


def _record_outputs(network: nn.Module, layers: tuple[str, ...]) -> dict[str, Any]:
    """Return a dictionary that the next forward pass fills: layer -> its output."""
    outputs: dict[str, Any] = {}
    handles = []

    def hook(name: str):
        def record(_module: nn.Module, _inputs: tuple, output: Any) -> None:
            outputs[name] = output
            handles.pop(0).remove()

        return record

    for layer in layers:
        handles.append(network.get_submodule(layer).register_forward_hook(hook(layer)))
    return outputs


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
        _logits(network, torch.zeros(1, 1, image_size, image_size))
    return counter.get_total_flops() // 2


def _logits(network: Classifier, images: Tensor) -> Tensor:
    """Return one logit an image, float32 [B, 1], or say why there is none."""
    name, size = network.architecture.name, images.shape[-1]
    try:
        logits = network(images)
    except UserError:
        raise
    except Exception as error:
        # Backbones of timm refuse a size in their own words and with any class of exception.
        raise UserError(
            f"{name} does not take images of {size} px: {error}",
            where=f"images.size, used by model {name}",
            expected=f"a size that {name} takes{_published_size(network)}",
            remedy=f"set images.size to such a size, or leave {name} out",
        ) from error
    if not isinstance(logits, Tensor) or logits.shape != (len(images), 1):
        shown = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise _unusable(name, f"its output for {len(images)} images is {shown}")
    if logits.dtype != torch.float32 or not logits.isfinite().all():
        raise _unusable(name, "its output is not finite in float32")
    return logits


def _unusable(name: str, why: str) -> UserError:
    return UserError(
        f"{name} cannot be trained: {why}",
        where=f"model {name}",
        expected="one finite logit for each image, float32 [images, 1], from weights alone",
        remedy=f"leave {name} out; for a file of your own see docs/adding-a-model.md",
    )


def _check_keeping(network: Classifier, image_size: int) -> None:
    """Save the network as training does, and load it into another one as everything else does."""
    images = torch.linspace(0, 1, image_size**2).view(1, 1, image_size, image_size)
    name = network.architecture.name
    other = network.architecture.build(1).eval()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        file = Path(folder, "weights.safetensors")
        save_weights(file, network, name)
        restore_weights(file, other, where=f"model {name}", remedy=f"leave {name} out")
        again = _logits(other, images)
        if not torch.allclose(again, _logits(network, images), rtol=TOLERANCE, atol=TOLERANCE):
            raise _unusable(name, "loaded from a file, its weights give other logits")


def _check_training(network: Classifier, image_size: int) -> None:
    """Look at two images as training does: some networks give something else then."""
    network.train()
    with torch.no_grad():
        _logits(network, torch.rand(2, 1, image_size, image_size))


def _published_size(network: Classifier) -> str:
    published = getattr(getattr(network, "network", None), "pretrained_cfg", None)
    return f"; it was published for {published['input_size'][-1]} px" if published else ""


def _cam_layer(network: Classifier, layer: str, output: Any) -> dict[str, Any]:
    """Return layer, channels and [height, width] of its map; neither where it has no map."""
    found = network.as_map(output) if isinstance(output, Tensor) else None
    if found is not None:
        return {"layer": layer, "channels": found.shape[1], "map": list(found.shape[2:])}
    channels = output.shape[-1] if isinstance(output, Tensor) else None
    return {"layer": layer, "channels": channels, "map": None}
