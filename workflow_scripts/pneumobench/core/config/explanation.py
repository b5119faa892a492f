"""What is explained, how, and how far it is tested: the section explanation."""

from typing import Literal

from pydantic import Field

from pneumobench.core.config.section import Section, Text


class Explanation(Section):
    """What the networks look at: class activation maps, and how far to trust them."""

    method: Literal["none", "grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam"]
    """How maps are made: grad_cam, grad_cam_plus_plus, hires_cam or layer_cam; none = no maps."""
    target: Literal["predicted", "normal", "pneumonia"]
    """The class that a map speaks for: predicted (of each image), normal or pneumonia."""
    layer: Text | None
    """Path of the module to explain, of a network that every run has; null = each architecture's
    own choice, its last map before pooling."""
    images: int = Field(ge=1, le=10_000)
    """Out-of-fold images of each subtype that are explained, beside three of each outcome."""
    second_opinions: int = Field(ge=0, le=10_000)
    """How many of each subtype integrated gradients and occlusion explain too; 0 = none."""
    tested_images: int = Field(ge=1, le=10_000)
    """How many have pixels inserted, deleted and imputed, in each fold and subtype."""
    colour_map: Literal["viridis", "inferno", "jet"]
    """Colours of the maps; jet, as others use it, shows edges where there are none."""
