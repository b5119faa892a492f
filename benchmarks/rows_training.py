"""Rows of the suite about training and prediction: ours, common practice, bound."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bound
import common_practice
import numpy as np
import torch
import yaml
from measure import median_of, ratio_of, take_turns
from PIL import Image
from torch import nn
from tqdm import tqdm

from pneumobench.core.config.check import check_config
from pneumobench.core.interruption import Interruption
from pneumobench.core.memory import keep_freed_memory
from pneumobench.models import registry
from pneumobench.prediction.predict import BATCH_SIZE, predict_logits
from pneumobench.training.fold import build_model
from pneumobench.training.precision import configure_numerics, decide_precision
from pneumobench.training.recipe import Recipe
from pneumobench.training.trainer import Training, TrainingData, train_epoch

ROOT = Path(__file__).resolve().parents[1]
IMAGE_SIZE, TRAINING_BATCH = 224, 32
# The mild augmentation that common practice has, and ours of the same strength.
AUGMENTATION = {
    "horizontal_flip": 0.5, "rotation_degrees": 10.0, "brightness": 0.2, "contrast": 0.2,
}  # fmt: skip
WORKERS = (0, 2, 4)


def numerics(threads: int) -> tuple[torch.device, str]:
    """Set up a process as training does; return device and precision that `auto` decides for."""
    keep_freed_memory()
    decided = decide_precision("auto", "auto", threads)
    configure_numerics(threads)
    return torch.device(decided["device"]), decided["precision"]


def plain_recipe(**changes: Any) -> Recipe:
    """Return the recipe `plain` with some keys changed."""
    raw = yaml.safe_load((ROOT / "recipes.yaml").read_text(encoding="utf-8"))
    raw |= yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {
        "recipes": {**raw["recipes"], "measured": {"based_on": "plain", **changes}},
        "defaults": {"recipe": "measured", "seeds": [0]},
    }
    experiment = check_config(raw, architectures=registry.names())
    return Recipe.from_settings(experiment.recipe("measured").model_dump())


class AlmostNothing(nn.Module):
    """A network of one weight: what a step takes with it is what the engine takes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits [B, 1] of images [B, 1, S, S]."""
        return images.mean((2, 3)) * self.weight


def our_training(
    network: nn.Module | str, augmented: bool, steps: int, device: torch.device, precision: str
) -> Callable[[], int]:
    """Return a function that trains an epoch of some steps as the pipeline does."""
    count = steps * TRAINING_BATCH
    recipe = plain_recipe(
        epochs=10_000, batch_size=TRAINING_BATCH, augmentation=AUGMENTATION if augmented else {}
    )
    images = np.random.default_rng(0).integers(0, 256, (count, IMAGE_SIZE, IMAGE_SIZE))
    data = TrainingData(
        images=torch.from_numpy(images.astype(np.uint8)).to(device),
        items=torch.arange(count, device=device),
        labels=(torch.arange(count, device=device) % 2).float(),
        inner=np.empty(0, dtype=np.int64),
        inner_labels=torch.empty(0),
    )
    if isinstance(network, str):
        network = build_model(network, recipe, device)
    training = Training(network, data, recipe, 0, 0, device, precision)
    bar, nobody = tqdm(disable=True), SimpleNamespace(save=None)

    def run() -> int:
        training.batch = 0
        train_epoch(training, nobody, Interruption(), bar)
        return count

    return run


def training_row(model: str, steps: int, repetitions: int, threads: int) -> dict[str, Any]:
    """Measure one architecture: the four contenders in turn."""
    device, precision = numerics(threads)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder), steps * TRAINING_BATCH, IMAGE_SIZE)
        transform = common_practice.transform_for(IMAGE_SIZE, augmented=False)
        workers = _best_workers(files, transform)
        batches = common_practice.loader(files, transform, TRAINING_BATCH, workers)
        speeds = take_turns(
            {
                "ours": our_training(model, False, steps, device, precision),
                "ours augmented": our_training(model, True, steps, device, precision),
                "bound": bound.training_bound(
                    model, TRAINING_BATCH, IMAGE_SIZE, steps, device, precision
                ),
                "common practice": common_practice.common_training(model, batches, device),
            },
            repetitions,
        )
    return {
        "row": f"training, {model}",
        "unit": "images/s",
        "device": device.type,
        "precision": precision,
        "workers": workers,
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / bound": ratio_of(speeds, "ours", "bound").record(),
        "augmented / ours": ratio_of(speeds, "ours augmented", "ours").record(),
        "ours / common practice": ratio_of(speeds, "ours", "common practice").record(),
        "bound / common practice": ratio_of(speeds, "bound", "common practice").record(),
    }


def engine_row(repetitions: int, threads: int) -> dict[str, Any]:
    """Measure what the engine adds to a training step, whatever the network.

    A small time that a noisy machine can measure where it cannot measure a ratio near 1: the share
    of the bound is step / (step + engine).
    """
    device, precision = numerics(threads)
    speeds = take_turns(
        {
            name: our_training(AlmostNothing(), augmented, 1, device, precision)
            for name, augmented in (("plain", False), ("augmented", True))
        },
        # Milliseconds: more turns cost nothing.
        10 * repetitions,
    )
    steps = {
        name: median_of([TRAINING_BATCH / value * 1e3 for value in values])
        for name, values in speeds.items()
    }
    return {
        "row": f"the engine alone, a step of {TRAINING_BATCH} images",
        "unit": "ms",
        "device": device.type,
        "precision": precision,
        "speeds": {name: figure.record() for name, figure in steps.items()},
    }


def prediction_row(model: str, repetitions: int, threads: int) -> dict[str, Any]:
    """Measure prediction of packed images against the forward pass alone."""
    device, _ = numerics(threads)
    batches = 2
    images = torch.randint(0, 256, (batches * BATCH_SIZE, IMAGE_SIZE, IMAGE_SIZE)).to(torch.uint8)
    images, rows = images.to(device), np.arange(len(images))
    network = registry.load(model).build(1).to(device, memory_format=torch.channels_last)

    def ours() -> int:
        return len(predict_logits(network, images, rows, device))

    run = bound.prediction_bound(model, BATCH_SIZE, IMAGE_SIZE, batches, device)
    speeds = take_turns({"ours": ours, "bound": run}, repetitions)
    return {
        "row": f"prediction, {model}",
        "unit": "images/s",
        "device": device.type,
        "precision": "float32",
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / bound": ratio_of(speeds, "ours", "bound").record(),
    }


def _files(folder: Path, count: int, size: int) -> list[Path]:
    """Write smooth grey JPEG files."""
    random, files = np.random.default_rng(0), []
    for number in range(count):
        coarse = random.integers(0, 256, (size // 8, size // 8), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        files.append(folder / f"{number}.jpeg")
        image.save(files[-1], quality=90)
    return files


def _best_workers(files: list[Path], transform: Callable) -> int:
    """Return the number of workers with which the loader alone is fastest."""
    runs = {}
    for workers in WORKERS:
        batches = common_practice.loader(files, transform, TRAINING_BATCH, workers)
        runs[str(workers)] = lambda batches=batches: sum(len(images) for images, _ in batches)
    speeds = take_turns(runs, repetitions=3)
    return int(max(speeds, key=lambda name: median_of(speeds[name]).median))
