"""Other heads than the one an architecture's authors built."""

from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.blocks.initialise import initialise_he, initialise_logits


def replace_head(
    model: Classifier, kind: str, *, width: int, dropout: float, hidden_dropout: float, outputs: int
) -> None:
    """Give a network another head, with fresh weights, at the same path.

    What lies before it (pooling, an LSTM) stays.

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

    Raises
    ------
    UserError
        If the network has no linear layer whose place the head could take.
    """
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
    inputs = [layer.in_features for layer in layers[path].modules() if isinstance(layer, nn.Linear)]
    if not path or not inputs:
        raise UserError(
            f"{name} has no linear head that another one could replace",
            where=f"recipe key head.kind, used with model {name}",
            expected="own",
            remedy=f"give {name} a recipe with head: {{kind: own}}",
        )
    return path, inputs[0]
