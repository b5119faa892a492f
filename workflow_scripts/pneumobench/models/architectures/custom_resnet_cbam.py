"""ResNet18 with CBAM written out layer by layer, trained from scratch."""

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.residual_classifier import STAGES, ResidualClassifier
from pneumobench.models.blocks.residual_network import ResidualNetwork


def build(outputs: int) -> ResidualClassifier:
    """Build our own ResNet18 with the paper's CBAM (alpha starts at 1) after each stage."""
    return ResidualClassifier(ARCHITECTURE, ResidualNetwork(outputs), alpha=1.0)


ARCHITECTURE = Architecture(
    name=__name__,
    title="ResNet18 + CBAM from scratch",
    family="ResNet + attention",
    reference="Woo et al., 2018, CBAM, https://arxiv.org/abs/1807.06521",
    build=build,
    cam_layers=("attention.3",),
    head="network.fc",
    stages=STAGES,
)
