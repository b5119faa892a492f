"""What a training job asks a scheduler for: memory and time, from the network and the images.

Neither has to be exact. Too little costs another attempt, which asks for more and goes on where the
first one stopped.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.config.experiment import Experiment

# Memory, measured on a CPU (docs/cluster.md): a process with torch and no network ...
BASE_MB = 900
# ... weights, gradients, two moments of the optimiser and the best weights so far, as float32 ...
BYTES_PER_PARAMETER = 20
# ... and kept maps, float32, of the network with most of them for its image.
BYTES_PER_PIXEL = 5000
# Libraries and buffers that a process keeps in the machine's memory for its GPU. Not measured.
GPU_MB = 4000
RESERVE = 1.25

# Multiply-adds a second: of one thread of a CPU, the lowest of thirteen architectures ...
CPU_MACS = 2.4e9
# ... and of a GPU, low for any that is younger than ten years. Not measured.
GPU_MACS = 500e9
# A training step is a forward pass and a backward pass, which costs two.
PASSES = 3
SHORTEST_MINUTES = 30


@dataclass(frozen=True)
class TrainingSize:
    """How big one training job is.

    Attributes
    ----------
    parameters, macs
        Of the network; multiply-adds of one image in one forward pass.
    image_size
        Side of the images in pixels.
    images
        Packed images, offline copies among them.
    batch_size, epochs, threads
        As configured.
    device
        cpu, cuda or mps.
    """

    parameters: int
    macs: int
    image_size: int
    images: int
    batch_size: int
    epochs: int
    threads: int
    device: str


def read_training_size(
    model: str, images_digest: str, precision: str, *, copies: int, **configured: int
) -> TrainingSize | None:
    """Read how big a training is from what earlier jobs found out; None if that is unreadable.

    The job reads the same files, and says what is wrong with them.

    Parameters
    ----------
    model, images_digest, precision
        Files of describe_model, pack_images and decide_precision.
    copies
        Offline copies of each image that are trained on.
    configured
        batch_size, epochs and threads.

    Raises
    ------
    FileNotFoundError
        If one of the files is not there yet; Snakemake asks again when it is.
    """
    try:
        network, packed = _read(model), _read(images_digest)
        return TrainingSize(
            parameters=int(network["parameters"]),
            macs=int(network["macs"]),
            image_size=int(packed["size"]),
            images=int(packed["count"]) * (1 + copies),
            device=_read(precision)["device"],
            **configured,
        )
    except FileNotFoundError:
        raise
    # What is damaged is named by the job that reads it.
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def training_size(
    experiment: Experiment, recipe: str, inputs: Any, threads: int
) -> TrainingSize | None:
    """Return how big a training by a recipe is; see `read_training_size`.

    Parameters
    ----------
    experiment, recipe
        The configuration, and the recipe's name.
    inputs
        Of the job, with the files model, images_digest and precision.
    threads
        Of the job.
    """
    settings = experiment.recipe(recipe)
    return read_training_size(
        inputs.model,
        inputs.images_digest,
        inputs.precision,
        copies=experiment.offline_copies.per_image if settings.offline_copies else 0,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        threads=threads,
    )


def training_memory_mb(size: TrainingSize | None, attempt: int) -> int:
    """Return the memory that a training job asks for, in MB; more with each attempt (from 1)."""
    if size is None:
        return BASE_MB
    pixels = size.image_size**2
    needed = BASE_MB + (size.parameters * BYTES_PER_PARAMETER + 2 * size.images * pixels) / 1e6
    if size.device == "cuda":
        needed += GPU_MB
    else:
        needed += size.batch_size * pixels * BYTES_PER_PIXEL / 1e6
    return _round_up(RESERVE * needed * attempt, 500)


def training_minutes(size: TrainingSize | None, attempt: int) -> int:
    """Return the time limit that a training job asks for, in minutes; more with each attempt."""
    if size is None:
        return SHORTEST_MINUTES
    speed = CPU_MACS * size.threads if size.device == "cpu" else GPU_MACS
    seconds = PASSES * size.macs * size.images * size.epochs / speed
    return _round_up(max(RESERVE * seconds / 60, SHORTEST_MINUTES) * attempt, 10)


def _round_up(value: float, step: int) -> int:
    return int(-(-value // step) * step)


def _read(path: str) -> dict[str, Any]:
    return _read_version(path, Path(path).stat().st_mtime_ns)


@functools.cache
def _read_version(path: str, _written: int) -> dict[str, Any]:
    """Read a file once for all jobs that depend on it, as long as it stays the same."""
    return dict(json.loads(Path(path).read_text(encoding="utf-8")))
