"""An LSTM that reads Xception's feature map."""

from torch import Tensor, nn

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks.classifier import Classifier, in_full_precision
from pneumobench.models.blocks.lstm_head import LSTMHead
from pneumobench.models.blocks.normalise import HALF
from pneumobench.models.blocks.xception import (
    CHECKPOINT,
    EXIT_FLOW,
    REFERENCE,
    STAGES,
    xception_network,
)


class XceptionLSTM(Classifier):
    """Xception's map, reduced to 512 channels, read position by position (49 tokens at 224 px)."""

    def __init__(self, outputs: int) -> None:
        super().__init__(ARCHITECTURE, HALF)
        self.xception = xception_network(outputs=0)
        self.reduce = nn.Sequential(
            nn.Conv2d(2048, 512, kernel_size=1, bias=False), nn.BatchNorm2d(512), nn.ReLU()
        )
        nn.init.kaiming_normal_(self.reduce[0].weight, nonlinearity="relu")
        self.recurrent = LSTMHead(
            512, hidden=512, hidden_dropout=0.2, width=128, width_dropout=0.3, outputs=outputs
        )

    def features(self, prepared: Tensor) -> Tensor:
        """Return Xception's last map after BatchNorm and ReLU, 2048 channels (7x7 at 224 px)."""
        return self.xception.forward_features(prepared)

    def head(self, features: Tensor) -> Tensor:
        """Reduce the channels, read the positions in raster order, classify the last state."""
        return in_full_precision(self.recurrent, self.reduce(features))


ARCHITECTURE = Architecture(
    name=__name__,
    title="Xception-LSTM",
    family="CNN-LSTM",
    reference=f"{REFERENCE}; Hochreiter and Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735",
    build=XceptionLSTM,
    cam_layers=("xception.act4",),
    head="recurrent.classifier",
    stages=tuple(f"xception.{stage}" for stage in STAGES),
    checkpoints={"xception": CHECKPOINT},
    freeze={
        "first_parameters": Freeze(
            "the first 100 of Xception's 154 parameters stay fixed", first={"xception": 100}
        ),
        "last_stage": Freeze(
            "only Xception's exit flow, the channel reduction and the recurrent head are trained",
            all_but=(*(f"xception.{layer}" for layer in EXIT_FLOW), "reduce", "recurrent"),
        ),
    },
)
