"""VGG16, shared by two architectures."""

from torch import nn
from torchvision import models

from pneumobench.models.blocks.initialise import materialise_he, on_meta

CHECKPOINT = "torchvision/vgg16.IMAGENET1K_V1"

LAST_BLOCK = ("features.24", "features.26", "features.28")
"""The convolutions of the fifth block."""


def vgg16_network(outputs: int) -> nn.Module:
    """Build torchvision's VGG16, He's initialisation: no BatchNorm keeps the signal's size.

    Parameters
    ----------
    outputs
        Number of logits; 0 leaves the fully connected layers away. Otherwise fc6 and fc7 keep
        ImageNet's shape, so that published weights fit.
    """
    network = on_meta(models.vgg16, weights=None, num_classes=outputs or 1, init_weights=False)
    if not outputs:
        network.avgpool = network.classifier = nn.Identity()
    # In place it would overwrite what a hook on the layer before it keeps.
    network.features[29] = nn.ReLU(inplace=False)
    return materialise_he(network)
