"""ResNet18 written out layer by layer, trained from scratch."""

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.residual_classifier import STAGES, ResidualClassifier
from pneumobench.models.blocks.residual_network import ResidualNetwork


def build(outputs: int) -> ResidualClassifier:
    """Build our own ResNet18, He initialisation."""
    return ResidualClassifier(ARCHITECTURE, ResidualNetwork(outputs))


ARCHITECTURE = Architecture(
    name=__name__,
    title="ResNet18 from scratch",
    family="ResNet",
    reference="He et al., 2016, https://arxiv.org/abs/1512.03385",
    build=build,
    cam_layers=("network.layer4",),
    head="network.fc",
    stages=STAGES,
)
