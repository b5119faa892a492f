"""The one contract of all architectures: grey images in [0, 1] in, float32 logits out."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pneumobench.core.errors import UserError
from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.normalise import Normalise

Features = Tensor | tuple[Tensor, ...]


class Classifier(nn.Module, ABC):
    """Base class: `forward(x) = head(features(prepare(x)))`.

    The split is where Grad-CAM cuts: `features` ends with the architecture's `cam_layers`, so that
    a map needs no gradient through the trunk, and everything after them is `head`.

    Parameters
    ----------
    architecture
        The entry of the registry that this network is built from.
    statistics
        Mean and standard deviation for `Normalise`; None if the subclass prepares images itself.
    """

    def __init__(
        self,
        architecture: Architecture,
        statistics: tuple[tuple[float, ...], tuple[float, ...]] | None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        # Where no place of the features has a part of its own in the score (class tokens): the path
        # of the layer to explain instead.
        self.inner_cam_layer: str | None = None
        if statistics is not None:
            self.normalise = Normalise(statistics)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images.

        Parameters
        ----------
        images
            Grey images [B, 1, S, S], floating point in [0, 1].

        Returns
        -------
        Tensor
            Logits [B, outputs], float32 even under autocast.
        """
        return self.head(self.features(self.prepare(images)))

    def prepare(self, images: Tensor) -> Features:
        """Turn grey images [B, 1, S, S] in [0, 1] into the trunk's input [B, 3, S, S].

        Raises
        ------
        UserError
            If the images are smaller than the architecture takes.
        """
        self.check_size(images)
        return self.normalise(images)

    def check_size(self, images: Tensor) -> None:
        """Refuse images [B, 1, S, S] that are smaller than the architecture takes.

        Raises
        ------
        UserError
            Naming the architecture, the size and the minimum.
        """
        size, minimum = min(images.shape[-2:]), self.architecture.minimum_size
        if size < minimum:
            raise UserError(
                f"the images are too small for {self.architecture.name}: {size} px",
                where=f"images.size, used by model {self.architecture.name}",
                expected=f"{minimum} px or more",
                remedy=f"set images.size to {minimum} or more",
            )

    @property
    def explained_layers(self) -> tuple[str, ...]:
        """Paths of the layers that maps explain unless another one is asked for."""
        inner = self.inner_cam_layer
        return self.architecture.cam_layers if inner is None else (inner,)

    def as_map(self, output: Tensor) -> Tensor | None:
        """Return a layer's output, or a gradient of its shape, as maps [B, C, H, W].

        None if it has no height and width.
        """
        return output if output.dim() == 4 else None

    @abstractmethod
    def features(self, prepared: Features) -> Features:
        """Return the last feature map [B, C, H, W] before pooling; one per branch of a fusion."""

    @abstractmethod
    def head(self, features: Features) -> Tensor:
        """Return float32 logits [B, outputs] from the feature map(s)."""


def in_full_precision(module: nn.Module, values: Tensor) -> Tensor:
    """Apply a module in float32 whatever the autocast around it says.

    Logits and recurrent states lose too much in bfloat16's eight bits.
    """
    with torch.autocast(values.device.type, enabled=False):
        return module(values.float())


def global_average(features: Tensor) -> Tensor:
    """Average feature maps [B, C, H, W] over their positions: [B, C] in float32."""
    return features.float().mean((2, 3))
