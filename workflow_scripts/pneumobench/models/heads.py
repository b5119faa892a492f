"""Other heads than the one an architecture's authors built."""

from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.blocks.initialise import initialise_he, initialise_logits
from pneumobench.models.blocks.lstm_head import LSTMHead


def replace_head(
    model: Classifier,
    kind: str,
    *,
    width: int,
    dropout: float,
    hidden_dropout: float,
    outputs: int,
    token_reading: str = "last",
) -> None:
    """Give a network another head, with fresh weights, at the same path.

    What lies before it (pooling, an LSTM) stays, but for how an LSTM's states are read.

    Parameters
    ----------
    model
        The network; changed in place.
    kind
        own (nothing is changed), linear, or mlp: dropout, a hidden layer, ReLU, dropout, logits.
    width
        Units of the hidden layer.
    dropout, hidden_dropout
        Dropout before and behind the hidden layer.
    outputs
        Number of logits.
    token_reading
        How an LSTM's states become one: last, norm or additive (see `LSTMHead`). Runs recorded
        without it were read by their last state.

    Raises
    ------
    UserError
        If the network has no linear layer whose place the head could take, or no LSTM whose states
        could be read in another way than by the last one.
    """
    if token_reading != "last":
        _recurrent_head(model, token_reading).read_by(token_reading)
    if kind == "own":
        return
    path, inputs = _place_of_head(model)
    if kind == "linear":
        head: nn.Module = nn.Linear(inputs, outputs)
    else:
        head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(inputs, width),
            nn.ReLU(),
            nn.Dropout(hidden_dropout),
            nn.Linear(width, outputs),
        )
    initialise_he(head)
    initialise_logits(head if kind == "linear" else head[-1])
    model.set_submodule(path, head)


def _place_of_head(model: Classifier) -> tuple[str, int]:
    """Return the path of a network's head and how many features it takes."""
    name, path = model.architecture.name, model.architecture.head
    layers = dict(model.named_modules())
    if path is None:
        linear = [place for place, layer in layers.items() if isinstance(layer, nn.Linear)]
        path = linear[-1] if linear else ""
    inputs = [
        layer.in_features
        for layer in (layers[path].modules() if path in layers else ())
        if isinstance(layer, nn.Linear)
    ]
    if not path or not inputs:
        raise UserError(
            f"{name} has no single linear head that another one could replace",
            where=f"recipe key head.kind, used with model {name}",
            expected="own",
            remedy=f"give {name} a recipe with head: {{kind: own}}",
        )
    return path, inputs[0]


def _recurrent_head(model: Classifier, token_reading: str) -> LSTMHead:
    for module in model.modules():
        if isinstance(module, LSTMHead):
            return module
    name = model.architecture.name
    raise UserError(
        f"the token reading {token_reading} means nothing for {name}, which has no LSTM head",
        where=f"recipe key head.token_reading: {token_reading}, used with model {name}",
        expected="last",
        remedy=f"give {name} a recipe with head: {{token_reading: last}}",
    )
