"""Three convolutions and an LSTM, trained from scratch."""

from collections import OrderedDict

from torch import Tensor, nn

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.classifier import Classifier, in_full_precision
from pneumobench.models.blocks.initialise import initialise_he
from pneumobench.models.blocks.lstm_head import LSTMHead
from pneumobench.models.blocks.normalise import HALF
from pneumobench.models.blocks.pooling import AdaptiveAveragePool


class CustomCNNLSTM(Classifier):
    """Convolutions of 200, 150 and 100 maps, pooled to 7x7 and read by an LSTM of 50 units.

    He's initialisation, since there is no BatchNorm to keep the signal's size.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__(ARCHITECTURE, HALF)
        self.trunk = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 200, 3, padding=1),
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(200, 150, 3, padding=1),
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(2),
                conv3=nn.Conv2d(150, 100, 3, padding=1),
                relu3=nn.ReLU(inplace=False),
            )
        )
        initialise_he(self.trunk)
        self.pool = AdaptiveAveragePool(7)
        self.recurrent = LSTMHead(
            100, hidden=50, hidden_dropout=0.0, width=64, width_dropout=0.27, outputs=outputs
        )

    def features(self, prepared: Tensor) -> Tensor:
        """Return the third convolution's map after its ReLU, [B, 100, S/4, S/4]."""
        return self.trunk(prepared)

    def head(self, features: Tensor) -> Tensor:
        """Pool to 7x7, read the 49 positions in raster order, classify the last hidden state."""
        return in_full_precision(self.recurrent, self.pool(features))


ARCHITECTURE = Architecture(
    name=__name__,
    title="CNN-LSTM from scratch",
    family="CNN-LSTM",
    reference="Hochreiter and Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735",
    build=CustomCNNLSTM,
    cam_layers=("trunk.relu3",),
    head="recurrent.classifier",
)
