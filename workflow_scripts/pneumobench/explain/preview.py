"""Whether a network's maps can be made at all, found out before anything is trained."""

import logging
from pathlib import Path
from typing import Any

import torch

from pneumobench.core.files import read_json, write_json
from pneumobench.explain.cam import NoMapError, explain, find_layer, reaches_score
from pneumobench.explain.targets import PREDICTED, class_index
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier

logger = logging.getLogger(__name__)


def preview_maps(model: str, image_size: int, settings: dict[str, Any], preview: Path) -> None:
    """Make one map by an architecture with random weights, and write whether there is one.

    Parameters
    ----------
    model
        Name in the registry, or `timm:<backbone>`.
    image_size
        Side of the images in pixels.
    settings
        The section `explanation` of the configuration: method, target and layer.
    preview
        The JSON file to write: model, layer (explained), and reason, why there are no maps; empty
        where there are.

    Raises
    ------
    UserError
        If the configuration names a layer that the network does not have, or that has no map.
    """
    network = registry.load(model).build(1).eval()
    layer = settings["layer"]
    if layer is not None:
        find_layer(network, layer)
    try:
        reason = _attempt(network, image_size, settings)
    except NoMapError as error:
        # A layer that somebody asked for is to be corrected; of a network without one it is told.
        if layer is not None:
            raise
        reason = error.what
    if reason:
        logger.warning("the maps of %s will not be available: %s", model, reason)
    write_json(
        preview,
        {"model": model, "layer": layer or " + ".join(network.explained_layers), "reason": reason},
    )


def read_reason(preview: Path) -> str:
    """Return why a network has no maps, empty where it has."""
    return read_json(preview)["reason"]


def _attempt(network: Classifier, image_size: int, settings: dict[str, Any]) -> str:
    """Make one map; return why it means nothing, empty if it may mean something."""
    images = torch.linspace(0, 1, image_size**2).view(1, 1, image_size, image_size)
    target = class_index(settings["target"])
    maps = explain(
        network,
        images,
        method=settings["method"],
        layer=settings["layer"],
        target=1 if settings["target"] == PREDICTED else target,
    )
    if settings["layer"] is None and not reaches_score(network, images, None):
        return (
            f"the score takes nothing from the places of {network.explained_layers[0]}, "
            "only from its class token"
        )
    if not maps.joint.isfinite().all():
        return "a network with random weights gives maps that are not finite"
    return ""
