"""The convolutional block attention module (CBAM)."""

import torch
from torch import Tensor, nn


class CBAM(nn.Module):
    """Weight feature maps by channel, then by position (Woo et al., 2018, https://arxiv.org/abs/1807.06521).

    Channel attention: one two-layer network, shared by the averages and the maxima of the channels.
    Spatial attention: a 7x7 convolution over the mean and the maximum across channels. Each gate
    reads `x * (1 + alpha * (attention - 1))`: alpha = 1 is the paper's module, alpha = 0 leaves x
    untouched to the bit, so that the module can join a pretrained trunk without breaking it.

    Parameters
    ----------
    channels
        Number of feature maps.
    alpha
        Starting value of the learnable scalar alpha.
    reduction
        Ratio of channels to hidden units of the shared network.
    """

    def __init__(self, channels: int, alpha: float, reduction: int = 16) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.shared = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        for layer in (self.shared[0], self.shared[2], self.spatial):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """Return the weighted feature maps, [B, C, H, W] as they came."""
        features = self._gate(features, self.channel_attention(features))
        return self._gate(features, self.spatial_attention(features))

    def channel_attention(self, features: Tensor) -> Tensor:
        """Return one weight in (0, 1) for each channel, [B, C, 1, 1]."""
        # amax shares the gradient among equal maxima; max would pick one by a device's order.
        average, maximum = features.mean((2, 3), keepdim=True), features.amax((2, 3), keepdim=True)
        return torch.sigmoid(self.shared(average) + self.shared(maximum))

    def spatial_attention(self, features: Tensor) -> Tensor:
        """Return one weight in (0, 1) for each position, [B, 1, H, W]."""
        average, maximum = features.mean(1, keepdim=True), features.amax(1, keepdim=True)
        return torch.sigmoid(self.spatial(torch.cat([average, maximum], 1)))

    def _gate(self, features: Tensor, attention: Tensor) -> Tensor:
        return features * (1 + self.alpha * (attention - 1))
