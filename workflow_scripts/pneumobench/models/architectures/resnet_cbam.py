"""ResNet18 with CBAM after each of its four stages, on a pretrained trunk.

The attention gates start at alpha = 0: the network begins as ResNet18, to the bit, and learns how
much attention to let in. Gates that are open from the start would spoil pretrained weights.
"""

from torchvision import models

from pneumobench.models.blocks.residual_classifier import (
    FREEZE_WITH_ATTENTION,
    residual_architecture,
)

ARCHITECTURE = residual_architecture(
    __name__,
    "ResNet18 + CBAM",
    lambda outputs: models.resnet18(weights=None, num_classes=outputs),
    alpha=0.0,
    checkpoints={"network": "torchvision/resnet18.IMAGENET1K_V1"},
    freeze=FREEZE_WITH_ATTENTION,
)
