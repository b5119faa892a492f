"""ResNet101."""

from torchvision import models

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.residual_classifier import FREEZE, STAGES, ResidualClassifier


def build(outputs: int) -> ResidualClassifier:
    """Build torchvision's ResNet101 with a linear head."""
    return ResidualClassifier(ARCHITECTURE, models.resnet101(weights=None, num_classes=outputs))


ARCHITECTURE = Architecture(
    name=__name__,
    title="ResNet101",
    family="ResNet",
    reference="He et al., 2016, https://arxiv.org/abs/1512.03385",
    build=build,
    cam_layers=("network.layer4",),
    head="network.fc",
    stages=STAGES,
    checkpoints={"network": "torchvision/resnet101.IMAGENET1K_V1"},
    freeze=FREEZE,
)
