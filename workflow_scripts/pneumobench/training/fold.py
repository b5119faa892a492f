"""One training job: one fold of one run, from packed images to weights and predictions."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pneumobench.core.files import broken, read_json, read_table, write_json, write_table
from pneumobench.core.inflation import copy_names
from pneumobench.core.interruption import Interruption
from pneumobench.core.memory import keep_freed_memory
from pneumobench.core.ownership import IDENTITY
from pneumobench.core.packed import PackedImages
from pneumobench.core.provenance import file_sha256
from pneumobench.core.task import SUBTYPE
from pneumobench.data.labels import development_labels, development_subtypes
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.heads import replace_head
from pneumobench.models.weights.saved import save_weights
from pneumobench.prediction.predict import logit_columns, predict_readings
from pneumobench.training.checkpointing import checkpoint_stages
from pneumobench.training.files import FoldInputs, FoldJob, FoldOutputs
from pneumobench.training.freezing import freeze
from pneumobench.training.members import FoldMembers, fold_members, training_items
from pneumobench.training.memory import memory_errors_explained
from pneumobench.training.precision import configure_numerics
from pneumobench.training.randomness import WEIGHTS, seed_torch
from pneumobench.training.recipe import Recipe
from pneumobench.training.record import (
    fingerprint,
    training_course,
    training_origin,
    write_timing,
)
from pneumobench.training.resume import ResumeState
from pneumobench.training.tensorboard import TrainingBoard
from pneumobench.training.trainer import Training, TrainingData, first_batch, train_model

HISTORY = (
    "epoch", "learning_rate", "train_loss", "train_accuracy",
    "inner_loss", "inner_auc", "inner_accuracy",
)  # fmt: skip


@dataclass(frozen=True)
class PreparedFold:
    """A fold that is ready to be trained.

    Attributes
    ----------
    training
        What `train_model` takes.
    members
        The fold's images by what they are for.
    splits
        splits.csv.
    origin
        Everything that the training's result follows from.
    resume
        The state of the unfinished training.
    """

    training: Training
    members: FoldMembers
    splits: pd.DataFrame
    origin: dict[str, Any]
    resume: ResumeState

    @property
    def identity(self) -> dict[str, Any]:
        """Model, recipe, seed and fold."""
        return {name: self.origin[name] for name in IDENTITY}

    def predictions(self, rows: np.ndarray) -> pd.DataFrame:
        """Return the rows of a file of predictions for packed images, int64 [n]."""
        training = self.training
        found = predict_readings(training.model, training.data.images, rows, training.device)
        names = self.splits["image_id"].to_numpy()[rows]
        columns = {"image_id": names, "tta": "identity", **logit_columns(found)}
        return pd.DataFrame(self.identity | columns)


def train_fold(
    inputs: FoldInputs, outputs: FoldOutputs, job: FoldJob, *, board_folder: Path
) -> None:
    """Train one fold of one run and predict its out-of-fold and the test images.

    A killed job goes on where its last state was written, and ends as an unbroken one would.

    Parameters
    ----------
    inputs, outputs, job
        Files, as design contracts name them, and which training it is.
    board_folder
        Where TensorBoard's event file is written.

    Raises
    ------
    InterruptedJobError
        If the job was asked to stop or ran out of time; its state is saved.
    UserError
        If files do not fit together, the loss explodes or memory does not suffice.
    """
    started = time.perf_counter()
    interruption = Interruption(job.runtime_minutes)
    prepared = prepare_fold(inputs, job)
    training, members = prepared.training, prepared.members
    loaded = time.perf_counter()
    with (
        TrainingBoard(board_folder) as board,
        memory_errors_explained(training.recipe, training.device),
    ):
        board.images(first_batch(training))
        train_model(training, prepared.resume, interruption, board)
    trained = time.perf_counter()
    own, test = (prepared.predictions(rows) for rows in (members.held_out, members.test))
    predicted = time.perf_counter()

    write_table(outputs.out_of_fold, own)
    write_table(outputs.test, test)
    shares = [name for name in training.history[0] if name.startswith("share_")]
    history = pd.DataFrame(training.history).assign(**prepared.identity)
    write_table(outputs.history, history.reindex(columns=[*IDENTITY, *HISTORY, *shares]))
    save_weights(outputs.weights, training.model, job.run.model)
    digest = {"weights_sha256": file_sha256(outputs.weights)}
    write_json(outputs.run, prepared.origin | training_course(training, members) | digest)
    phases = {
        "load": (loaded - started, 0),
        "train": (training.seconds, training.images_seen),
        "predict": (predicted - trained, len(own) + len(test)),
    }
    write_timing(outputs.timing, prepared.identity, phases)
    prepared.resume.remove()


def prepare_fold(inputs: FoldInputs, job: FoldJob) -> PreparedFold:
    """Read what a fold is trained on, build its network, and note where all of it comes from.

    Raises
    ------
    UserError
        If files do not fit together.
    """
    keep_freed_memory()
    configure_numerics(job.threads)
    numerics = read_json(inputs.precision)
    device = torch.device(numerics["device"])
    recipe = Recipe.from_settings(job.settings)
    splits = read_table(inputs.splits, text=("image_id", "inner", "group"))
    members, data = load_fold(inputs, splits, job.fold, recipe, device)

    seed_torch(job.run.seed, job.fold, WEIGHTS)
    model = build_model(job.run.model, recipe, device)
    starting_weights = None
    if inputs.starting_weights is not None:
        # Here, because it takes timm and torchvision, seconds of every job that starts at random.
        from pneumobench.models.weights.load import load_weights

        starting_weights = load_weights(model, model.architecture, inputs.starting_weights)
    training = Training(
        model, data, recipe, job.run.seed, job.fold, device, numerics["precision"],
        f"{job.run.model} fold {job.fold}",
    )  # fmt: skip
    origin = training_origin(training, inputs, job, numerics)
    origin["starting_weights"] = starting_weights
    resume = ResumeState(job.resume_folder, fingerprint(origin))
    return PreparedFold(training, members, splits, origin, resume)


def build_model(name: str, recipe: Recipe, device: torch.device) -> Classifier:
    """Build the network that a recipe trains, on its device, channels last."""
    architecture = registry.load(name)
    model = architecture.build(recipe.outputs)
    replace_head(model, **vars(recipe.head), outputs=recipe.outputs)
    names = [parameter for parameter, _ in model.named_parameters()]
    freeze(model, architecture.frozen_names(recipe.freeze, names))
    if recipe.gradient_checkpointing:
        checkpoint_stages(model)
    return model.to(device, memory_format=torch.channels_last)


def load_fold(
    inputs: FoldInputs, splits: pd.DataFrame, fold: int, recipe: Recipe, device: torch.device
) -> tuple[FoldMembers, TrainingData]:
    """Put a fold's images and labels on the training device."""
    read = development_subtypes if recipe.task == SUBTYPE else development_labels
    classes = read(inputs.development_labels, splits)
    members = fold_members(splits, classes, fold, recipe.classes)
    copy_sources = np.empty(0, dtype=np.int64)
    names = splits["image_id"].tolist()
    if recipe.offline_copies:
        table = read_table(inputs.augmented_table, text=("image_id",))
        # An empty column of a CSV file has no type of its own.
        copy_sources = table["source_row"].to_numpy(np.int64)
        packed = torch.cat(_with_copies(inputs, names, table))
    else:
        packed = torch.from_numpy(PackedImages(inputs.images, names).all())
    items, sources = training_items(members, copy_sources)
    labels = torch.from_numpy(classes.astype(np.float32))
    return members, TrainingData(
        images=packed.to(device),
        items=torch.from_numpy(items).to(device),
        labels=labels[torch.from_numpy(sources)].to(device),
        inner=members.inner,
        inner_labels=labels[torch.from_numpy(members.inner)],
    )


def _with_copies(
    inputs: FoldInputs, names: list[str], table: pd.DataFrame
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return packed images and offline copies; they must be those of the splits and the table.

    Where copies were made before the split, their rows stand in the splits behind the images.
    """
    packed = PackedImages(inputs.images)
    images, behind = names[: len(packed)], names[len(packed) :]
    packed.check_names(images)
    sources = [images[row] for row in table["source_row"] if 0 <= row < len(images)]
    if sources != table["image_id"].tolist():
        raise broken(inputs.augmented_table, "its copies are of other images than splits.csv says")
    copies = PackedImages(inputs.augmented, behind or copy_names(table["image_id"], table["copy"]))
    return torch.from_numpy(packed.all()), torch.from_numpy(copies.all())
