"""The body of one child, drawn once per patient, and the poses in which its radiographs are taken.

Coordinates are thorax units: x = 0 at the spine and positive to the right of the image (the
patient's left), y = 0 at the apices of the lungs and positive downwards; 1 is half the inner width
of the rib cage at its base.
"""

from dataclasses import dataclass, field

import numpy as np

from pneumobench.data.phantoms.shapes import Grid

# Where the vessels leave the mediastinum, beside the spine and below the apices.
HILUM = (0.2, 0.62)


@dataclass(frozen=True)
class Anatomy:
    """Everything about a patient's body that stays the same from radiograph to radiograph."""

    bell: float  # how much narrower the cage is at its apex than at its base
    length: float  # y of the right dome of the diaphragm
    left_drop: float  # how much lower the left dome lies
    wall: float  # thickness of the chest wall
    heart: float  # size of the heart, 1 = average
    heart_tilt: float  # radians
    thymus: float  # how much the thymus hides of the upper lung, 0 to 1
    thymus_side: int  # -1 or 1
    mediastinum: float  # half width of the upper mediastinum
    rib_spacing: float
    rib_phase: float
    rib_drop: float  # how far a rib descends from the spine to the side
    rib_width: float
    rib_density: float
    spine_bend: tuple[float, float]  # amplitude and phase
    spine_density: float
    vertebra: float  # distance of the vertebrae
    lung_air: float  # attenuation that the lungs' air takes away
    stomach: tuple[float, float, float]  # across, below the dome, size of the stomach's gas
    warp: np.ndarray = field(repr=False)  # [4, 4] irregularities of all outlines
    vessels: np.ndarray = field(repr=False)  # [lines, 5, 2] points
    vessel_widths: np.ndarray = field(repr=False)  # [lines]


def draw_patient(rng: np.random.Generator) -> Anatomy:
    """Draw a patient's anatomy."""
    uniform = rng.uniform
    vessels, widths = _vessel_tree(rng)
    return Anatomy(
        bell=uniform(0.5, 0.62),
        length=uniform(1.23, 1.39),
        left_drop=uniform(0.0, 0.1),
        wall=uniform(0.09, 0.2),
        heart=uniform(0.84, 1.08),
        heart_tilt=uniform(0.45, 0.85),
        thymus=uniform(0.0, 1.0) ** 2,
        thymus_side=int(rng.choice([-1, 1])),
        mediastinum=uniform(0.14, 0.21),
        rib_spacing=uniform(0.14, 0.165),
        rib_phase=uniform(0.0, 1.0),
        rib_drop=uniform(0.2, 0.36),
        rib_width=uniform(0.03, 0.039),
        rib_density=uniform(0.12, 0.22),
        spine_bend=(uniform(-0.04, 0.04), uniform(0.0, 6.28)),
        spine_density=uniform(0.9, 1.7),
        vertebra=uniform(0.14, 0.17),
        lung_air=uniform(0.49, 0.6),
        stomach=(uniform(0.3, 0.6), uniform(0.1, 0.3), uniform(0.12, 0.27)),
        warp=rng.normal(0.0, 1.0, (4, 4)),
        vessels=vessels,
        vessel_widths=widths,
    )


