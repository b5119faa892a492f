"""DenseNet121."""

from torch import Tensor, nn
from torchvision import models

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.classifier import Classifier, global_average, in_full_precision
from pneumobench.models.blocks.normalise import IMAGENET


class DenseNet121(Classifier):
    """torchvision's DenseNet121 with its last ReLU as a layer of its own.

    torchvision applies that ReLU in place and outside the layers: what a hook on norm5 keeps is
    then the map before it on some devices and after it on others.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__(ARCHITECTURE, IMAGENET)
        self.network = models.densenet121(weights=None, num_classes=outputs)
        self.network.features.add_module("relu5", nn.ReLU(inplace=False))

    def features(self, prepared: Tensor) -> Tensor:
        """Return the last dense block's map after BatchNorm and ReLU, [B, 1024, S/32, S/32]."""
        return self.network.features(prepared)

    def head(self, features: Tensor) -> Tensor:
        """Average over positions, then one linear layer."""
        return in_full_precision(self.network.classifier, global_average(features))


ARCHITECTURE = Architecture(
    name=__name__,
    title="DenseNet121",
    family="DenseNet",
    reference="Huang et al., 2017, https://arxiv.org/abs/1608.06993",
    build=DenseNet121,
    cam_layers=("network.features.relu5",),
    head="network.classifier",
    stages=tuple(f"network.features.denseblock{number}" for number in (1, 2, 3, 4)),
    checkpoints={"network": "torchvision/densenet121.IMAGENET1K_V1"},
    freeze={
        "last_stage": Freeze(
            "only the last dense block, the normalisation after it and the head are trained",
            all_but=(
                "network.features.denseblock4",
                "network.features.norm5",
                "network.classifier",
            ),
        )
    },
)
