"""Any backbone of timm by name: `timm:efficientnet_b0`."""

from functools import partial

import timm
from torch import Tensor, nn

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.classifier import Classifier, in_full_precision


class TimmBackbone(Classifier):
    """A timm backbone with a fresh head, normalising as its published weights expect.

    Parameters
    ----------
    name
        `timm:<backbone>`.
    outputs
        Number of logits.
    """

    def __init__(self, name: str, outputs: int) -> None:
        network = timm.create_model(
            name.removeprefix("timm:"), pretrained=False, num_classes=outputs
        )
        published = network.pretrained_cfg
        super().__init__(architecture(name), (published["mean"], published["std"]))
        self.network = network
        self.channels_last_axis = getattr(network, "output_fmt", "NCHW") == "NHWC"
        # A layer that does nothing, so that every backbone's last map has a name for hooks.
        self.last_map = nn.Identity()

    def features(self, prepared: Tensor) -> Tensor:
        """Return the backbone's last map [B, C, H, W]; plain transformers give tokens [B, N, C]."""
        features = self.network.forward_features(prepared)
        if self.channels_last_axis:
            features = features.permute(0, 3, 1, 2)
        return self.last_map(features)

    def head(self, features: Tensor) -> Tensor:
        """Apply the backbone's own pooling and head."""
        if self.channels_last_axis:
            features = features.permute(0, 2, 3, 1)
        return in_full_precision(self.network.forward_head, features)


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
        checkpoints=checkpoints,
    )
