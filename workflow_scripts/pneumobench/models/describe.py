"""What a network is made of, what one image costs, and whether it can be trained and kept."""

import logging
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

logger = logging.getLogger(__name__)

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
    not take, an output that is no logit, a step back that fails or does not reach a parameter,
    logits that follow from more than weights and image, weights that cannot be saved or do not come
    back. A backbone of timm may have parameters that its logits do not use, which is logged.

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
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # The counter stumbles over layers that are given a parameter, as a class token, to take in.
    network.requires_grad_(False)
    outputs = _record_outputs(network, network.explained_layers)
    macs = _count_macs(network, image_size)
    layers = [_cam_layer(network, layer, outputs[layer]) for layer in outputs]
    for parameter in trainable:
        parameter.requires_grad_(True)
    _check_training(network, image_size)
    _check_keeping(network, image_size)
    return {
        "model": model,
        "title": architecture.title,
        "family": architecture.family,
        "parameters": count_parameters(network),
        "trainable_parameters": count_parameters(network, trainable_only=True),
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


def _check_training(network: Classifier, image_size: int) -> None:
    """Look at two images as training does, and go back: some networks give something else then."""
    name = network.architecture.name
    network.train()
    logits = _logits(network, torch.rand(2, 1, image_size, image_size))
    try:
        nn.functional.binary_cross_entropy_with_logits(logits[:, 0], torch.eye(2)[0]).backward()
    except RuntimeError as error:
        raise _unusable(name, f"its logits give no gradient ({error})") from error
    _check_gradients(network)
    network.zero_grad(set_to_none=True)
    network.eval()


def _check_gradients(network: Classifier) -> None:
    """Check that a step back reached every parameter that is to be trained."""
    name = network.architecture.name
    trained = {key: value for key, value in network.named_parameters() if value.requires_grad}
    lacking = [key for key, value in trained.items() if value.grad is None]
    if lacking:
        why = (
            f"no gradient reaches {len(lacking)} of its {len(trained)} trainable parameters "
            f"(as {lacking[0]})"
        )
        # Backbones of timm come with heads and norms that only other uses need.
        if not name.startswith(registry.TIMM_PREFIX) or len(lacking) == len(trained):
            raise _unusable(name, f"{why}; what is to stay as it is has requires_grad False")
        logger.warning("%s: %s; they stay as they start", name, why)
    for key, value in trained.items():
        if value.grad is not None and not value.grad.isfinite().all():
            raise _unusable(name, f"the gradient of {key} is not finite")


@torch.no_grad()
def _check_keeping(network: Classifier, image_size: int) -> None:
    """Save the trained network, and load it into another one as everything else does."""
    ramp = torch.linspace(0, 1, image_size**2).view(1, 1, image_size, image_size)
    images = torch.cat([ramp, 1 - ramp.square()])
    name = network.architecture.name
    beside, alone = _logits(network, images)[:1], _logits(network, images[:1])
    if not _alike(beside, alone):
        if not _alike(_logits(network, images)[:1], beside):
            raise _unusable(name, "the same images have other logits the second time")
        raise _unusable(name, "an image alone has another logit than beside another image")
    other = network.architecture.build(1).eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.safetensors")
        save_weights(file, network, name)
        restore_weights(file, other, where=f"model {name}", remedy=f"leave {name} out")
    if not _alike(_logits(other, images[:1]), alone):
        raise _unusable(
            name,
            "loaded from a file, its weights give other logits; what training changes must be a "
            "parameter or a registered buffer",
        )


def _alike(first: Tensor, second: Tensor) -> bool:
    # Of large logits the last digits differ by more.
    scale = max(1.0, float(second.abs().max()))
    return torch.allclose(first, second, rtol=TOLERANCE, atol=TOLERANCE * scale)


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
