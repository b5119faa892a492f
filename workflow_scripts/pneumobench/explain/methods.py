"""From a layer's activations and gradients to a map, by the four methods.

All take activations and gradients of the score, both [B, C, h, w], and return a map [B, h, w] that
is not negative: what speaks against the class is cut off.
"""

from collections.abc import Callable

from torch import Tensor

# Keeps Grad-CAM++'s quotient finite; the value of the `grad-cam` package.
EPSILON = 1e-6


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its mean gradient (Selvaraju et al., 2017, arXiv:1610.02391)."""
    weights = gradients.mean((2, 3), keepdim=True)
    return (weights * activations).sum(1).relu()


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight channels by positive gradients, larger where few positions count (Grad-CAM++).

    Chattopadhay et al., 2018, arXiv:1710.11063, eq. 19 and 20: second and third derivatives of the
    exponential of the score are powers of the first.
    """
    squared = gradients**2
    total = activations.sum((2, 3), keepdim=True)
    shares = squared / (2 * squared + total * squared * gradients + EPSILON)
    weights = (gradients.relu() * shares).sum((2, 3), keepdim=True)
    return (weights * activations).sum(1).relu()


def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Multiply place by place, without averaging (Draelos and Carin, 2020, arXiv:2011.08891)."""
    return (gradients * activations).sum(1).relu()


def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Multiply place by place with positive gradients only (Layer-CAM; Jiang et al., 2021, eq. 6).

    doi:10.1109/TIP.2021.3089943
    """
    return (gradients.relu() * activations).sum(1).relu()


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
}
