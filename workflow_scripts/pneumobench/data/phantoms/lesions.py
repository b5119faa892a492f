"""Pneumonia in the lungs: focal consolidation (bacterial) and an interstitial pattern (viral).

A sick lung also loses some air everywhere, as on real images, where a coarse thumbnail tells much;
over-inflation takes a part of what is added away again, and automatic exposure keeps the mean of
the radiograph. Its mean grey then says next to nothing of the disease; its median says a little (an
AUC of about 0.6 between the same children ill and healthy), for lungs turn lighter and the rest
darker. Brightness alone is a weak clue, which the baselines measure (docs/phantoms.md).
"""

from dataclasses import dataclass

import numpy as np

from pneumobench.data.phantoms.anatomy import HILUM, Anatomy, Pose
from pneumobench.data.phantoms.projection import Scene
from pneumobench.data.phantoms.shapes import Grid, ellipse, smooth_noise, step

# Share of a lesion's mean attenuation that over-inflation takes away again.
_COMPENSATION = 0.2
# Share of the air that a sick lung has lost everywhere, beside the lesion itself.
_HAZE = 0.3
# Rays with less air than this do not count as lung in the masks.
LUNG_AIR = 0.15


@dataclass(frozen=True)
class Disease:
    """A patient's pneumonia, the same in all radiographs up to its course."""

    subtype: str  # bacterial or viral
    foci: tuple[tuple[float, float, float, float, float], ...]  # x, y, radii, tilt; bacterial
    mesh: float  # distance of the interstitial lines in thorax units; viral
    reach: float  # how far the pattern extends from the hila; viral
    strength: float  # 1 = average


def draw_disease(rng: np.random.Generator, anatomy: Anatomy, subtype: str) -> Disease | None:
    """Draw a patient's pneumonia; None for a healthy child."""
    if subtype == "normal":
        return None
    foci = tuple(_draw_focus(rng, anatomy) for _ in range(1 if rng.random() < 0.55 else 2))
    return Disease(
        subtype=subtype,
        foci=foci,
        mesh=rng.uniform(0.06, 0.085),
        reach=rng.uniform(0.5, 0.8),
        strength=rng.uniform(0.85, 1.2),
    )


def _draw_focus(
    rng: np.random.Generator, anatomy: Anatomy
) -> tuple[float, float, float, float, float]:
    """Place a focus anywhere in the lungs, by area."""
    while True:
        x, y = rng.uniform(-0.95, 0.95), rng.uniform(0.12, anatomy.length + 0.1)
        cage = 1.0 - anatomy.bell * max(0.0, 1.0 - (y + 0.12) / 1.45) ** 2
        # The left ventricle takes the lower inner part of the left lung.
        inner = 0.28 if x < 0 or y < 0.6 else 0.5
        # Lower and middle lobes are affected more often than upper ones.
        if inner < abs(x) < cage - 0.1 and rng.random() < 0.3 + 0.7 * y / anatomy.length:
            break
    return x, y, rng.uniform(0.26, 0.46), rng.uniform(0.22, 0.38), rng.uniform(0.0, np.pi)


def infect(
    scene: Scene,
    anatomy: Anatomy,
    pose: Pose,
    disease: Disease,
    difficulty: float,
    rng: np.random.Generator,
) -> tuple[Grid, np.ndarray]:
    """Add a disease to a scene.

    Parameters
    ----------
    scene
        The healthy view.
    anatomy, pose
        What the view shows.
    disease
        What to add.
    difficulty
        0 = lesions stand out, 1 = hardly visible.
    rng
        Source of the course of the disease in this radiograph.

    Returns
    -------
    attenuation : float32 [height, width]
    mask : bool [height, width]
        Where the lesion lies; never outside the lungs.
    """
    strength = disease.strength * rng.uniform(0.9, 1.1) * (1.0 - 0.85 * difficulty)
    if disease.subtype == "bacterial":
        filled, mask = _consolidation(scene, pose, disease, rng)
        share = min(0.95, 1.1 * strength)
        added = (share * anatomy.lung_air) * filled * scene.air
    else:
        pattern, mask = _interstitium(scene, pose, disease, rng)
        added = (0.09 * strength) * pattern * scene.air
    added += (_HAZE * strength * anatomy.lung_air) * scene.air
    mean = float(added.sum()) / max(float(scene.air.sum()), 1e-6)
    added -= (_COMPENSATION * mean) * scene.air
    # Automatic exposure: the radiograph as a whole gets no brighter.
    added -= float(added.mean())
    attenuation = np.maximum(scene.attenuation + added, 0.0)
    return attenuation, mask & (scene.air > LUNG_AIR)


def _consolidation(
    scene: Scene, pose: Pose, disease: Disease, rng: np.random.Generator
) -> tuple[Grid, np.ndarray]:
    """Alveoli filled with fluid: patches with ragged, soft edges."""
    ragged = smooth_noise(rng, pose.shape, 0.09 * pose.scale)
    growth = rng.uniform(0.85, 1.15)
    filled = np.zeros_like(scene.air)
    for x, y, wide, high, tilt in disease.foci:
        radii = (growth * wide, growth * high)
        inside = 1.0 - ellipse(scene.x, scene.y, (x, y), radii, tilt) + 0.22 * ragged
        np.maximum(filled, step(inside + 0.3, 1.15), out=filled)
    # Air that is left in the bronchi shows as a darker grain.
    return filled * (1.0 - 0.12 * np.abs(ragged)), filled > 0.4


def _interstitium(
    scene: Scene, pose: Pose, disease: Disease, rng: np.random.Generator
) -> tuple[Grid, np.ndarray]:
    """Thickened septa and bronchial walls: a net of fine lines, densest around the hila."""
    net = np.zeros_like(scene.air)
    for mesh, share in ((disease.mesh, 0.65), (1.7 * disease.mesh, 0.5)):
        # The zero crossings of smooth noise form a net.
        lines = np.exp(-1.8 * np.abs(smooth_noise(rng, pose.shape, mesh * pose.scale)))
        net += share * (lines - float(lines.mean())) * (1.0 / float(lines.std()))
    distance = ellipse(np.abs(scene.x), scene.y, HILUM, (disease.reach, 1.3 * disease.reach))
    patchy = 0.18 * smooth_noise(rng, pose.shape, 0.3 * pose.scale)
    weight = np.clip(0.3 + 0.8 * np.exp(-distance) + patchy, 0.0, 1.2)
    # Haze around the hila, beside the lines.
    return (net + 1.8) * weight, weight > 0.5
