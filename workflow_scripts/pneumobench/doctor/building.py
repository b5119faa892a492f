"""Build the networks of an experiment as its jobs will: `python -m pneumobench.doctor.building`.

The one part of doctor that takes PyTorch, so it runs in a process of its own. It reads an order as
JSON (`networks.py` writes it), and prints one line of JSON for each network as soon as it is known.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from pneumobench.core.errors import UserError
from pneumobench.explain.preview import preview_maps, read_reason
from pneumobench.models.describe import describe_model
from pneumobench.models.weights.load import load_weights
from pneumobench.training.fold import build_model
from pneumobench.training.recipe import Recipe


def build(
    model: str, recipes: list[dict[str, Any]], image_size: int, explanation: dict[str, Any] | None
) -> dict[str, str]:
    """Do with an architecture what the run's jobs do with it before they train.

    Parameters
    ----------
    model
        Its name.
    recipes
        The recipes that it is trained with.
    image_size
        Side of the images in pixels.
    explanation
        How maps are made, None where none are.

    Returns
    -------
    dict
        model; error, where and remedy of what would stop the run; no_maps: why there will be none.
        Empty texts where there is nothing to say.
    """
    said = {"model": model, "error": "", "where": "", "remedy": "", "no_maps": ""}
    try:
        describe_model(model, image_size)
        for recipe in recipes:
            _prepare(model, {key: value for key, value in recipe.items() if key != "name"})
        if explanation is not None:
            with tempfile.TemporaryDirectory() as folder:
                preview = Path(folder, "preview.json")
                preview_maps(model, image_size, explanation, preview)
                said["no_maps"] = read_reason(preview)
    except UserError as error:
        said |= {"error": error.what, "where": error.where, "remedy": error.remedy}
    except Exception as error:  # noqa: BLE001
        # A file of the user's own may fail in any way.
        lines = str(error).strip().splitlines() or [""]
        said |= {"error": f"{model} cannot be built: {type(error).__name__}: {lines[0][:300]}"}
        said |= {"where": f"model {model}", "remedy": f"correct its file, or leave {model} out"}
    return said


def _prepare(model: str, settings: dict[str, Any]) -> None:
    """Build the network of a recipe, and give it the user's own weights if it starts from some."""
    network = build_model(model, Recipe.from_settings(settings), torch.device("cpu"))
    own = settings["pretrained"]
    if isinstance(own, str) and Path(own).is_file():
        load_weights(network, network.architecture, Path(own))


if __name__ == "__main__":
    order = json.load(sys.stdin)
    for model, recipes in order["models"].items():
        found = build(model, recipes, order["image_size"], order["explanation"])
        print(json.dumps(found), flush=True)  # noqa: T201
