"""ResNet18 written out layer by layer, the paper's CBAM after each stage, trained from scratch."""

from pneumobench.models.blocks.residual_classifier import residual_architecture
from pneumobench.models.blocks.residual_network import ResidualNetwork

ARCHITECTURE = residual_architecture(
    __name__, "ResNet18 + CBAM from scratch", ResidualNetwork, alpha=1.0
)
