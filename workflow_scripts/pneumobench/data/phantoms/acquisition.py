"""From attenuation to a radiograph: scatter, tone, collimation, marker, noise and JPEG."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pneumobench.data.phantoms.shapes import Grid, draw_lines, smooth_noise

# Strokes of the side markers in a box of 1 x 1 (column, row).
_LETTERS = {
    "R": (
        ((0.0, 1.0), (0.0, 0.0), (0.55, 0.0), (0.75, 0.12), (0.75, 0.38), (0.55, 0.5), (0.0, 0.5)),
        ((0.35, 0.5), (0.8, 1.0)),
    ),
    "L": (((0.0, 0.0), (0.0, 1.0), (0.65, 1.0)),),
}


@dataclass(frozen=True)
class Acquisition:
    """How one radiograph was exposed, processed and stored."""

    black: float  # attenuation shown as black
    white: float  # attenuation at which the tone curve saturates
    gamma: float
    brightest: float  # grey at which the tone curve levels off
    veil: float  # share of scattered radiation
    detail: float  # strength of the manufacturer's local contrast
    heel: tuple[float, float]  # slope of the exposure across and down
    noise: float  # standard deviation of the quantum noise, in grey levels at the thickest parts
    blur: float  # standard deviation in pixels
    border: tuple[float, float, float, float]  # collimated share: left, top, right, bottom
    border_grey: float  # grey of what is collimated, 0 to 255
    unevenness: float  # of the attenuation, as a standard deviation
    wire: bool  # the lead of an electrode lies on the child
    letter: str  # R, L or "" for none
    letter_at: tuple[float, float]  # column and row as shares of width and height
    letter_size: float  # share of the height
    bytes_per_pixel: float  # aimed at by the JPEG quality


def draw_acquisition(
    rng: np.random.Generator, height: int, shift: float, marker: str | None
) -> Acquisition:
    """Draw how a radiograph is taken; nothing here depends on the disease but `marker`.

    Parameters
    ----------
    rng
        Source of randomness.
    height
        Height of the image in pixels.
    shift
        0 = as in the development set; 1 = flatter, softer, noisier, brighter.
    marker
        Letter that the confounder dictates (R or L), or None to draw one.
    """
    uniform = rng.uniform
    letter = str(rng.choice(["R", "L", ""], p=[0.66, 0.24, 0.1]))
    column, row = uniform(0.02, 0.09), uniform(0.03, 0.24)
    letter = letter if marker is None else marker
    border = np.where(rng.random(4) < 0.14, rng.uniform(0.01, 0.06, 4), 0.0)
    return Acquisition(
        black=uniform(-0.07, 0.06) - 0.12 * shift,
        white=uniform(1.0, 1.32) + 0.15 * shift,
        gamma=float(np.exp(rng.normal(-0.06, 0.16))) * (1 - 0.3 * shift),
        brightest=float(np.clip(rng.normal(213.0, 13.0), 175.0, 245.0)),
        veil=uniform(0.05, 0.3) + 0.2 * shift,
        detail=uniform(0.0, 0.4) * (1 - 0.6 * shift),
        heel=(rng.normal(0.0, 0.04), rng.normal(0.0, 0.05)),
        noise=uniform(1.2, 4.0) + 3.0 * shift,
        blur=(uniform(0.25, 0.7) + 0.7 * shift) * height / 256,
        border=tuple(border.tolist()),
        border_grey=float(rng.choice([0.0, 6.0, 16.0, 235.0], p=[0.4, 0.3, 0.2, 0.1])),
        unevenness=uniform(0.02, 0.08),
        wire=bool(rng.random() < 0.1),
        letter=letter,
        letter_at=(column if letter != "L" else 0.93 - column, row),
        letter_size=uniform(0.04, 0.07),
        bytes_per_pixel=float(np.exp(rng.normal(-1.35, 0.22))),
    )


def expose(attenuation: Grid, acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """Turn attenuation into a radiograph.

    Parameters
    ----------
    attenuation
        float32 [height, width], about 0 to 1.5.
    acquisition
        How the radiograph is taken.
    rng
        Source of the noise.

    Returns
    -------
    uint8 [height, width].
    """
    height, width = attenuation.shape
    # Skin folds, blankets, breathing: slow unevenness that is no disease.
    attenuation = attenuation + acquisition.unevenness * smooth_noise(
        rng, attenuation.shape, 0.22 * height
    ) * np.minimum(attenuation, 0.5)
    if acquisition.wire:
        attenuation += 0.12 * _wire(rng, attenuation.shape)
    surroundings = _surroundings(attenuation)
    grey = attenuation + (acquisition.veil - acquisition.detail) * (surroundings - attenuation)
    grey += np.linspace(-1, 1, width, dtype=np.float32) * acquisition.heel[0]
    grey += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * acquisition.heel[1]
    grey = (grey - acquisition.black) * (1.0 / (acquisition.white - acquisition.black))
    # A radiograph's toe and shoulder: linear in the middle, saturating softly at both ends.
    grey = np.maximum(grey, 0.0) ** acquisition.gamma
    grey = acquisition.brightest * np.tanh(1.3 * grey) * (1.0 / np.tanh(1.6))
    # Fewer photons reach the detector where the body is thick.
    strength = acquisition.noise * (0.25 + 0.75 * np.minimum(attenuation, 1.0))
    grey += strength * rng.standard_normal(grey.shape, dtype=np.float32)
    grey += 1.2 * smooth_noise(rng, grey.shape, 0.012 * height + 2)
    radiograph = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    radiograph = radiograph.filter(ImageFilter.GaussianBlur(acquisition.blur))
    _collimate(radiograph, acquisition)
    _mark(radiograph, acquisition)
    return np.asarray(radiograph)


def _surroundings(attenuation: Grid) -> Grid:
    """Attenuation averaged over about a tenth of the image, by reducing and enlarging."""
    height, width = attenuation.shape
    reduced = Image.fromarray(attenuation).resize((12, 12), Image.Resampling.BOX)
    return np.asarray(reduced.resize((width, height), Image.Resampling.BICUBIC))


def _wire(rng: np.random.Generator, shape: tuple[int, int]) -> Grid:
    """The lead of an electrode: one thin bent line across the radiograph."""
    height, width = shape
    points = np.stack([np.linspace(rng.uniform(0, 1), rng.uniform(0, 1), 9)] * 2, axis=1)
    points[:, 1] = np.linspace(0.0, rng.uniform(0.4, 1.0), 9)
    points[1:-1] += rng.normal(0.0, 0.03, (7, 2))
    size = np.array([0.008 * height])
    return draw_lines(shape, (points * [width, height])[None], size, np.array([1.0]))


def _collimate(radiograph: Image.Image, acquisition: Acquisition) -> None:
    pen = ImageDraw.Draw(radiograph)
    width, height = radiograph.size
    left, top, right, bottom = acquisition.border
    grey = round(acquisition.border_grey)
    for share, box in (
        (left, (0, 0, left * width, height)),
        (top, (0, 0, width, top * height)),
        (right, ((1 - right) * width, 0, width, height)),
        (bottom, (0, (1 - bottom) * height, width, height)),
    ):
        if share:
            pen.rectangle(box, fill=grey)


def _mark(radiograph: Image.Image, acquisition: Acquisition) -> None:
    """Write the side marker: R stands at the left edge of the image, L at the right edge."""
    if not acquisition.letter:
        return
    pen = ImageDraw.Draw(radiograph)
    width, height = radiograph.size
    size = acquisition.letter_size * height
    column, row = acquisition.letter_at[0] * width, acquisition.letter_at[1] * height
    for stroke in _LETTERS[acquisition.letter]:
        points = [(column + 0.9 * size * x, row + size * y) for x, y in stroke]
        pen.line(points, fill=250, width=max(1, round(0.16 * size)))


def encode(radiograph: np.ndarray, bytes_per_pixel: float) -> bytes:
    """Encode a radiograph as grey JPEG of about the wanted size.

    The quality is searched, not drawn: a noisier or more textured image would make a larger file,
    and the size would give away what is on it.
    """
    image = Image.fromarray(radiograph)
    wanted = bytes_per_pixel * radiograph.size
    low, high = 25, 97
    while high - low > 1:
        middle = (low + high) // 2
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=middle)
        low, high = (middle, high) if stream.tell() <= wanted else (low, middle)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=low)
    return stream.getvalue()
