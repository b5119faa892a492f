"""ResNet18 written out layer by layer, He initialisation, trained from scratch."""

from pneumobench.models.blocks.residual_classifier import residual_architecture
from pneumobench.models.blocks.residual_network import ResidualNetwork

ARCHITECTURE = residual_architecture(__name__, "ResNet18 from scratch", ResidualNetwork)
