"""AlexNet and VGG: convolutions, a pooled map of fixed size, three fully connected layers."""

from torch import Tensor, nn

from pneumobench.models.architecture import Architecture
from pneumobench.models.blocks.classifier import Classifier, in_full_precision
from pneumobench.models.blocks.initialise import initialise_logits
from pneumobench.models.blocks.normalise import IMAGENET
from pneumobench.models.blocks.pooling import AdaptiveAveragePool


class FullyConnectedClassifier(Classifier):
    """A torchvision network with `features` (ending with ReLU, max pooling) and `classifier`.

    Parameters
    ----------
    architecture
        The entry of the registry.
    network
        The torchvision network.
    pooled
        Side of the map that its first fully connected layer takes.
    """

    def __init__(self, architecture: Architecture, network: nn.Module, pooled: int) -> None:
        super().__init__(architecture, IMAGENET)
        self.network = network
        self.network.avgpool = AdaptiveAveragePool(pooled)
        initialise_logits(self.network.classifier[-1])

    def features(self, prepared: Tensor) -> Tensor:
        """Return the last convolution's map after its ReLU, before the last max pooling."""
        return self.network.features[:-1](prepared)

    def head(self, features: Tensor) -> Tensor:
        """Pool, then the fully connected layers; the last of them in float32."""
        pooled = self.network.avgpool(self.network.features[-1](features))
        hidden = self.network.classifier[:-1](pooled.flatten(1))
        return in_full_precision(self.network.classifier[-1], hidden)
