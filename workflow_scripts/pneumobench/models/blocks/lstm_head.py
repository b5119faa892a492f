"""Reading a feature map as a sequence: the recurrent head of the CNN-LSTM networks."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from pneumobench.models.blocks.initialise import initialise_he, initialise_logits, initialise_lstm


class LSTMHead(nn.Module):
    """One LSTM over the positions of a feature map in raster order, then two linear layers.

    How its states become one is `reading`, chosen by `read_by`: `last` takes the last state, `norm`
    and `additive` a sum of all states, weighted as `token_weights` says.

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
        self.reading = "last"
        self.scorer: nn.Sequential | None = None
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

    def read_by(self, reading: str) -> None:
        """Choose how the states become one: `last`, `norm` or `additive`.

        `additive` brings a scorer with fresh weights: a layer of as many units as the LSTM with
        tanh, then one linear score without bias, which the softmax would cancel. Drawn small, so
        that a network starts with the mean of its states.
        """
        self.reading = reading
        if reading == "additive":
            units = self.lstm.hidden_size
            score = nn.Linear(units, 1, bias=False)
            self.scorer = nn.Sequential(nn.Linear(self.lstm.input_size, units), nn.Tanh(), score)
            nn.init.xavier_uniform_(self.scorer[0].weight)
            nn.init.zeros_(self.scorer[0].bias)
            nn.init.normal_(score.weight, std=0.01)

    def forward(self, features: Tensor) -> Tensor:
        """Map feature maps [B, channels, H, W] to logits [B, outputs] through H * W tokens."""
        tokens = _in_raster_order(features)
        states = self._states(tokens)
        if self.reading == "last":
            return self.classifier(states[:, -1])
        weights = self._weights(tokens, states, self.reading)
        return self.classifier((weights.unsqueeze(2) * states).sum(1))

    def token_weights(self, features: Tensor, reading: str) -> Tensor:
        """Return the weight of each position, whatever the head itself reads by.

        `norm` is the softmax of the norms of the LSTM's states. It has no parameters and says more
        about the order of reading than about the image: norms grow from the first state on, even
        where all tokens are the same. `additive` is the softmax of a learned score of each token
        (Bahdanau et al., 2015, https://arxiv.org/abs/1409.0473, with nothing but the token to ask
        for): it scores what the convolutions saw, not the states, so that it knows no order.

        Parameters
        ----------
        features
            Feature maps [B, channels, H, W].
        reading
            norm, or additive for a head that reads so.

        Returns
        -------
        Tensor
            [B, H, W], positive; the weights of an image sum to 1.
        """
        tokens = _in_raster_order(features)
        states = self._states(tokens)
        return self._weights(tokens, states, reading).unflatten(1, features.shape[2:])

    def _states(self, tokens: Tensor) -> Tensor:
        # cuDNN refuses the gradient of an LSTM in eval mode, which Grad-CAM needs.
        explained = torch.is_grad_enabled() and not self.training
        with _without_cudnn() if explained else nullcontext():
            return self.lstm(tokens)[0]

    def _weights(self, tokens: Tensor, states: Tensor, reading: str) -> Tensor:
        by_norm = reading == "norm"
        scores = torch.linalg.vector_norm(states, dim=2) if by_norm else self.scorer(tokens)[..., 0]
        return scores.softmax(1)


@contextmanager
def _without_cudnn() -> Iterator[None]:
    # Not torch.backends.cudnn.flags: it also touches the precision, and fails where that is set.
    before, torch.backends.cudnn.enabled = torch.backends.cudnn.enabled, False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = before


def _in_raster_order(features: Tensor) -> Tensor:
    return features.flatten(2).transpose(1, 2)
