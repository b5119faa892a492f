"""ResNet18, torchvision's."""

from torchvision import models

from pneumobench.models.blocks.residual_classifier import FREEZE, residual_architecture

ARCHITECTURE = residual_architecture(
    __name__,
    "ResNet18",
    lambda outputs: models.resnet18(weights=None, num_classes=outputs),
    checkpoints={"network": "torchvision/resnet18.IMAGENET1K_V1"},
    freeze=FREEZE,
)
