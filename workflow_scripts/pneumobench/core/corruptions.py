"""Corruptions fixed beforehand: ways to degrade radiographs, each in steps of strength.

Mean figures on clean images do not tell which model will fail on images of another day; the worst
specificity under corruptions did in a first trial. The suite is for out-of-fold images, whose
labels may be used, and was written down before any model was judged by it. All amounts are shares
of the side or of the grey range, so that they mean the same at every image size.

The first strength is meant to be hardly seen, the last to be seen at once, with heart, ribs and
diaphragm still there: at a blur of 1.5 % of the side vessels are gone and ribs are not; twice the
contrast loses the darkest and the brightest quarter of the grey range. Aspect has larger steps than
zoom because the formats of images differ that much: the median of width over height was 1.22 in 24
normal and 1.43 in 40 pneumonia images for training, which squashing to a square turns into a
stretch of 17 %. A stretched image fills its frame and is cut, since bars would be a corruption of
another kind; what `zoom_out` and `shift` bring in is black. Where an image can err in two
directions, both are there, as the worst figure counts.

References
----------
Hendrycks D, Dietterich T. Benchmarking neural network robustness to common corruptions and
perturbations. ICLR 2019, arXiv:1903.12261 (the design: kinds of corruption by fixed strengths).
"""

from collections.abc import Callable
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Kind:
    """One kind of corruption at its strengths 1, 2 and 3.

    Attributes
    ----------
    title
        Its name for people.
    done
        What is done, and what the amounts are amounts of.
    stands_for
        What goes wrong so in a real radiograph.
    amounts
        [3] for people.
    strengths
        [3] what they are.
    """

    title: str
    done: str
    stands_for: str
    amounts: tuple[str, ...]
    strengths: tuple[Corruption, ...]


def _kind(
    title: str,
    done: str,
    stands_for: str,
    amounts: tuple[float, ...],
    corruption: Callable[[float], Corruption],
) -> Kind:
    # Below 1 an amount is a share; factors and the weights of sharpening are not.
    shares = max(amounts) < 1
    words = tuple(f"{100 * amount:g} %" if shares else f"{amount:g}" for amount in amounts)
    return Kind(title, done, stands_for, words, tuple(map(corruption, amounts)))


_SHARPENING = (0.5, 1.0, 2.0)
_GREY_FACTORS = (1.25, 1.5, 2.0)
_ZOOMS = (1.05, 1.1, 1.2)
_STRETCHES = (1.1, 1.2, 1.3)

CORRUPTIONS: dict[str, Kind] = {
    "blur": _kind(
        "blur", "Gaussian blur; standard deviation as a share of the side", "motion, focus",
        (0.005, 0.01, 0.015), lambda share: Corruption(blur=share),
    ),
    "sharpen": _kind(
        "sharpening", "unsharp mask of a blur of 1 %; its weight", "post-processing",
        _SHARPENING, lambda weight: Corruption(blur=0.01, weight=-weight),
    ),
    "noise": _kind(
        "noise", "white noise; standard deviation as a share of the grey range", "low dose",
        (0.02, 0.04, 0.08), lambda share: Corruption(noise=share),
    ),
    "gamma_darker": _kind(
        "darker", "grey values to the power of", "exposure",
        _GREY_FACTORS, lambda factor: Corruption(exponent=factor),
    ),
    "gamma_brighter": _kind(
        "brighter", "grey values to the power of 1 over", "exposure",
        _GREY_FACTORS, lambda factor: Corruption(exponent=1 / factor),
    ),
    "contrast_lower": _kind(
        "less contrast", "distance from middle grey divided by", "window, scatter",
        _GREY_FACTORS, lambda factor: Corruption(gain=1 / factor),
    ),
    "contrast_higher": _kind(
        "more contrast", "distance from middle grey multiplied by", "window",
        _GREY_FACTORS, lambda factor: Corruption(gain=factor),
    ),
    "zoom_in": _kind(
        "enlarged", "enlarged about the centre by", "collimation",
        _ZOOMS, lambda zoom: Corruption(width=zoom, height=zoom),
    ),
    "zoom_out": _kind(
        "reduced", "reduced about the centre by", "collimation",
        _ZOOMS, lambda zoom: Corruption(width=1 / zoom, height=1 / zoom),
    ),
    "aspect_taller": _kind(
        "taller", "stretched upright about the centre by", "format of the radiograph",
        _STRETCHES, lambda stretch: Corruption(height=stretch),
    ),
    "aspect_wider": _kind(
        "wider", "stretched sideways about the centre by", "format of the radiograph",
        _STRETCHES, lambda stretch: Corruption(width=stretch),
    ),
    "shift": _kind(
        "shifted", "moved by a share of the side, each image in a direction of its own",
        "positioning", (0.025, 0.05, 0.1), lambda share: Corruption(shift=share),
    ),
}  # fmt: skip
"""All kinds by their names in files."""

STRENGTHS = (1, 2, 3)
