"""One training job: one fold of one run, from packed images to weights and predictions."""

import logging
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path, read_json, read_table, write_json, write_table
from pneumobench.core.memory import keep_freed_memory
from pneumobench.core.provenance import file_sha256, git_commit, peak_memory_mb, software_versions
from pneumobench.core.run import Run
from pneumobench.models import registry
from pneumobench.prediction.predict import predict_logits
from pneumobench.training.freezing import freeze, training_mode
from pneumobench.training.members import FoldMembers, fold_members, training_items
from pneumobench.training.precision import configure_numerics
from pneumobench.training.randomness import WEIGHTS, seed_torch
from pneumobench.training.recipe import Recipe
from pneumobench.training.trainer import Training, TrainingData, train_model

logger = logging.getLogger(__name__)

HISTORY = (
    "epoch", "learning_rate", "train_loss", "train_accuracy",
    "inner_loss", "inner_auc", "inner_accuracy",
)  # fmt: skip


@dataclass(frozen=True)
class FoldInputs:
    """The files that a training job reads; labels of test images are not among them."""

    images: Path
    images_digest: Path
    splits: Path
    development_labels: Path
    precision: Path
    augmented: Path | None = None
    augmented_table: Path | None = None


@dataclass(frozen=True)
class FoldOutputs:
    """The files that a training job writes."""

    weights: Path
    run: Path
    history: Path
    timing: Path
    out_of_fold: Path
    test: Path


def train_fold(
    inputs: FoldInputs,
    outputs: FoldOutputs,
    *,
    run: Run,
    fold: int,
    settings: dict[str, Any],
    threads: int,
    code_hash: str,
) -> None:
    """Train one fold of one run and predict its out-of-fold and the test images.

    Parameters
    ----------
    inputs, outputs
        Files, as design contracts name them.
    run, fold
        Which run and which of its folds.
    settings
        The recipe's entry in the configuration.
    threads
        Numeric threads; another number changes the last bits of the result.
    code_hash
        Fingerprint of the code, recorded in run.json.
    """
    started = time.perf_counter()
    keep_freed_memory()
    configure_numerics(threads)
    numerics = read_json(inputs.precision)
    device = torch.device(numerics["device"])
    recipe = Recipe.from_settings(settings)
    splits = read_table(inputs.splits, text=("image_id", "inner", "group"))
    members, data = load_fold(inputs, splits, fold, recipe, device)

    seed_torch(run.seed, fold, WEIGHTS)
    architecture = registry.load(run.model)
    model = architecture.build(outputs=1)
    names = [name for name, _ in model.named_parameters()]
    freeze(model, architecture.frozen_names(recipe.freeze, names))
    model.to(device, memory_format=torch.channels_last)
    training = Training(
        model,
        data,
        recipe,
        run.seed,
        fold,
        device,
        numerics["precision"],
        f"{run.model} fold {fold}",
    )
    loaded = time.perf_counter()
    train_model(training, training_mode)
    trained = time.perf_counter()
    predictions = {
        outputs.out_of_fold: _predictions(training, splits, members.held_out, run),
        outputs.test: _predictions(training, splits, members.test, run),
    }
    predicted = time.perf_counter()

    for path, table in predictions.items():
        write_table(path, table)
    columns = [*HISTORY, *(name for name in training.history[0] if name.startswith("share_"))]
    write_table(outputs.history, pd.DataFrame(training.history).reindex(columns=columns))
    _save_weights(outputs.weights, training, run)
    write_json(
        outputs.run,
        _run_record(training, run, members, inputs, settings, numerics, threads, code_hash),
    )
    seen = len(members.held_out) + len(members.test)
    _write_timing(
        outputs.timing,
        {
            "load": (loaded - started, 0),
            "train": (training.seconds, training.images_seen),
            "predict": (predicted - trained, seen),
        },
    )


