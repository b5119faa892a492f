"""Reading a feature map as a sequence: the recurrent head of the CNN-LSTM networks."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from pneumobench.models.blocks.initialise import initialise_he, initialise_logits, initialise_lstm


class LSTMHead(nn.Module):
    """One LSTM over the positions of a feature map in raster order, then two linear layers.

    Dropout on the last hidden state is a layer of its own, since an LSTM of one layer ignores the
    dropout it is given. Initialisation: see `initialise_lstm` and `initialise_he`.

    Parameters
    ----------
    channels
        Feature maps that come in.
    hidden
        Units of the LSTM.
    hidden_dropout
        Dropout probability on the last hidden state.
    width
        Units of the layer between LSTM and logits.
    width_dropout
        Dropout probability on that layer.
    outputs
        Number of logits.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int,
        hidden_dropout: float,
        width: int,
        width_dropout: float,
        outputs: int,
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, hidden, batch_first=True)
        self.classifier = nn.Sequential(
            nn.Dropout(hidden_dropout),
            nn.Linear(hidden, width),
            nn.ReLU(),
            nn.Dropout(width_dropout),
            nn.Linear(width, outputs),
        )
        initialise_lstm(self.lstm)
        initialise_he(self.classifier)
        initialise_logits(self.classifier[-1])

    def forward(self, features: Tensor) -> Tensor:
        """Map feature maps [B, channels, H, W] to logits [B, outputs] through H * W tokens."""
        tokens = features.flatten(2).transpose(1, 2)
        # cuDNN refuses the gradient of an LSTM in eval mode, which Grad-CAM needs.
        explained = torch.is_grad_enabled() and not self.training
        with torch.backends.cudnn.flags(enabled=False) if explained else nullcontext():
            states, _ = self.lstm(tokens)
        return self.classifier(states[:, -1])
