"""Xception."""

from torch import Tensor

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.classifier import Classifier, global_average, in_full_precision
from pneumobench.models.blocks.initialise import initialise_logits
from pneumobench.models.blocks.normalise import HALF
from pneumobench.models.blocks.xception import (
    CHECKPOINT,
    EXIT_FLOW,
    REFERENCE,
    STAGES,
    xception_network,
)


class Xception(Classifier):
    """Chollet's Xception (timm's legacy_xception) with a linear head."""

    def __init__(self, outputs: int) -> None:
        super().__init__(ARCHITECTURE, HALF)
        self.network = xception_network(outputs)
        initialise_logits(self.network.fc)

    def features(self, prepared: Tensor) -> Tensor:
        """Return the last map after BatchNorm and ReLU, 2048 channels (7x7 at 224 px)."""
        return self.network.forward_features(prepared)

    def head(self, features: Tensor) -> Tensor:
        """Average over positions, then one linear layer."""
        return in_full_precision(self.network.fc, global_average(features))


ARCHITECTURE = Architecture(
    name=__name__,
    title="Xception",
    family="Xception",
    reference=REFERENCE,
    build=Xception,
    cam_layers=("network.act4",),
    head="network.fc",
    stages=tuple(f"network.{stage}" for stage in STAGES),
    checkpoints={"network": CHECKPOINT},
    freeze={
        "first_parameters": Freeze(
            "the first 100 of 154 trunk parameters stay fixed, as in the fusion network",
            first={"network": 100},
        ),
        "last_stage": Freeze(
            "only the exit flow (block12 and later) and the head are trained",
            all_but=(*(f"network.{layer}" for layer in EXIT_FLOW), "network.fc"),
        ),
    },
)
