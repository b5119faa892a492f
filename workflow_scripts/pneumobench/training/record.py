"""What is written down about a training: origin, course, time, weights."""

import platform
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pneumobench.core.files import read_json, write_table
from pneumobench.core.provenance import file_sha256, git_commit, peak_memory_mb, software_versions
from pneumobench.training.files import FoldInputs, FoldJob
from pneumobench.training.members import FoldMembers
from pneumobench.training.trainer import Training

# What the bits of a result follow from, beside the version of torch.
FINGERPRINT = (
    "model", "seed", "fold", "settings", "data_hash", "image_size", "device", "precision",
    "numeric_threads", "code_hash", "starting_weights",
)  # fmt: skip


def training_origin(
    training: Training, inputs: FoldInputs, job: FoldJob, numerics: dict[str, Any]
) -> dict[str, Any]:
    """Return everything that a training's result follows from, and where it is computed."""
    run, trained = job.run, training.step.trained
    return {
        "model": run.model,
        "recipe": run.recipe,
        "seed": run.seed,
        "fold": training.fold,
        "parameters": sum(value.numel() for value in training.model.parameters()),
        "trainable_parameters": sum(value.numel() for value in trained),
        "outputs": training.recipe.outputs,
        "image_size": training.data.images.shape[-1],
        "device": numerics["device"],
        "device_name": _device_name(training.device),
        "precision": numerics["precision"],
        "numeric_threads": job.threads,
        "versions": software_versions(),
        "code_hash": job.code_hash,
        "git_commit": git_commit(),
        "data_hash": {
            "images": read_json(inputs.images_digest)["sha256"],
            "splits": file_sha256(inputs.splits),
            "development_labels": file_sha256(inputs.development_labels),
        },
        "settings": job.settings,
    }


def fingerprint(origin: dict[str, Any]) -> dict[str, Any]:
    """Return what must be the same for an unfinished training to be gone on with."""
    return {name: origin[name] for name in FINGERPRINT} | {"torch": origin["versions"]["torch"]}


def training_course(training: Training, members: FoldMembers) -> dict[str, Any]:
    """Return how long a finished training went on, and which epoch was kept."""
    kept, epochs = training.best.epoch + 1, len(training.history)
    metric = training.recipe.early_stopping.metric
    return {
        "epochs": epochs,
        "best_epoch": kept,
        "steps": training.step.taken,
        "training_images": len(members.train),
        "training_items": len(training.data.items),
        "inner_images": len(members.inner),
        "early_stopping": members.inner_note or f"epoch {kept} of {epochs} kept, by inner {metric}",
    }


def write_timing(
    path: Path, identity: dict[str, Any], phases: dict[str, tuple[float, int]]
) -> None:
    """Write seconds, images/s (of phases that see images) and peak memory of a fold as CSV."""
    rows = [
        identity
        | {
            "phase": phase,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 2) if images else None,
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
        for phase, (seconds, images) in phases.items()
    ]
    write_table(path, pd.DataFrame(rows))


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
