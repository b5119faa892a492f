"""Class activation maps: one forward pass without gradient, one backward pass of the rest."""

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.explain.maps import join
from pneumobench.explain.methods import METHODS
from pneumobench.explain.targets import BINARY, predicted_class, target_scores
from pneumobench.models.blocks.classifier import Classifier


class NoMapError(UserError):
    """A layer that exists and of which no map can be made."""


@dataclass(frozen=True)
class Maps:
    """Class activation maps of B images, raw: magnitudes of different images can be compared.

    Attributes
    ----------
    layers
        Branch -> map float32 [B, h, w], not negative; a network without branches has one, "".
    joint
        float32 [B, h, w]; the branches' maps summed on the largest of their grids.
    logits
        float32 [B, outputs].
    target
        int64 [B]; the class that each map speaks for.
    empty
        bool [B]; nothing in the joint map: no place speaks for the class.
    """

    layers: dict[str, Tensor]
    joint: Tensor
    logits: Tensor
    target: Tensor
    empty: Tensor


def explain(
    model: Classifier,
    images: Tensor,
    *,
    method: str = "grad_cam",
    target: int | Tensor | None = None,
    threshold: float = 0.0,
    layer: str | None = None,
    precision: str = "float32",
) -> Maps:
    """Show where a network sees a class.

    The network is cut behind the explained layer: what comes before it runs without gradient, so
    that frozen trunks cost nothing and nothing of them is kept.

    Parameters
    ----------
    model
        On the device of the images; left in evaluation mode, otherwise unchanged.
    images
        float32 [B, 1, S, S] in [0, 1].
    method
        A name of `METHODS`.
    target
        The class to explain, one for all or int64 [B]; None takes the predicted class of each.
    threshold
        Above which logit of pneumonia that is predicted.
    layer
        Path of the module to explain; None takes the network's own `explained_layers`.
    precision
        float32, bfloat16 or float16: that of the network, not of the maps.

    Raises
    ------
    NoMapError
        If the layer has no map or no part in the score.
    UserError
        If there is no such layer.
    """
    model.eval()
    with _autocast(images.device, precision):
        leaves, logits = _cut(model, images, layer)
        classes = _targets(target, logits, threshold)
        score = target_scores(logits.float(), classes).sum()
    gradients = torch.autograd.grad(score, leaves, allow_unused=True)
    if any(gradient is None for gradient in gradients):
        raise _no_part(model, layer or model.explained_layers[0])
    found = [
        METHODS[method](*(model.as_map(one.float()) for one in (leaf.detach(), gradient)))
        for leaf, gradient in zip(leaves, gradients, strict=True)
    ]
    joint = join(found)
    branches = model.architecture.branches if layer is None and len(found) > 1 else ("",)
    return Maps(
        layers=dict(zip(branches, found, strict=True)),
        joint=joint,
        logits=logits.detach().float(),
        target=classes,
        empty=joint.flatten(1).amax(1) == 0,
    )


def reaches_score(model: Classifier, images: Tensor, layer: str | None) -> bool:
    """Tell whether anything but class tokens carries a layer's output to the score.

    Parameters as for `explain`. True as well where nothing at all is carried, as by a head whose
    weights start at zero: that says nothing.
    """
    model.eval()
    leaves, logits = _cut(model, images, layer)
    gradients = torch.autograd.grad(logits.sum(), leaves, allow_unused=True)
    return not any(
        gradient is not None and gradient.any() and not model.as_map(gradient).any()
        for gradient in gradients
    )


def _cut(model: Classifier, images: Tensor, layer: str | None) -> tuple[list[Tensor], Tensor]:
    """Return the outputs of the explained layers, which take gradients, and the logits."""
    if layer is None and model.inner_cam_layer is None:
        return _behind_features(model, images)
    return _behind_layer(model, images, layer)