def _vessel_tree(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pulmonary vessels: branches that leave the hila, bend, fork and thin out.

    Returns
    -------
    Points [lines, 5, 2] in thorax units and widths [lines].
    """
    side = np.repeat([-1.0, 1.0], 8)
    angle = np.tile(np.linspace(-1.2, 1.35, 8), 2) + rng.normal(0.0, 0.12, 16)
    start = np.stack([side * HILUM[0], np.full(16, HILUM[1])], axis=1)
    start += rng.normal(0.0, 0.04, start.shape)
    width = rng.uniform(0.022, 0.036, 16)
    lines, widths = [], []
    for _ in range(5):
        angles = angle[:, None] + np.cumsum(rng.normal(0.0, 0.2, (len(angle), 4)), axis=1)
        length = rng.uniform(0.025, 0.065, (len(angle), 1))
        moves = np.stack([side[:, None] * length * np.cos(angles), length * np.sin(angles)], axis=2)
        points = np.concatenate([start[:, None], start[:, None] + np.cumsum(moves, axis=1)], axis=1)
        lines.append(points)
        widths.append(width)
        fork = rng.uniform(0.2, 0.55, len(angle))
        angle = np.concatenate([angles[:, -1] + fork, angles[:, -1] - fork])
        width = np.concatenate([width, width]) * rng.uniform(0.55, 0.8, 2 * len(side))
        start, side = np.concatenate([points[:, -1]] * 2), np.concatenate([side, side])
        kept = width > 0.007
        angle, width, start, side = angle[kept], width[kept], start[kept], side[kept]
    return np.concatenate(lines), np.concatenate(widths)


@dataclass(frozen=True)
class Pose:
    """How the child lies before the detector in one image."""

    shape: tuple[int, int]  # height and width in pixels
    scale: float  # pixels per thorax unit
    centre: tuple[float, float]  # thorax coordinates of the middle of the image
    rotation: float  # radians
    inspiration: float  # 1 = as usual; more lengthens the lungs
    turn: float  # how far the spine leaves the middle when the child turns
    arms: tuple[float, float]  # direction of the two arms, radians below the horizontal
    chin: float  # y of the chin


def draw_pose(rng: np.random.Generator, height: int, aspect: float, shift: float) -> Pose:
    """Draw a pose and a field of view.

    Parameters
    ----------
    rng
        Source of randomness.
    height
        Height of the image in pixels.
    aspect
        Width over height.
    shift
        0 = as in the development set; 1 = larger fields, shallower breath, more rotation.
    """
    width = round(height * aspect)
    half_field = rng.uniform(1.08, 1.55) + 0.25 * shift
    return Pose(
        shape=(height, width),
        scale=width / 2 / half_field,
        centre=(rng.normal(0.0, 0.08), rng.normal(0.76, 0.11)),
        rotation=rng.normal(0.0, 0.06 * (1 + shift)),
        inspiration=rng.normal(1.0, 0.06) - 0.1 * shift,
        turn=rng.normal(0.0, 0.03),
        arms=(rng.uniform(-0.3, 1.3), rng.uniform(-0.3, 1.3)),
        chin=rng.uniform(-0.45, -0.03),
    )


def to_pixels(pose: Pose, points: np.ndarray) -> np.ndarray:
    """Thorax coordinates [..., 2] to pixel coordinates [..., 2] (column, row)."""
    cos, sin = np.cos(pose.rotation), np.sin(pose.rotation)
    offset = points * [1.0, pose.inspiration] - np.asarray(pose.centre)
    turned = offset @ np.array([[cos, sin], [-sin, cos]])
    return turned * pose.scale + np.array([pose.shape[1] / 2, pose.shape[0] / 2])


def coordinates(anatomy: Anatomy, pose: Pose) -> tuple[Grid, Grid]:
    """Thorax coordinates (x, y) of every pixel, bent by the patient's irregularities."""
    height, width = pose.shape
    columns = (np.arange(width) + 0.5 - width / 2) / pose.scale
    rows = ((np.arange(height) + 0.5 - height / 2) / pose.scale)[:, None]
    cos, sin = np.cos(pose.rotation), np.sin(pose.rotation)
    x = columns * cos + rows * sin + pose.centre[0]
    y = (rows * cos - columns * sin + pose.centre[1]) / pose.inspiration
    x, y = x.astype(np.float32), y.astype(np.float32)
    across, down = columns + pose.centre[0], rows + pose.centre[1]
    for k, (shift_x, shift_y, phase_x, phase_y) in enumerate(anatomy.warp):
        wave = np.sin((1.1 + 0.9 * k) * across + 2.0 * phase_x).astype(np.float32)
        wave = wave * np.sin((1.3 + 0.8 * k) * down + 2.0 * phase_y).astype(np.float32)
        x += float(0.014 * shift_x) * wave
        y += float(0.02 * shift_y) * wave
    return x, y
