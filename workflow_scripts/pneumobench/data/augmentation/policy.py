"""How strongly images vary, and the random numbers that say how each one does.

All numbers are drawn on the CPU before any image is touched, so that they depend neither on the
device nor on the order or the size of batches.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

# Of the rectangle that is painted over: share of the image's area, and height over width.
ERASED_AREA = (0.02, 0.2)
ERASED_ASPECT = (0.3, 3.3)


@dataclass(frozen=True)
class AugmentationPolicy:
    """How strongly images vary; 0 turns a kind of variation off.

    The fields are the keys of `augmentation` in the configuration, which states what they mean.
    """

    horizontal_flip: float
    vertical_flip: float
    rotation_degrees: float
    translation: float
    scale: float
    stretch: float
    shear_degrees: float
    crop: float
    brightness: float
    contrast: float
    gamma: float
    blur: float
    noise: float
    erasing: float

    @property
    def warps(self) -> bool:
        """Whether pixels move by more than mirroring left to right."""
        return any(
            (
                self.vertical_flip,
                self.rotation_degrees,
                self.translation,
                self.scale,
                self.stretch,
                self.shear_degrees,
                self.crop,
            )
        )


@dataclass(frozen=True)
class Variations:
    """How K images vary, one row an image; None where the policy leaves a kind of variation off.

    Attributes
    ----------
    mirrored
        float32 [K, 1]; 1 for an image that is mirrored left to right, where the policy moves pixels
        in no other way: exact, and cheaper than `theta`.
    theta
        float32 [K, 2, 3]; output-to-input affine maps in coordinates from -1 to 1, as
        `torch.nn.functional.affine_grid` takes them; mirroring included.
    exponent
        float32 [K, 1]; grey values x in [0, 1] become x ** exponent.
    levels
        float32 [K, 2]; gain and bias: x becomes (x - 0.5) * gain + 0.5 + bias.
    blur
        float32 [K, 1]; standard deviation of a Gaussian blur, as a share of the side.
    noise
        float32 [K, 3]; standard deviation, as a share of the grey range, then the row and the
        column, 0 to 1, at which the image's window in the bank of noise lies.
    erasing
        float32 [K, 5]; top, left, bottom and right of a rectangle, as shares of the side, and its
        grey value; an image that keeps everything has an empty rectangle.
    largest_blur
        The policy's largest blur, which fixes the width of the blur's kernel.
    """

    mirrored: torch.Tensor | None = None
    theta: torch.Tensor | None = None
    exponent: torch.Tensor | None = None
    levels: torch.Tensor | None = None
    blur: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    erasing: torch.Tensor | None = None
    largest_blur: float = 0.0

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what varies, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "Variations":
        """Return the same with each tensor turned into another."""
        changed = {name: function(value) for name, value in self.tensors().items()}
        return dataclasses.replace(self, **changed)

    def to(self, device: torch.device | str) -> "Variations":
        """Return the same on another device."""
        return self.map(lambda value: value.to(device))

    def rows(self, chosen: slice | torch.Tensor) -> "Variations":
        """Return those of some of the images."""
        return self.map(lambda value: value[chosen])


def joined(parts: Sequence[Variations]) -> Variations:
    """Return variations drawn with one policy as one, in their order."""
    columns = [part.tensors() for part in parts]
    together = {name: torch.cat([column[name] for column in columns]) for name in columns[0]}
    return dataclasses.replace(parts[0], **together)


def draw_variations(
    generator: np.random.Generator, count: int, policy: AugmentationPolicy
) -> Variations:
    """Return how `count` images vary, drawn at random, on the CPU.

    The generator is asked for one number an image and quantity, all images at once, in this order:
    horizontal flip, rotation, scale, shift along x, along y, contrast, brightness; vertical flip,
    stretch, shear, crop and its place along x, along y; gamma; blur; noise and its window's row,
    column; erasing, its area, aspect, place from the top, from the left, and grey. It is asked for
    all of them whatever the policy, so that turning one kind on leaves the others as they were.

    Parameters
    ----------
    generator
        Source of all random numbers.
    count
        Number of images K.
    policy
        The largest variations.
    """

    def unit() -> np.ndarray:
        return generator.random(count)

    def spread(width: float) -> np.ndarray:
        return generator.uniform(-width, width, count)

    mirrored = unit() < policy.horizontal_flip
    angle, zoom = np.deg2rad(spread(policy.rotation_degrees)), 1.0 + spread(policy.scale)
    shift = spread(policy.translation), spread(policy.translation)
    levels = 1.0 + spread(policy.contrast), spread(policy.brightness)
    upside_down = unit() < policy.vertical_flip
    stretch, slant = (1.0 + policy.stretch) ** spread(1.0), np.deg2rad(spread(policy.shear_degrees))
    side, place = np.sqrt(1.0 - policy.crop * unit()), (spread(1.0), spread(1.0))
    exponent = (1.0 + policy.gamma) ** spread(1.0)
    blur = policy.blur * unit()
    noise = policy.noise * unit(), unit(), unit()
    erasing = _rectangles(unit() < policy.erasing, unit(), unit(), unit(), unit(), unit())

    linear = _linear_maps(angle, slant, stretch, mirrored, upside_down)
    linear *= (side / zoom)[:, None, None]
    # A shift by the share t of the width is 2t in coordinates that run from -1 to 1.
    offset = side * (2.0 * np.stack(shift)) + (1.0 - side) * np.stack(place)
    theta = np.concatenate([linear, offset.T[:, :, None]], axis=2)

    def kept(kind: bool, *columns: np.ndarray) -> torch.Tensor | None:
        """Return the columns as float32 [K, columns], or None where the kind is off."""
        return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32)) if kind else None

    return Variations(
        mirrored=kept(policy.horizontal_flip > 0 and not policy.warps, mirrored),
        theta=torch.from_numpy(theta.astype(np.float32)) if policy.warps else None,
        exponent=kept(policy.gamma > 0, exponent),
        levels=kept(policy.contrast > 0 or policy.brightness > 0, *levels),
        blur=kept(policy.blur > 0, blur),
        noise=kept(policy.noise > 0, *noise),
        erasing=kept(policy.erasing > 0, *erasing),
        largest_blur=policy.blur,
    )


def _linear_maps(
    angle: np.ndarray,
    slant: np.ndarray,
    stretch: np.ndarray,
    mirrored: np.ndarray,
    upside_down: np.ndarray,
) -> np.ndarray:
    """Return float64 [K, 2, 2] from the output to the input: mirror, stretch, slant, turn."""
    return (
        _matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle))
        @ _matrices(1.0, np.tan(slant), 0.0, 1.0)
        @ _matrices(1.0 / np.sqrt(stretch), 0.0, 0.0, np.sqrt(stretch))
        @ _matrices(np.where(mirrored, -1.0, 1.0), 0.0, 0.0, np.where(upside_down, -1.0, 1.0))
    )


def _matrices(*elements: np.ndarray | float) -> np.ndarray:
    """Return float64 [K, 2, 2], or [1, 2, 2] of plain numbers, from the four elements by rows."""
    columns = np.broadcast_arrays(*map(np.atleast_1d, elements))
    return np.stack(columns, axis=1).reshape(-1, 2, 2)


def _rectangles(
    erased: np.ndarray,
    area: np.ndarray,
    aspect: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    grey: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Turn numbers in [0, 1), each [K], into top, left, bottom, right and grey, each [K]."""
    area = np.where(erased, np.interp(area, (0.0, 1.0), ERASED_AREA), 0.0)
    aspect = np.exp(np.interp(aspect, (0.0, 1.0), np.log(ERASED_ASPECT)))
    height, width = np.sqrt(area * aspect), np.sqrt(area / aspect)
    top, left = top * (1.0 - height), left * (1.0 - width)
    return top, left, top + height, left + width, grey
