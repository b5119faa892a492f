"""What attends in a network: CBAM's spatial gates, and the weights of an LSTM head's tokens."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from pneumobench.models.blocks.cbam import CBAM
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.blocks.lstm_head import LSTMHead

Maps = dict[str, Tensor]
Hook = Callable[[Any, tuple[Tensor, ...], Tensor], None]


@torch.no_grad()
def attention_maps(model: Classifier, images: Tensor) -> Maps:
    """Return the maps by which a network weighs positions, each on its own grid.

    They show where signals pass, not what speaks for a class.

    Parameters
    ----------
    model, images
        As `cam.explain` takes them; the model is left in evaluation mode.

    Returns
    -------
    dict
        Name -> float32 [B, h, w]; empty for a network without attention.

        stage_1, stage_2, ...
            The spatial gates of the CBAM modules, in their order, as they act: the factor
            1 + alpha (attention - 1) of each position. In (0, 1) for alpha in (0, 1]; 1 everywhere
            for alpha 0, a module that does nothing.
        token_norm
            Of LSTM heads, 7x7 at 224 px: softmax of the norms of the LSTM's states, positive, sum
            1. It follows the order of reading more than the image (see `LSTMHead.token_weights`),
            and acts on the logits only where the recipe says `token_reading: norm`.
        token_additive
            Of LSTM heads with `token_reading: additive`: the learned weights of the states,
            positive, sum 1.
    """
    model.eval()
    found: Maps = {}
    gates = [module for module in model.modules() if isinstance(module, CBAM)]
    heads = [module for module in model.modules() if isinstance(module, LSTMHead)]
    with ExitStack() as hooks:

        def listen(module: nn.Module, hook: Hook) -> None:
            hooks.callback(module.register_forward_hook(hook).remove)

        for number, gate in enumerate(gates, start=1):
            listen(gate.spatial, _gate_into(found, f"stage_{number}", gate.alpha))
        for head in heads:
            listen(head, _token_weights_into(found))
        if gates or heads:
            model(images)
    return found


def _gate_into(found: Maps, name: str, alpha: Tensor) -> Hook:
    """Return a hook for a CBAM's spatial convolution, whose sigmoid is the attention."""

    def keep(_convolution: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found[name] = (1 + alpha * (torch.sigmoid(output) - 1)).squeeze(1)

    return keep


def _token_weights_into(found: Maps) -> Hook:
    def keep(head: LSTMHead, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        found["token_norm"] = head.token_weights(inputs[0], "norm")
        if head.reading == "additive":
            found["token_additive"] = head.token_weights(inputs[0], "additive")

    return keep
