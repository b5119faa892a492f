"""Projection of a patient: the attenuation along each ray of an anterior-posterior radiograph.

Soft tissue by thickness, bone on top; the air of lungs, windpipe and stomach taken away.
"""

from dataclasses import dataclass

import numpy as np

from pneumobench.data.phantoms.anatomy import HILUM, Anatomy, Pose, coordinates, to_pixels
from pneumobench.data.phantoms.shapes import (
    Grid,
    bone,
    bump,
    dome,
    draw_lines,
    ellipse,
    periodic,
    step,
)

_STRIP_ROWS = 48


@dataclass(frozen=True)
class Scene:
    """One view of a patient before any disease; arrays are float32 [height, width]."""

    attenuation: Grid  # 0 (air) to about 1.5 (spine behind the heart)
    air: Grid  # air of the lungs along the ray, 0 to 1
    x: Grid  # thorax coordinates
    y: Grid


@dataclass(frozen=True)
class _Frame:
    """Coordinates that the organs share."""

    x: Grid
    y: Grid
    beside: Grid  # |x|
    across: Grid  # |x| over the inner half width of the cage at that height
    inside: Grid  # depth of the cage along the ray, 1 in the middle, 0 outside
    cage: Grid


def project(anatomy: Anatomy, pose: Pose) -> Scene:
    """Project a patient's chest in one pose."""
    x, y = coordinates(anatomy, pose)
    vessels, arms, bones = _vessels(anatomy, pose), _arms(pose), _shoulder_girdle(pose)
    attenuation, air = np.empty_like(x), np.empty_like(x)
    # A few rows at a time stay in the processor's cache: three times as fast as whole images.
    for top in range(0, pose.shape[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        frame = _frame(anatomy, x[rows], y[rows])
        heart = _heart(anatomy, frame)
        air[rows] = _lungs(anatomy, frame, heart)
        strip = _soft_tissue(anatomy, pose, frame, arms[rows]) + 0.1 * heart
        strip += air[rows] * (vessels[rows] - anatomy.lung_air)
        strip += _ribs(anatomy, frame)
        middle = np.flatnonzero(frame.beside.min(axis=0) < 0.4)
        if len(middle):
            near = slice(middle[0], middle[-1] + 1)
            strip[:, near] += _spine(anatomy, pose, x[rows, near], y[rows, near])
        np.maximum(strip + bones[rows], 0.0, out=attenuation[rows])
    return Scene(attenuation, air, x, y)


def _frame(anatomy: Anatomy, x: Grid, y: Grid) -> _Frame:
    t = 1.0 - np.clip((y + 0.12) * (1 / 1.45), 0.0, 1.0)
    cage = 1.0 - anatomy.bell * t * t
    beside = np.abs(x)
    across = beside / cage
    return _Frame(x, y, beside, across, dome(across * across), cage)


def _heart(anatomy: Anatomy, frame: _Frame) -> Grid:
    """Shadow of the heart and the great vessels, 0 to 1, with crisp edges."""
    size, bottom = anatomy.heart, anatomy.length
    ventricle = ellipse(
        frame.x, frame.y, (0.19, bottom - 0.24), (0.56 * size, 0.35 * size), anatomy.heart_tilt
    )
    atrium = ellipse(frame.x, frame.y, (-0.03, bottom - 0.3), (0.25 * size, 0.38 * size))
    # Pulmonary trunk: straightens the waist between the aorta and the left ventricle.
    trunk = ellipse(frame.x, frame.y, (0.09, 0.55), (0.17, 0.34))
    # A smooth union: where two chambers meet, the outline has no notch.
    nearest = np.exp(-5.0 * ventricle) + np.exp(-5.0 * atrium) + np.exp(-5.0 * trunk)
    return step(1.02 + 0.2 * np.log(nearest + 1e-12), 0.36)


def _lungs(anatomy: Anatomy, frame: _Frame, heart: Grid) -> Grid:
    """Air along the ray through both lungs: 0 outside, at most 1."""
    x, y, beside = frame.x, frame.y, frame.beside
    # The domes of the diaphragm: the left one (right in the image) lies lower.
    out = beside - 0.42
    floor = anatomy.length + anatomy.left_drop * step(x + 0.1, 0.3)
    floor += np.where(out > 0, 1.3, 0.3) * out * out
    air = np.sqrt(frame.inside) * step(floor - y, 0.045)
    air *= 0.75 + 0.25 * step(y - 0.1, 0.7)
    apex = beside - 0.32
    air *= step(y - 0.5 * apex * apex, 0.3)
    # Upper mediastinum, wider at the arch of the aorta and at the hila.
    edge = 0.05 * bump(y - 0.34, 0.1) * (x > 0) + 0.04 * bump(y - HILUM[1], 0.16)
    air *= step(beside - edge - anatomy.mediastinum, 0.06)
    thymus = ellipse(x, y, (anatomy.thymus_side * 0.2, 0.38), (0.3, 0.32))
    air *= 1.0 - 0.5 * anatomy.thymus * step(1.0 - thymus, 0.5)
    # Some lung lies behind the heart and stays faintly visible.
    air *= 1.0 - 0.88 * heart
    return air


def _vessels(anatomy: Anatomy, pose: Pose) -> Grid:
    """Attenuation of the pulmonary vessels; thick ones near the hila weigh more."""
    widths = anatomy.vessel_widths
    drawn = draw_lines(
        pose.shape,
        to_pixels(pose, anatomy.vessels),
        pose.scale * widths,
        np.minimum(1.0, 0.25 + 22 * widths),
        blur=0.006 * pose.scale,
    )
    return 0.17 * drawn


def _soft_tissue(anatomy: Anatomy, pose: Pose, frame: _Frame, arms: Grid) -> Grid:
    """Thickness of trunk, neck, arms and chin, less the gas in the stomach."""
    x, y = frame.x, frame.y
    flank = frame.cage + anatomy.wall + 0.42 * bump(y - 0.02, 0.3)
    neck = 0.36
    half = neck + (flank - neck) * step(y + 0.5, 0.5)
    width = frame.beside / half
    depth = dome(width * width)
    trunk = depth * (1.35 - 0.35 * depth) * (0.74 + 0.22 * step(y, 1.5))
    trunk += arms * np.maximum(1.0 - 1.3 * trunk, 0.0)
    head = ellipse(x, y, (pose.turn, pose.chin - 0.58), (0.66, 0.58))
    jaw = step(1.0 - head, 0.3) * (1.0 + 0.35 * bump(head - 0.8, 0.12))
    trunk += 0.4 * jaw * np.maximum(1.2 - trunk, 0.0)
    across, down, size = anatomy.stomach
    gas = ellipse(x, y, (across, anatomy.length + 0.1 + down), (1.3 * size, size))
    trunk -= 0.12 * step(1.0 - gas + 0.15 * np.sin(9.0 * x) * np.sin(11.0 * y), 0.9)
    return trunk


def _arm_axes(pose: Pose, length: float) -> np.ndarray:
    """Axes of the upper arms [2, 2, 2], from the shoulder joint, in pixels."""
    shoulder = np.array([[-1.0, 0.0], [1.0, 0.0]])
    angle = np.asarray(pose.arms)
    direction = np.stack([np.array([-1.0, 1.0]) * np.cos(angle), np.sin(angle)], axis=1)
    return to_pixels(pose, np.stack([shoulder, shoulder + length * direction], axis=1))


def _arms(pose: Pose) -> Grid:
    """Soft tissue of the upper arms: round, so drawn as nested lines."""
    widths = np.repeat([0.54, 0.44, 0.28], 2)
    densities = np.repeat([0.26, 0.44, 0.56], 2)
    axes = np.concatenate([_arm_axes(pose, 1.6)] * 3)
    return draw_lines(pose.shape, axes, pose.scale * widths, densities, blur=0.045 * pose.scale)


def _ribs(anatomy: Anatomy, frame: _Frame) -> Grid:
    """Posterior ribs from the spine to the side, anterior ribs from there to the cartilage.

    A rib is a tilted ring; projected it is y = y_k -/+ drop * sqrt(1 - (x / a)^2), so that all
    ribs of one kind are one periodic function of that phase.
    """
    y, inside, across = frame.y, frame.inside, frame.across
    spacing = anatomy.rib_spacing
    base = y * (1.0 / spacing) + np.where(frame.x > 0, anatomy.rib_phase + 0.12, anatomy.rib_phase)
    bend = inside * (anatomy.rib_drop / spacing)
    # Distances across the rib, not straight down: near the side ribs run steeply.
    fall = anatomy.rib_drop * across
    back_scale = spacing * inside / np.sqrt(inside * inside + fall * fall)
    front_scale = spacing * inside / np.sqrt(inside * inside + 2.2 * fall * fall)
    back = bone(periodic(base + bend) * back_scale, anatomy.rib_width)
    back *= step(frame.beside - 0.08, 0.12)
    front = bone(periodic(base - 1.5 * bend) * front_scale, 1.15 * anatomy.rib_width)
    front *= step(across - 0.45, 0.3)
    # Rays near the side run along the bone.
    density = 1.0 + 1.6 * step(0.4 - inside, 0.4)
    density *= (
        step(1.01 - across, 0.03) * step(y + 0.08, 0.12) * step(anatomy.length + 0.5 - y, 0.5)
    )
    return anatomy.rib_density * density * (back + 0.5 * front)


def _spine(anatomy: Anatomy, pose: Pose, x: Grid, y: Grid) -> Grid:
    """Vertebral bodies with discs, pedicles and spinous processes, and the windpipe before them."""
    amplitude, phase = anatomy.spine_bend
    x = x - pose.turn - amplitude * np.sin(1.6 * y + phase)
    beside = np.abs(x)
    level = periodic(y * (1.0 / anatomy.vertebra))
    tall = np.abs(level)
    body = step(0.125 - beside, 0.05)
    spine = body * (0.15 - 0.05 * step(tall - 0.34, 0.12))
    low = level + 0.1
    spine += 0.05 * bump(beside - 0.075, 0.02) * bump(low, 0.16)
    spine += 0.05 * bump(x, 0.024) * bump(level - 0.22, 0.22)
    spine += 0.03 * step(0.2 - beside, 0.05) * bump(level, 0.2)
    windpipe = step(0.06 - np.abs(x + 0.015), 0.03) * step(0.5 - y, 0.12)
    fork = y - 0.42
    bronchi = step(0.04 - np.abs(beside - 0.75 * fork), 0.03) * step(fork, 0.04)
    spine -= 0.1 * windpipe + 0.06 * bronchi * step(0.66 - y, 0.08)
    return anatomy.spine_density * spine


def _shoulder_girdle(pose: Pose) -> Grid:
    """Collar bones, upper arm bones and the edges of the shoulder blades."""
    parameter = np.linspace(0.0, 1.0, 7)
    lines, widths, densities = [], [], []
    for side, angle, axis in zip((-1, 1), pose.arms, _arm_axes(pose, 1.5), strict=True):
        lift = -0.06 + 0.06 * float(np.sin(angle))
        wave = 0.03 * np.sin(2 * np.pi * parameter)
        collar = np.stack(
            [side * (0.13 + 0.76 * parameter), 0.07 + (lift - 0.07) * parameter + wave], axis=1
        )
        blade = np.stack([side * (1.0 - 0.16 * parameter**2), 0.02 + 0.72 * parameter], axis=1)
        arm = axis[0] + (axis[1] - axis[0]) * parameter[:, None]
        # A wide line, and a darker, narrower one over it: cortex and marrow.
        lines += [to_pixels(pose, blade), arm, arm, *[to_pixels(pose, collar)] * 2]
        widths += [0.05, 0.15, 0.09, 0.075, 0.035]
        densities += [0.25, 0.8, 0.5, 0.85, 0.6]
    drawn = draw_lines(
        pose.shape,
        np.stack(lines),
        pose.scale * np.array(widths),
        np.array(densities),
        blur=0.01 * pose.scale,
    )
    return 0.24 * drawn
