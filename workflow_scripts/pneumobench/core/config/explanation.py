"""What is explained, how, and how far it is tested: the section explanation."""

from typing import Literal

from pydantic import Field

from pneumobench.core.config.section import Section, Text


class Explanation(Section):
    """Which regions the networks use: class activation maps, and how far to trust them."""

    method: Literal["none", "grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam"]
    """Method for class activation maps: grad_cam, grad_cam_plus_plus, hires_cam or layer_cam; none
    = no maps."""
    target: Literal["predicted", "normal", "pneumonia"]
    """The class that a map explains: predicted (of each image), normal or pneumonia."""
    layer: Text | None
    """Path of the module to explain, which every run must have; null = each architecture's own
    choice, its last map before pooling."""
    images: int = Field(ge=1, le=10_000)
    """Out-of-fold images of each subtype that are explained, in addition to three of each
    outcome."""
    mistakes: int | None = Field(ge=0, le=100_000)
    """Out-of-fold mistakes of each kind that are explained and drawn as panels, the most confident
    first; null = all of them."""
    second_opinions: int = Field(ge=0, le=10_000)
    """Images of each subtype that are also explained by integrated gradients and occlusion; 0 =
    none."""
    tested_images: int = Field(ge=1, le=10_000)
    """Images used for insertion, deletion and ROAD tests, in each fold and subtype."""
    colour_map: Literal["viridis", "inferno", "jet"]
    """Colours of the maps; jet, though widely used, shows edges where there are none."""