def _behind_features(model: Classifier, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """Run the trunk without and the head with gradient; return the maps between, and logits."""
    with torch.no_grad():
        features = model.features(model.prepare(images))
    several = isinstance(features, tuple)
    found = features if several else (features,)
    if len(found) != len(model.architecture.cam_layers):
        raise _no_map(model, model.architecture.cam_layers[0], features)
    for layer, one in zip(model.architecture.cam_layers, found, strict=True):
        if model.as_map(one) is None:
            raise _no_map(model, layer, one)
    leaves = [one.detach().requires_grad_() for one in found]
    # A head may work in place on what it is given: the clone keeps the maps as they were.
    given = tuple(leaf.clone() for leaf in leaves)
    with torch.enable_grad():
        return leaves, model.head(given if several else given[0])


def _behind_layer(
    model: Classifier, images: Tensor, layer: str | None
) -> tuple[list[Tensor], Tensor]:
    """Run the network without gradient up to a layer's output; return that output, and logits."""
    path, leaves = model.explained_layers[0] if layer is None else layer, []

    def cut(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or model.as_map(output) is None:
            raise _no_map(model, path, output)
        # A module that is used more than once is explained where it is used last.
        leaves[:] = [output.detach().clone().requires_grad_()]
        torch.set_grad_enabled(True)
        return leaves[0].clone()

    handle = find_layer(model, path).register_forward_hook(cut)
    try:
        # Leaving the block puts the gradient mode back, whatever the hook has set.
        with torch.no_grad():
            features = model.features(model.prepare(images))
            if layer is None and isinstance(features, tuple):
                # One branch of several would stand for all of them.
                raise _no_map(model, model.architecture.cam_layers[0], features)
            logits = model.head(features)
    finally:
        handle.remove()
    if not leaves:
        raise _no_part(model, path)
    return leaves, logits


def find_layer(model: Classifier, layer: str) -> nn.Module:
    """Return a module of a network by its path.

    Raises
    ------
    UserError
        If there is none, with the nearest path.
    """
    modules = dict(model.named_modules())
    if layer and layer in modules:
        return modules[layer]
    own = ", ".join(model.explained_layers)
    hint = did_you_mean(layer, [path for path in modules if path])
    raise UserError(
        f"{model.architecture.name} has no layer {layer}",
        where=f"explanation.layer: {layer}",
        expected=f"a path of its modules; its own choice is {own}",
        remedy=f"{hint} Set explanation.layer to such a path, or to null".strip(),
    )


def _targets(target: int | Tensor | None, logits: Tensor, threshold: float) -> Tensor:
    if target is None:
        return predicted_class(logits.detach(), threshold)
    classes = torch.as_tensor(target, device=logits.device).expand(len(logits))
    known = len(BINARY)
    unknown = classes[(classes < 0) | (classes >= known)]
    if len(unknown):
        raise UserError(
            f"there is no class {int(unknown[0])} to explain",
            where="the class given to `explain`",
            expected=f"0 to {known - 1}",
            remedy="name a class of the task",
        )
    return classes


def _autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, getattr(torch, precision))


def _no_map(model: Classifier, layer: str, output: object) -> NoMapError:
    if isinstance(output, Tensor):
        what = f"gives {list(output.shape)}"
    elif isinstance(output, tuple):
        what = f"gives {len(output)} tensors of {len(output)} branches"
    else:
        what = f"gives no single tensor but a {type(output).__name__}"
    return NoMapError(
        f"the layer {layer} of {model.architecture.name} has no map: it {what}",
        where=f"explanation.layer: {layer}",
        expected="a layer whose output has height and width, [images, channels, height, width], or "
        "tokens that form a grid",
        remedy="take another layer, set explanation.layer to null, or, for a network without maps, "
        "explanation.method to none",
    )


def _no_part(model: Classifier, layer: str) -> NoMapError:
    return NoMapError(
        f"the layer {layer} of {model.architecture.name} has no part in its score",
        where=f"explanation.layer: {layer}",
        expected="a layer that the score depends on",
        remedy=f"take {' or '.join(model.explained_layers)}, or set explanation.layer: null",
    )
