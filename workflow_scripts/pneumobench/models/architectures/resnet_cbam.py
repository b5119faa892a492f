"""ResNet18 with CBAM on a pretrained trunk."""

from torchvision import models

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.residual_classifier import (
    FREEZE_WITH_ATTENTION,
    STAGES,
    ResidualClassifier,
)


def build(outputs: int) -> ResidualClassifier:
    """Build torchvision's ResNet18 with CBAM after each of its four stages.

    The attention gates start at alpha = 0: the network begins as ResNet18, to the bit, and learns
    how much attention to let in. Gates that are open from the start would spoil pretrained weights.
    """
    network = models.resnet18(weights=None, num_classes=outputs)
    return ResidualClassifier(ARCHITECTURE, network, alpha=0.0)


ARCHITECTURE = Architecture(
    name=__name__,
    title="ResNet18 + CBAM",
    family="ResNet + attention",
    reference="Woo et al., 2018, CBAM, https://arxiv.org/abs/1807.06521",
    build=build,
    cam_layers=("attention.3",),
    head="network.fc",
    stages=STAGES,
    checkpoints={"network": "torchvision/resnet18.IMAGENET1K_V1"},
    freeze=FREEZE_WITH_ATTENTION,
)
