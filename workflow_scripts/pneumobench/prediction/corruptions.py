"""Images corrupted as `pneumobench.core.corruptions` says, where they are predicted."""

import math
from collections.abc import Sequence

import torch

from pneumobench.core.corruptions import CORRUPTIONS, Corruption
from pneumobench.data.augment import copy_generator
from pneumobench.data.augmentation.apply import vary
from pneumobench.data.augmentation.policy import Variations


def corrupt(
    images: torch.Tensor, name: str, strength: int, image_ids: Sequence[str], seed: int
) -> torch.Tensor:
    """Return corrupted images.

    What is random (the noise, the direction of a shift) follows from the seed and the image's id
    and is the same at all strengths; no image depends on its neighbours in the batch.

    Parameters
    ----------
    images
        float32 [B, 1, S, S] in [0, 1]; left as they are.
    name
        A name of `CORRUPTIONS`.
    strength
        1 to 3; 0 changes nothing.
    image_ids
        [B], which images these are.
    seed
        Everything random follows from it.

    Returns
    -------
    torch.Tensor
        float32 [B, 1, S, S] in [0, 1], on the images' device.

    Raises
    ------
    ValueError
        If there is no such strength.
    """
    strengths = (Corruption(), *CORRUPTIONS[name].strengths)
    if strength not in range(len(strengths)):
        raise ValueError(f"strength is {strength!r}, expected 0 to {len(strengths) - 1}")
    corruption = strengths[strength]
    drawn = [copy_generator(seed, image_id, copy=0).random((1, 2)) for image_id in image_ids]
    places = torch.cat([torch.from_numpy(numbers).float() for numbers in drawn])
    changed = vary(images.clone(), _variations(corruption, places).to(images.device))
    return images.lerp(changed, corruption.weight).clamp_(0.0, 1.0)


def _variations(corruption: Corruption, places: torch.Tensor) -> Variations:
    """Return how images vary, from two numbers between 0 and 1 for each, float32 [B, 2]."""

    def each(*values: float) -> torch.Tensor:
        return torch.tensor([values]).expand(len(places), -1)

    moves = (corruption.width, corruption.height, corruption.shift) != (1.0, 1.0, 0.0)
    return Variations(
        theta=_output_to_input(corruption, 2.0 * math.pi * places[:, 0]) if moves else None,
        exponent=each(corruption.exponent) if corruption.exponent != 1.0 else None,
        levels=each(corruption.gain, 0.0) if corruption.gain != 1.0 else None,
        blur=each(corruption.blur) if corruption.blur else None,
        noise=torch.cat([each(corruption.noise), places], dim=1) if corruption.noise else None,
        largest_blur=corruption.blur,
    )


def _output_to_input(corruption: Corruption, angle: torch.Tensor) -> torch.Tensor:
    """Return affine maps, float32 [B, 2, 3], of a stretch and then a shift towards an angle [B]."""
    direction = torch.stack([angle.cos(), angle.sin()], dim=1)
    shrink = 1.0 / torch.tensor([corruption.width, corruption.height])
    # A shift by the share t of the side is 2 t in coordinates that run from -1 to 1.
    offset = -2.0 * corruption.shift * shrink * direction
    return torch.cat([shrink.diag().expand(len(angle), 2, 2), offset.unsqueeze(2)], dim=2)
