"""The plan of an epoch: in which order the items come and how each is augmented.

Drawn before the epoch from (seed, fold, epoch) alone, on the CPU, so that it depends neither on
the device, nor on the order of batches, nor on whether the training was interrupted.
"""

from dataclasses import dataclass

import torch

from pneumobench.data.augmentation.policy import AugmentationPolicy, Variations, draw_variations
from pneumobench.training.randomness import plan_generator


@dataclass(frozen=True)
class EpochPlan:
    """One row an item, in training order.

    Attributes
    ----------
    order
        int64 [K]; permutation of the items.
    variations
        How the K items vary.
    """

    order: torch.Tensor
    variations: Variations


def draw_plan(
    count: int, policy: AugmentationPolicy, *, seed: int, fold: int, epoch: int
) -> EpochPlan:
    """Draw the plan of one epoch over `count` items."""
    generator = plan_generator(seed, fold, epoch)
    order = torch.from_numpy(generator.permutation(count))
    return EpochPlan(order, draw_variations(generator, count, policy))


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
