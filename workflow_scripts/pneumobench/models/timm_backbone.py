"""Any backbone of timm by name: `timm:efficientnet_b0`."""

import math
from functools import partial

import timm
import torch
from torch import Tensor, nn

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.classifier import Classifier, Features
from pneumobench.models.blocks.normalise import IMAGENET

# Class, register and distillation tokens of a backbone that does not say how many it has.
_USUAL_PREFIXES = (0, 1, 2)


class TimmBackbone(Classifier):
    """A timm backbone with a fresh head, normalising as its published weights expect.

    Parameters
    ----------
    name
        `timm:<backbone>`.
    outputs
        Number of logits.

    Raises
    ------
    UserError
        If timm cannot build it with that many logits for images of three channels.
    """

    def __init__(self, name: str, outputs: int) -> None:
        network = _create(name, outputs)
        published = network.pretrained_cfg or {}
        mean, deviation = published.get("mean"), published.get("std")
        super().__init__(architecture(name), (mean, deviation) if mean and deviation else IMAGENET)
        self.network = network
        self.channels_last_axis = getattr(network, "output_fmt", "NCHW") == "NHWC"
        # A layer that does nothing, so that every backbone's last map has a name for hooks.
        self.last_map = nn.Identity()
        if getattr(network, "global_pool", None) == "token":
            self.inner_cam_layer = self._before_last_attention()

    def features(self, prepared: Tensor) -> Features:
        """Return the backbone's last map [B, C, H, W].

        Plain transformers give tokens [B, N, C], backbones of several branches a tuple of tensors.
        """
        features = self.network.forward_features(prepared)
        if isinstance(features, list | tuple):
            return self.last_map(tuple(features))
        if self.channels_last_axis:
            features = features.permute(0, 3, 1, 2)
        return self.last_map(features)

    def head(self, features: Features) -> Tensor:
        """Apply the backbone's own pooling and head, in float32."""
        several = isinstance(features, tuple)
        device = (features[0] if several else features).device.type
        with torch.autocast(device, enabled=False):
            if several:
                return self.network.forward_head([part.float() for part in features])
            if self.channels_last_axis:
                features = features.permute(0, 2, 3, 1)
            return self.network.forward_head(features.float())

    def as_map(self, output: Tensor) -> Tensor | None:
        """Return a layer's output as maps; tokens [B, N, C] become their grid, others are left out.

        Row by row, as all of timm's transformers order them; class and register tokens come first.
        """
        if output.dim() == 4:
            _, first, second, third = output.shape
            channels_last = self.channels_last_axis and first == second != third
            return output.permute(0, 3, 1, 2) if channels_last else output
        if output.dim() != 3:
            return None
        grid = self._grid(output.shape[1])
        if grid is None:
            return None
        places = output[:, output.shape[1] - math.prod(grid) :]
        return places.transpose(1, 2).unflatten(2, grid)

    def _grid(self, tokens: int) -> tuple[int, int] | None:
        """Return height and width of the grid that some of the tokens form."""
        patches = getattr(self.network, "patch_embed", None)
        known = tuple(getattr(patches, "grid_size", None) or ())
        said = getattr(self.network, "num_prefix_tokens", None)
        for prefix in _USUAL_PREFIXES if said is None else (said,):
            places = tokens - prefix
            if known and math.prod(known) == places:
                return known
            # Pyramids, and images of another size than the published one: images are square.
            side = math.isqrt(max(places, 0))
            if places > 0 and side**2 == places:
                return side, side
        return None

    def _before_last_attention(self) -> str | None:
        """Return the layer before the class token last takes something from the other tokens.

        Behind it only the class token reaches the score: the gradient of all places is zero.
        """
        norms = (".norm1", ".norm_out")
        names = [path for path, _ in self.network.named_modules() if path.endswith(norms)]
        return f"network.{names[-1]}" if names else None


def _create(name: str, outputs: int) -> nn.Module:
    backbone = name.removeprefix("timm:")
    try:
        network = timm.create_model(backbone, pretrained=False, num_classes=outputs)
    except Exception as error:
        # Packages that are missing, settings it does not know: backbones refuse in their own words.
        raise _unusable(name, f"timm cannot build it: {_first_line(error)}") from error
    lacking = [
        method for method in ("forward_features", "forward_head") if not hasattr(network, method)
    ]
    if lacking:
        raise _unusable(name, f"it has no {' and no '.join(lacking)}")
    channels = (network.pretrained_cfg or {}).get("input_size", (3,))[0]
    if channels != 3:
        raise _unusable(name, f"it takes images of {channels} channels, not of 3")
    return network


def _unusable(name: str, why: str) -> UserError:
    return UserError(
        f"{name} cannot be used: {why}",
        where=f"model {name}",
        expected="a backbone of timm that classifies images of three channels, built without "
        "further packages or settings",
        remedy=f"leave {name} out, or take another one; timm.list_models('*part*') searches them",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def architecture(name: str) -> Architecture:
    """Make the registry's entry of a timm backbone.

    Parameters
    ----------
    name
        `timm:<backbone>`, optionally with the tag of its weights (`timm:resnet50.a1_in1k`).

    Raises
    ------
    UserError
        If timm has no such backbone.
    """
    backbone = name.removeprefix("timm:")
    tagged = "." in backbone
    if not timm.is_model(backbone) or (tagged and backbone not in timm.list_pretrained()):
        hint = did_you_mean(backbone, timm.list_pretrained() if tagged else timm.list_models())
        raise UserError(
            f"timm {timm.__version__} has no backbone {backbone}",
            where=f"model {name}",
            expected="a name of timm.list_models(), or of timm.list_pretrained() with its tag",
            remedy=f"{hint} timm.list_models('*part*') searches them".strip(),
        )
    published = timm.models.get_pretrained_cfg(backbone)
    checkpoints = {}
    if published is not None and published.has_weights:
        checkpoints["network"] = f"timm/{published.architecture}.{published.tag}"
    return Architecture(
        name=name,
        title=backbone,
        family="timm",
        reference="Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861",
        build=partial(TimmBackbone, name),
        cam_layers=("last_map",),
        head=_head(published.classifier if published is not None else None),
        checkpoints=checkpoints,
    )


def _head(classifier: str | tuple[str, ...] | None) -> str | None:
    """Return the path of the layer that gives the logits; no path where several do."""
    if not classifier:
        return None
    return f"network.{classifier}" if isinstance(classifier, str) else ""
