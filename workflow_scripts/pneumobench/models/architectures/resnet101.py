"""ResNet101, torchvision's."""

from torchvision import models

from pneumobench.models.blocks.residual_classifier import FREEZE, residual_architecture

ARCHITECTURE = residual_architecture(
    __name__,
    "ResNet101",
    lambda outputs: models.resnet101(weights=None, num_classes=outputs),
    checkpoints={"network": "torchvision/resnet101.IMAGENET1K_V1"},
    freeze=FREEZE,
)
