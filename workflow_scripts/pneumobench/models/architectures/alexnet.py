"""AlexNet."""

from torch import nn
from torchvision import models

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.fully_connected import FullyConnectedClassifier
from pneumobench.models.blocks.initialise import materialise_he, on_meta


def build(outputs: int) -> FullyConnectedClassifier:
    """Build torchvision's AlexNet; only its last linear layer has another width than ImageNet's.

    He's initialisation, since there is no BatchNorm to keep the signal's size.
    """
    network = on_meta(models.alexnet, weights=None, num_classes=outputs)
    # In place it would overwrite what a hook on the layer before it keeps.
    network.features[11] = nn.ReLU(inplace=False)
    return FullyConnectedClassifier(ARCHITECTURE, materialise_he(network), pooled=6)


ARCHITECTURE = Architecture(
    name=__name__,
    title="AlexNet",
    family="AlexNet",
    reference="Krizhevsky, 2014, One weird trick, https://arxiv.org/abs/1404.5997",
    build=build,
    cam_layers=("network.features.11",),
    head="network.classifier.6",
    checkpoints={"network": "torchvision/alexnet.IMAGENET1K_V1"},
    freeze={
        "last_stage": Freeze(
            "only the last convolution and the fully connected layers are trained",
            all_but=("network.features.10", "network.classifier"),
        )
    },
)
