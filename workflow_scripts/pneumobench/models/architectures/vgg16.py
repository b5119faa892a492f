"""VGG16."""

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.fully_connected import FullyConnectedClassifier
from pneumobench.models.blocks.vgg import CHECKPOINT, LAST_BLOCK, vgg16_network


def build(outputs: int) -> FullyConnectedClassifier:
    """Build VGG16; only its last linear layer has another width than ImageNet's."""
    return FullyConnectedClassifier(ARCHITECTURE, vgg16_network(outputs), pooled=7)


ARCHITECTURE = Architecture(
    name=__name__,
    title="VGG16",
    family="VGG",
    reference="Simonyan and Zisserman, 2015, https://arxiv.org/abs/1409.1556",
    build=build,
    cam_layers=("network.features.29",),
    head="network.classifier.6",
    checkpoints={"network": CHECKPOINT},
    freeze={
        "first_parameters": Freeze(
            "the first 10 parameters (5 convolutions) stay fixed, as in the fusion network",
            first={"network.features": 10},
        ),
        "last_stage": Freeze(
            "only the fifth block of convolutions and the fully connected layers are trained",
            all_but=(*(f"network.{layer}" for layer in LAST_BLOCK), "network.classifier"),
        ),
    },
)