def load_fold(
    inputs: FoldInputs, splits: pd.DataFrame, fold: int, recipe: Recipe, device: torch.device
) -> tuple[FoldMembers, TrainingData]:
    """Put a fold's images and labels on the training device."""
    # Copy-on-write: parallel jobs share one page cache, and torch accepts the array.
    images = np.load(inputs.images, mmap_mode="c")
    positive = _development_labels(inputs.development_labels, splits)
    members = fold_members(splits, positive, fold)
    copy_sources = np.empty(0, dtype=np.int64)
    packed = torch.from_numpy(images)
    if recipe.offline_copies:
        copy_sources = read_table(inputs.augmented_table)["source_row"].to_numpy()
        copies = torch.from_numpy(np.load(inputs.augmented, mmap_mode="c"))
        packed = torch.cat([packed, copies])
    items, sources = training_items(members, copy_sources)
    labels = torch.from_numpy(positive.astype(np.float32))
    return members, TrainingData(
        images=packed.to(device),
        items=torch.from_numpy(items).to(device),
        labels=labels[torch.from_numpy(sources)].to(device),
        inner=members.inner,
        inner_labels=labels[torch.from_numpy(members.inner)],
    )


def _development_labels(path: Path, splits: pd.DataFrame) -> np.ndarray:
    """Return bool [N], True for pneumonia; rows that are not development images are False."""
    table = read_table(path, text=("image_id",)).set_index("image_id")
    labels = table["label"].reindex(splits["image_id"])
    unlabelled = splits["image_id"][labels.isna().to_numpy() & (splits["role"] == "cv").to_numpy()]
    if len(unlabelled):
        raise UserError(
            f"{len(unlabelled)} images of the folds have no label, such as {unlabelled.iloc[0]}",
            where=str(path),
            expected="one row for each image with role cv in splits.csv",
            remedy="remove splits.csv and the labels beside it and run snakemake again",
        )
    return (labels == "pneumonia").to_numpy()


def _predictions(
    training: Training, splits: pd.DataFrame, rows: np.ndarray, run: Run
) -> pd.DataFrame:
    logits = predict_logits(training.model, training.data.images, rows, training.device)
    return pd.DataFrame(
        {
            "model": run.model,
            "recipe": run.recipe,
            "seed": run.seed,
            "fold": training.fold,
            "image_id": splits["image_id"].to_numpy()[rows],
            "tta": "identity",
            "logit": logits,
        }
    )


def _save_weights(path: Path, training: Training, run: Run) -> None:
    state = {name: value.cpu().contiguous() for name, value in training.model.state_dict().items()}
    with atomic_path(path) as temporary:
        # One entry only: safetensors writes several in an order that changes from run to run.
        save_file(state, temporary, metadata={"model": run.model})


def _run_record(
    training: Training,
    run: Run,
    members: FoldMembers,
    inputs: FoldInputs,
    settings: dict[str, Any],
    numerics: dict[str, Any],
    threads: int,
    code_hash: str,
) -> dict[str, Any]:
    parameters = list(training.model.parameters())
    kept = training.best.epoch + 1
    metric = training.recipe.early_stopping.metric
    return {
        "model": run.model,
        "recipe": run.recipe,
        "seed": run.seed,
        "fold": training.fold,
        "parameters": sum(value.numel() for value in parameters),
        "trainable_parameters": sum(value.numel() for value in training.trained),
        "epochs": len(training.history),
        "best_epoch": kept,
        "steps": training.steps,
        "training_images": len(members.train),
        "training_items": len(training.data.items),
        "inner_images": len(members.inner),
        "early_stopping": members.inner_note
        or f"epoch {kept} of {len(training.history)} kept, by inner {metric}",
        "image_size": training.data.images.shape[-1],
        "device": numerics["device"],
        "device_name": _device_name(training.device),
        "precision": numerics["precision"],
        "numeric_threads": threads,
        "versions": software_versions(),
        "code_hash": code_hash,
        "git_commit": git_commit(),
        "data_hash": {
            "images": read_json(inputs.images_digest)["sha256"],
            "splits": file_sha256(inputs.splits),
            "development_labels": file_sha256(inputs.development_labels),
        },
        "settings": settings,
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()


def _write_timing(path: Path, phases: dict[str, tuple[float, int]]) -> None:
    rows = [
        {
            "phase": phase,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 2) if images else None,
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
        for phase, (seconds, images) in phases.items()
    ]
    write_table(path, pd.DataFrame(rows))
