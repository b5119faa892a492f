"""Corruptions fixed beforehand: images made worse step by step, to see which models hold.

Mean figures on clean images do not tell which model will fail on films of another day; the worst
specificity under corruptions did in a first trial. The suite is for out-of-fold images, whose
labels may be used, and was written down before any model was judged by it. All amounts are shares
of the side or of the grey range, so that they mean the same at every image size.

=================  ============================================  ==================  =============
name               what is done                                  amounts             stands for
=================  ============================================  ==================  =============
blur               Gaussian, standard deviation / side           0.5 %, 1 %, 1.5 %   motion, focus
sharpen            unsharp mask of the 1 % blur, amount          0.5, 1, 2           post-processing
noise              white, standard deviation / grey range        2 %, 4 %, 8 %       low dose
gamma_darker       grey values to the power of                   1.25, 1.5, 2        exposure
gamma_brighter     grey values to the power of 1 over            1.25, 1.5, 2        exposure
contrast_lower     distance from middle grey divided by          1.25, 1.5, 2        window, scatter
contrast_higher    distance from middle grey multiplied by       1.25, 1.5, 2        window
zoom_in, zoom_out  enlarged, reduced about the centre by         1.05, 1.1, 1.2      collimation
aspect_taller      stretched upright about the centre by         1.1, 1.2, 1.3       film's format
aspect_wider       stretched sideways about the centre by        1.1, 1.2, 1.3       film's format
shift              moved by a share of the side, each image in   2.5 %, 5 %, 10 %    positioning
                   a direction of its own
=================  ============================================  ==================  =============

The first strength is meant to be hardly seen, the last to be seen at once, with heart, ribs and
diaphragm still there: at a blur of 1.5 % of the side vessels are gone and ribs are not; twice the
contrast loses the darkest and the brightest quarter of the grey range. Aspect has larger steps than
zoom because the formats of films differ that much: the median of width over height was 1.22 in 24
normal and 1.43 in 40 pneumonia films for training, which squashing to a square turns into a stretch
of 17 %. A stretched image fills its frame and is cut, since bars would be a corruption of another
kind; what `zoom_out` and `shift` bring in is black. Where a film can err in two directions, both
are there, as the worst figure counts.

References
----------
Hendrycks D, Dietterich T. Benchmarking neural network robustness to common corruptions and
perturbations. ICLR 2019, arXiv:1903.12261 (the design: kinds of corruption by fixed strengths).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pneumobench.data.augment import copy_generator
from pneumobench.data.augmentation.apply import vary
from pneumobench.data.augmentation.policy import Variations


@dataclass(frozen=True)
class Corruption:
    """One corruption at one strength; the defaults change nothing.

    Attributes
    ----------
    blur
        Standard deviation of a Gaussian blur, as a share of the side.
    noise
        Standard deviation of white noise, as a share of the grey range.
    exponent
        Grey values x in [0, 1] become x ** exponent.
    gain
        Grey values x become (x - 0.5) * gain + 0.5.
    width, height
        Enlargement about the centre along each side.
    shift
        Distance, as a share of the side.
    weight
        How far to go from the image to the changed one; below 0 away from it, which makes a blur
        an unsharp mask.
    """

    blur: float = 0.0
    noise: float = 0.0
    exponent: float = 1.0
    gain: float = 1.0
    width: float = 1.0
    height: float = 1.0
    shift: float = 0.0
    weight: float = 1.0


_GREY_FACTORS = (1.25, 1.5, 2.0)
_ZOOMS = (1.05, 1.1, 1.2)
_STRETCHES = (1.1, 1.2, 1.3)

CORRUPTIONS: dict[str, tuple[Corruption, ...]] = {
    "blur": tuple(Corruption(blur=share) for share in (0.005, 0.01, 0.015)),
    "sharpen": tuple(Corruption(blur=0.01, weight=-amount) for amount in (0.5, 1.0, 2.0)),
    "noise": tuple(Corruption(noise=share) for share in (0.02, 0.04, 0.08)),
    "gamma_darker": tuple(Corruption(exponent=factor) for factor in _GREY_FACTORS),
    "gamma_brighter": tuple(Corruption(exponent=1 / factor) for factor in _GREY_FACTORS),
    "contrast_lower": tuple(Corruption(gain=1 / factor) for factor in _GREY_FACTORS),
    "contrast_higher": tuple(Corruption(gain=factor) for factor in _GREY_FACTORS),
    "zoom_in": tuple(Corruption(width=zoom, height=zoom) for zoom in _ZOOMS),
    "zoom_out": tuple(Corruption(width=1 / zoom, height=1 / zoom) for zoom in _ZOOMS),
    "aspect_taller": tuple(Corruption(height=stretch) for stretch in _STRETCHES),
    "aspect_wider": tuple(Corruption(width=stretch) for stretch in _STRETCHES),
    "shift": tuple(Corruption(shift=share) for share in (0.025, 0.05, 0.1)),
}
"""Each corruption at its strengths 1, 2 and 3."""


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
    strengths = (Corruption(), *CORRUPTIONS[name])
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
