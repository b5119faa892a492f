"""Which batches fit into the memory of a GPU."""

import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_table
from pneumobench.data.augmentation.policy import draw_variations
from pneumobench.training.fold import build_model
from pneumobench.training.freezing import training_mode
from pneumobench.training.loss import Loss
from pneumobench.training.memory import out_of_memory
from pneumobench.training.precision import configure_numerics
from pneumobench.training.recipe import Recipe
from pneumobench.training.step import Step

logger = logging.getLogger(__name__)

LARGEST = 1024
# The second step holds the optimiser's state, which the first one makes.
STEPS = 2


def find_batch_sizes(
    precision: Path, table: Path, *, runs: list[tuple[str, dict[str, Any]]], image_size: int
) -> None:
    """Write the largest power of two that fits into the GPU's memory as a batch, for every run.

    Parameters
    ----------
    precision
        precision.json.
    table
        The CSV file to write: model, recipe, batch_size in the configuration, largest_batch,
        memory_mb that the largest batch takes, gpu_memory_mb.
    runs
        Model and recipe of each run; the recipe's settings with its name under the key `name`.
    image_size
        Side of the images in pixels.

    Raises
    ------
    UserError
        If the experiment computes on a CPU, whose memory the jobs of a machine share.
    """
    numerics = read_json(precision)
    if numerics["device"] != "cuda":
        raise UserError(
            "batch sizes are found on GPUs only",
            where=f"{precision}: device {numerics['device']}",
            expected="an experiment on a GPU (compute.device: auto or cuda)",
            remedy="on a CPU take a smaller batch_size until the job fits into the memory",
        )
    configure_numerics(1)
    device = torch.device("cuda")
    _, total = torch.cuda.mem_get_info()
    rows = []
    for model, named in runs:
        settings = dict(named)
        name, recipe = settings.pop("name"), Recipe.from_settings(settings)
        largest, used = largest_batch(
            lambda size, model=model, recipe=recipe: _train(
                model, recipe, size, image_size, device, numerics["precision"]
            ),
            LARGEST,
        )
        logger.info("%s with %s: %d images", model, name, largest)
        rows.append((model, name, recipe.batch_size, largest, used, round(total / 2**20)))
    columns = ["model", "recipe", "batch_size", "largest_batch", "memory_mb", "gpu_memory_mb"]
    write_table(table, pd.DataFrame(rows, columns=columns))


def largest_batch(attempt: Callable[[int], float], largest: int) -> tuple[int, float]:
    """Try batches of 2, 4, 8, ... up to `largest` images until memory does not suffice.

    Parameters
    ----------
    attempt
        Trains on a batch of so many images and returns the MiB that it took; raises what torch
        raises when memory does not suffice.
    largest
        Bound of the search.

    Returns
    -------
    The largest batch that fits and the MiB that it takes; 0 and 0 if not even two images do.
    """
    found, used, size = 0, 0.0, 2
    while size <= largest:
        try:
            found, used = size, attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return (size // 2 if size > 2 else 0), used
        size *= 2
    return found, used


def _train(
    model: str, recipe: Recipe, size: int, image_size: int, device: torch.device, precision: str
) -> float:
    """Take a few steps on random images; return the MiB that they took at most."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    network = build_model(model, recipe, device)
    training_mode(network, recipe.frozen_statistics)
    labels = (torch.arange(size, device=device) % recipe.classes).float()
    step = Step(network, Loss(recipe, labels), recipe, device, precision, total=STEPS)
    images = torch.randint(0, 256, (size, image_size, image_size), device=device).to(torch.uint8)
    variations = draw_variations(np.random.default_rng(0), size, recipe.augmentation).to(device)
    for _ in range(STEPS):
        step(images, variations, labels)
    return round(torch.cuda.max_memory_allocated() / 2**20, 1)
