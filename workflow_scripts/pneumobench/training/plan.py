"""The plan of an epoch: in which order the items come and how each is augmented.

Drawn before the epoch from (seed, fold, epoch) alone, on the CPU, so that it depends neither on
the device, nor on the order of batches, nor on whether the training was interrupted.
"""

from dataclasses import dataclass

import numpy as np

from pneumobench.training.randomness import plan_generator


@dataclass(frozen=True)
class AugmentationPolicy:
    """How strongly images vary: a probability, degrees, then shares of the size or grey range."""

    horizontal_flip: float
    rotation_degrees: float
    translation: float
    scale: float
    brightness: float
    contrast: float

    @property
    def warps(self) -> bool:
        """Whether the policy moves pixels at all."""
        return any((self.horizontal_flip, self.rotation_degrees, self.translation, self.scale))


@dataclass(frozen=True)
class EpochPlan:
    """One row an item, in training order.

    Attributes
    ----------
    order
        int64 [K]; permutation of the items.
    theta
        float32 [K, 2, 3]; output-to-input affine maps in [-1, 1] coordinates, as
        `torch.nn.functional.affine_grid` takes them.
    gain, bias
        float32 [K]; grey values x in [0, 1] become (x - 0.5) * gain + 0.5 + bias.
    """

    order: np.ndarray
    theta: np.ndarray
    gain: np.ndarray
    bias: np.ndarray


def draw_plan(
    count: int, policy: AugmentationPolicy, *, seed: int, fold: int, epoch: int
) -> EpochPlan:
    """Draw the plan of one epoch over `count` items."""
    generator = plan_generator(seed, fold, epoch)
    order = generator.permutation(count)

    def spread(width: float) -> np.ndarray:
        return generator.uniform(-width, width, count)

    flip = np.where(generator.random(count) < policy.horizontal_flip, -1.0, 1.0)
    angle = np.deg2rad(spread(policy.rotation_degrees))
    zoom = 1.0 + spread(policy.scale)
    theta = np.empty((count, 2, 3), dtype=np.float32)
    theta[:, 0, 0] = flip * np.cos(angle) / zoom
    theta[:, 0, 1] = -np.sin(angle) / zoom
    theta[:, 1, 0] = flip * np.sin(angle) / zoom
    theta[:, 1, 1] = np.cos(angle) / zoom
    # A shift by the share t of the width is 2t in coordinates that run from -1 to 1.
    theta[:, 0, 2] = 2 * spread(policy.translation)
    theta[:, 1, 2] = 2 * spread(policy.translation)
    return EpochPlan(
        order=order,
        theta=theta,
        gain=(1.0 + spread(policy.contrast)).astype(np.float32),
        bias=spread(policy.brightness).astype(np.float32),
    )


def batch_bounds(count: int, batch_size: int) -> list[tuple[int, int]]:
    """Cut `count` items into batches; none is dropped, and none is a lone image.

    Batch normalisation cannot train on a single image: a remainder of one joins the batch before.

    >>> batch_bounds(9, 4)
    [(0, 4), (4, 9)]
    """
    starts = list(range(0, count, batch_size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))
