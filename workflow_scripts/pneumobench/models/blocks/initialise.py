"""Starting weights for networks that no BatchNorm rescues."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def on_meta(build: Callable[..., nn.Module], **settings: Any) -> nn.Module:
    """Build a network without memory: its library would draw weights only to have them replaced."""
    with torch.device("meta"):
        return build(**settings)


def materialise_he(network: nn.Module) -> nn.Module:
    """Give a network of `on_meta`, with convolutions and linear layers only, memory and weights."""
    network.to_empty(device=torch.get_default_device())
    initialise_he(network)
    return network


@torch.no_grad()
def initialise_he(network: nn.Module) -> None:
    """Draw convolution and linear weights so that activations keep their size from layer to layer.

    Normal with variance 2 / fan-in, biases zero (He et al., 2015,
    https://arxiv.org/abs/1502.01852). Without it AlexNet, VGG and plain convolution stacks start
    with vanishing signals and do not learn from scratch at usual learning rates.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def initialise_logits(layer: nn.Linear) -> None:
    """Draw the last layer small (deviation 0.01, bias zero): first predictions are undecided."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)


@torch.no_grad()
def initialise_lstm(lstm: nn.LSTM) -> None:
    """Draw an LSTM that remembers: orthogonal recurrent weights, forget gates open.

    Forget-gate bias 1 (Jozefowicz et al., 2015,
    https://proceedings.mlr.press/v37/jozefowicz15.html) keeps the first tokens' gradient alive;
    orthogonal recurrent weights (Saxe et al., 2014, https://arxiv.org/abs/1312.6120) and Xavier
    input weights keep its size.
    """
    for name, parameter in lstm.named_parameters():
        gates = parameter.chunk(4)  # input, forget, cell, output
        if name.startswith("weight_hh"):
            for gate in gates:
                nn.init.orthogonal_(gate)
        elif name.startswith("weight_ih"):
            for gate in gates:
                nn.init.xavier_uniform_(gate)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                nn.init.ones_(gates[1])
