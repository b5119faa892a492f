"""The Xception trunk, shared by three architectures."""

import timm
from torch import nn

from pneumobench.models.blocks.initialise import initialise_he

CHECKPOINT = "timm/legacy_xception.tf_in1k"

REFERENCE = "Chollet, 2017, Xception, https://arxiv.org/abs/1610.02357"

STAGES = tuple(f"block{number}" for number in range(1, 13))
"""The parts of the trunk that gradient checkpointing works on."""

EXIT_FLOW = ("block12", "conv3", "bn3", "conv4", "bn4")
"""The layers of the trunk's last stage."""


def xception_network(outputs: int) -> nn.Module:
    """Build Chollet's Xception with fresh weights; its map has 2048 channels (7x7 at 224 px).

    timm's plain name `xception` is deprecated and points to the network named here. He's
    initialisation by fan-in: timm's, by fan-out, draws the depthwise convolutions smaller by the
    root of their channels, so that BatchNorm's running statistics lag behind in short trainings.

    Parameters
    ----------
    outputs
        Number of logits; 0 leaves the head away.
    """
    network = timm.create_model("legacy_xception", pretrained=False, num_classes=outputs)
    # In place it would overwrite what a hook on the layer before it keeps.
    network.act4 = nn.ReLU(inplace=False)
    initialise_he(network)
    return network
