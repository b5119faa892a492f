"""Residual networks, torchvision's or our own, behind the common contract."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.cbam import CBAM
from pneumobench.models.blocks.classifier import Classifier, global_average, in_full_precision
from pneumobench.models.blocks.normalise import IMAGENET

RESNET = "He et al., 2016, https://arxiv.org/abs/1512.03385"
WITH_ATTENTION = "Woo et al., 2018, CBAM, https://arxiv.org/abs/1807.06521"

STAGE_CHANNELS = (64, 128, 256, 512)
"""Feature maps of the four stages of ResNet18."""

STAGES = tuple(f"network.layer{number}" for number in (1, 2, 3, 4))
"""The parts of a residual network that gradient checkpointing works on."""

FREEZE = {
    "last_stage": Freeze(
        "only the last stage (layer4) and the head are trained",
        all_but=("network.layer4", "network.fc"),
    )
}

FREEZE_WITH_ATTENTION = {
    "last_stage": Freeze(
        "only the last stage (layer4), its attention module and the head are trained",
        all_but=("network.layer4", "attention.3", "network.fc"),
    )
}


class ResidualClassifier(Classifier):
    """A residual network of four stages, optionally with CBAM after each stage.

    Parameters
    ----------
    architecture
        The entry of the registry.
    network
        A network with torchvision's layer names: conv1, bn1, relu, maxpool, layer1 to layer4, fc.
    alpha
        Starting value of the attention gates (see `CBAM`); None for a network without attention.
    """

    def __init__(
        self, architecture: Architecture, network: nn.Module, alpha: float | None = None
    ) -> None:
        super().__init__(architecture, IMAGENET)
        self.network = network
        self.attention = nn.ModuleList(
            nn.Identity() if alpha is None else CBAM(channels, alpha) for channels in STAGE_CHANNELS
        )

    def features(self, prepared: Tensor) -> Tensor:
        """Return the last stage's map [B, C, S/32, S/32], weighted by its attention if any."""
        network = self.network
        features = network.maxpool(network.relu(network.bn1(network.conv1(prepared))))
        stages = (network.layer1, network.layer2, network.layer3, network.layer4)
        for stage, attention in zip(stages, self.attention, strict=True):
            features = attention(stage(features))
        return features

    def head(self, features: Tensor) -> Tensor:
        """Average over positions, then one linear layer."""
        return in_full_precision(self.network.fc, global_average(features))


def residual_architecture(
    name: str,
    title: str,
    network: Callable[[int], nn.Module],
    *,
    alpha: float | None = None,
    **further: Any,
) -> Architecture:
    """Return the entry of a residual network.

    Parameters
    ----------
    name, title, further
        As `Architecture` takes them.
    network
        Takes the number of logits, returns the layers, with fresh weights.
    alpha
        As `ResidualClassifier` takes it.
    """

    def build(outputs: int) -> ResidualClassifier:
        return ResidualClassifier(architecture, network(outputs), alpha)

    plain = alpha is None
    architecture = Architecture(
        name=name,
        title=title,
        family="ResNet" if plain else "ResNet + attention",
        reference=RESNET if plain else WITH_ATTENTION,
        build=build,
        cam_layers=("network.layer4",) if plain else ("attention.3",),
        head="network.fc",
        stages=STAGES,
        **further,
    )
    return architecture
