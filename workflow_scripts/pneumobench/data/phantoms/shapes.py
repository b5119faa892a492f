"""Elementary shapes on a pixel grid: steps, domes, hollow bones, smooth noise and drawn lines.

Grids are float32 arrays of shape [height, width]; lengths are in thorax units (1 = half the inner
width of the rib cage at its base). Numbers that meet a grid are Python floats: a float64 scalar of
numpy would turn the whole grid into float64.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Grid = np.ndarray


def step(distance: Grid, width: float) -> Grid:
    """Smooth step: 0 where `distance` <= 0, 1 where it exceeds `width`, cubic between."""
    t = distance * (1.0 / width)
    np.clip(t, 0.0, 1.0, out=t)
    return t * t * (3.0 - 2.0 * t)


def dome(squared_radius: Grid) -> Grid:
    """Thickness of a unit sphere seen from above, given the squared distance from its centre."""
    t = 1.0 - squared_radius
    np.maximum(t, 0.0, out=t)
    return np.sqrt(t, out=t)


def bump(distance: Grid, width: float) -> Grid:
    """Gaussian bell of height 1."""
    t = distance * (1.0 / width)
    t *= -t
    return np.exp(t, out=t)


def ellipse(
    x: Grid, y: Grid, centre: tuple[float, float], radii: tuple[float, float], tilt: float = 0.0
) -> Grid:
    """Squared distance from the centre in units of the radii: 1 on the outline; tilt in radians."""
    cos, sin = float(np.cos(tilt)), float(np.sin(tilt))
    dx, dy = x - centre[0], y - centre[1]
    along = (dx * cos + dy * sin) * (1.0 / radii[0])
    across = (dy * cos - dx * sin) * (1.0 / radii[1])
    return along * along + across * across


def bone(distance: Grid, radius: float, cortex: float = 0.5) -> Grid:
    """Projected density of a hollow bone: spongy inside, with dense cortical edges.

    Parameters
    ----------
    distance
        Distance from the axis, in thorax units.
    radius
        Outer radius, in thorax units.
    cortex
        Share of the attenuation that the marrow lacks; 0 = solid.
    """
    squared = distance * (1.0 / radius)
    squared *= squared
    return dome(squared) - cortex * dome(squared * 1.7)


def periodic(phase: Grid) -> Grid:
    """Distance from the nearest whole number, -0.5 to 0.5."""
    return phase - np.rint(phase)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> Grid:
    """Gaussian noise of unit variance whose structures measure about `cell_px` pixels."""
    # One cell beyond each edge, where the interpolation would mirror itself.
    rows, columns = (int(np.ceil(side / cell_px)) + 3 for side in shape)
    coarse = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    box = (1.0, 1.0, 1.0 + shape[1] / cell_px, 1.0 + shape[0] / cell_px)
    size = (shape[1], shape[0])
    noise = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC, box=box))
    return (noise - float(noise.mean())) / max(float(noise.std()), 1e-6)


def draw_lines(
    shape: tuple[int, int],
    lines: np.ndarray,
    widths: np.ndarray,
    densities: np.ndarray,
    blur: float = 0.0,
) -> Grid:
    """Draw polylines with soft edges; where two cross, the later one wins.

    Parameters
    ----------
    shape
        Height and width of the canvas in pixels.
    lines
        Points in pixels (column, row), [lines, points, 2].
    widths
        Widths in pixels, [lines].
    densities
        Grey of each line, 0 to 1, [lines].
    blur
        Standard deviation of a Gaussian blur in pixels.

    Returns
    -------
    Density, 0 to 1, float32 [height, width].
    """
    # Drawn at twice the size and reduced: thin vessels get widths of fractions of a pixel.
    canvas = Image.new("L", (2 * shape[1], 2 * shape[0]))
    pen = ImageDraw.Draw(canvas)
    doubled = (2.0 * lines).reshape(len(lines), -1).tolist()
    # A line cannot be thinner than one pixel; what it lacks in width it loses in density.
    levels = np.rint(255 * densities * np.minimum(1.0, 2.0 * widths)).astype(int).tolist()
    thickness = np.maximum(1, np.rint(2.0 * widths)).astype(int).tolist()
    for points, level, width in zip(doubled, levels, thickness, strict=True):
        pen.line(points, fill=level, width=width, joint="curve" if width > 4 else None)
    reduced = canvas.reduce(2)
    if blur:
        reduced = reduced.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(reduced, dtype=np.float32) * (1.0 / 255.0)
