"""The training loop: nothing in it but arithmetic."""

import logging
import math
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from pneumobench.core.errors import UserError
from pneumobench.core.interruption import InterruptedJobError, Interruption
from pneumobench.data.augmentation.apply import augment
from pneumobench.prediction.predict import predict_readings
from pneumobench.training.freezing import training_mode
from pneumobench.training.loss import Loss
from pneumobench.training.monitor import BestEpoch, inner_metrics
from pneumobench.training.plan import batch_bounds, draw_plan
from pneumobench.training.randomness import DROPOUT, random_state, restore_random_state, seed_torch
from pneumobench.training.recipe import Recipe
from pneumobench.training.resume import ResumeState
from pneumobench.training.step import Step

logger = logging.getLogger(__name__)

# Steps between two looks at whether the loss is still a number: each look waits for the device.
CHECK_EVERY = 50


class Board(Protocol):
    """What shows the course of a training while it runs."""

    def epoch(self, row: dict[str, float], images_per_second: float) -> None:
        """Show an epoch's row of the history."""


@dataclass(frozen=True)
class TrainingData:
    """What one fold trains on, resident on the training device.

    Attributes
    ----------
    images
        uint8 [N + M, S, S]; packed images, then offline copies.
    items
        int64 [K]; the rows that an epoch goes through.
    labels
        float32 [K]; 1 = pneumonia, or a position in `core.task.SUBTYPES`, of the items.
    inner
        int64 [n]; rows watched for early stopping (may be empty).
    inner_labels
        float32 [n].
    """

    images: torch.Tensor
    items: torch.Tensor
    labels: torch.Tensor
    inner: np.ndarray
    inner_labels: torch.Tensor


@dataclass
class EpochSums:
    """Sums over the epoch so far; they stay on the device, reading them would wait for it."""

    loss: torch.Tensor
    correct: torch.Tensor

    @classmethod
    def zero(cls, device: torch.device) -> "EpochSums":
        """Start an epoch."""
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in a batch: its mean loss [], logits [B] or [B, 3] and labels [B]."""
        self.loss += loss * len(labels)
        decided = logits > 0 if logits.dim() == 1 else logits.argmax(1)
        self.correct += (decided == labels).sum()


@dataclass
class Training:
    """One training: made for `train_model`, which fills in history, best epoch and so on.

    Attributes
    ----------
    history
        One row an epoch.
    speeds
        Images a second of each epoch.
    batch
        Batches of the present epoch that are done.
    seconds, images_seen
        Time and images spent in epochs, over all attempts.
    finished
        Whether nothing is left to train.
    """

    model: torch.nn.Module
    data: TrainingData
    recipe: Recipe
    seed: int
    fold: int
    device: torch.device
    precision: str
    label: str = "training"
    history: list[dict[str, float]] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    batch: int = 0
    seconds: float = 0.0
    images_seen: int = 0
    finished: bool = False

    def __post_init__(self) -> None:
        """Derive what stays fixed over the training."""
        recipe = self.recipe
        self.best = BestEpoch(recipe.early_stopping)
        self.bounds = batch_bounds(len(self.data.items), recipe.batch_size)
        self.step = Step(
            self.model,
            Loss(recipe, self.data.labels),
            recipe,
            self.device,
            self.precision,
            total=recipe.epochs * len(self.bounds),
        )
        self.sums = EpochSums.zero(self.device)

    @property
    def epoch(self) -> int:
        """The epoch that is under way or comes next, counted from 0."""
        return len(self.history)

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs."""
        return {
            "model": self.model.state_dict(),
            "step": self.step.state(),
            "best": self.best.state(),
            "random": random_state(self.device),
            "sums": [self.sums.loss, self.sums.correct],
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.step.restore(state["step"])
        self.best.restore(state["best"])
        self.sums = EpochSums(*(value.to(self.device) for value in state["sums"]))
        for name in _PLAIN:
            setattr(self, name, state[name])
        # Last: building and loading draw random numbers.
        restore_random_state(state["random"], self.device)


_PLAIN = ("history", "speeds", "batch", "seconds", "images_seen", "finished")


def train_model(
    training: Training, resume: ResumeState, interruption: Interruption, board: Board
) -> None:
    """Train to the end or until patience is used up; the best epoch's weights end in the model.

    Parameters
    ----------
    training
        The training; its history, seconds and best epoch are filled in.
    resume
        Where an unfinished training's state lies; written after each epoch.
    interruption
        Asked after each step whether to stop.
    board
        Shown every epoch, those of earlier attempts included.

    Raises
    ------
    InterruptedJobError
        If the job was asked to stop or ran out of time; its state is saved.
    UserError
        If the loss is no longer a number, or the state is of another training.
    """
    state = resume.load()
    if state is not None:
        training.restore(state)
        logger.info("going on after %d epochs, %d batches", training.epoch, training.batch)
    for row, speed in zip(training.history, training.speeds, strict=True):
        board.epoch(row, speed)
    # One bar a job, silent when nobody watches.
    steps = training.recipe.epochs * len(training.bounds)
    with tqdm(
        total=steps, initial=training.step.taken, desc=training.label, unit="step", disable=None,
        mininterval=1,
    ) as bar, interruption.watched():  # fmt: skip
        while not training.finished:
            train_epoch(training, resume, interruption, bar)
            row = _end_epoch(training)
            board.epoch(row, training.speeds[-1])
            resume.save(training.state())
    training.model.load_state_dict(training.best.weights)


def first_batch(training: Training) -> torch.Tensor:
    """Return the first batch of the first epoch as the network sees it, float32 [B, 1, S, S]."""
    data, recipe = training.data, training.recipe
    plan = draw_plan(
        len(data.items), recipe.augmentation, seed=training.seed, fold=training.fold, epoch=0
    )
    rows = slice(*training.bounds[0])
    images = data.images[data.items[plan.order[rows].to(training.device)]]
    return augment(images, plan.variations.rows(rows).to(training.device))


def train_epoch(
    training: Training, resume: ResumeState, interruption: Interruption, bar: tqdm
) -> None:
    """Go through the items that are left of the epoch under way.

    Parameters
    ----------
    training
        The training; its steps, sums and seconds are advanced.
    resume
        Where the state is saved when the job is to stop.
    interruption
        Asked after each step.
    bar
        Advanced by one a step.

    Raises
    ------
    InterruptedJobError
        If the job was asked to stop or ran out of time; its state is saved.
    UserError
        If the loss is no longer a number.
    """
    data, recipe, device = training.data, training.recipe, training.device
    training_mode(training.model, recipe.frozen_statistics)
    plan = draw_plan(
        len(data.items),
        recipe.augmentation,
        seed=training.seed,
        fold=training.fold,
        epoch=training.epoch,
    )
    order, variations = plan.order.to(device), plan.variations.to(device)
    items, labels = data.items[order], data.labels[order]
    if training.batch == 0:
        seed_torch(training.seed, training.fold, DROPOUT, training.epoch)
        training.sums = EpochSums.zero(device)
    start = time.perf_counter()
    for begin, end in training.bounds[training.batch :]:
        rows = slice(begin, end)
        loss, logits = training.step(data.images[items[rows]], variations.rows(rows), labels[rows])
        training.sums.add(loss, logits, labels[rows])
        training.batch += 1
        bar.update()
        if training.batch % CHECK_EVERY == 0:
            _check_loss(training)
        if interruption.reason:
            _stop(training, resume, interruption.reason, time.perf_counter() - start)
    _check_loss(training)
    training.seconds += time.perf_counter() - start


def _check_loss(training: Training) -> None:
    if math.isfinite(training.sums.loss.item()):
        return
    recipe, rate = training.recipe, training.step.learning_rate
    first = max(1, training.step.taken - training.batch % CHECK_EVERY - CHECK_EVERY + 1)
    raise UserError(
        f"the training loss is no longer a number in epoch {training.epoch + 1}, at step {first} "
        f"to {training.step.taken}",
        where=f"{training.label}, learning rate {rate:.3g}, gradient_clip {recipe.gradient_clip}, "
        f"{training.precision}",
        expected="a finite loss; a too high learning rate is the usual cause",
        remedy="lower the recipe's learning_rate or set gradient_clip: 1.0; "
        "the state of the last good epoch is kept",
    )


def _stop(training: Training, resume: ResumeState, reason: str, seconds: float) -> None:
    _check_loss(training)
    training.seconds += seconds
    resume.save(training.state())
    raise InterruptedJobError(
        f"{training.label} stopped in epoch {training.epoch + 1} after step {training.step.taken}: "
        f"{reason}. Its state is saved; the same command goes on from there."
    )


def _end_epoch(training: Training) -> dict[str, float]:
    """Judge the epoch, add its row to the history, decide whether it was the last one."""
    epoch, count = training.epoch, len(training.data.items)
    row = {
        "epoch": epoch + 1,
        "learning_rate": training.step.learning_rate,
        "train_loss": training.sums.loss.item() / count,
        "train_accuracy": training.sums.correct.item() / count,
    }
    start = time.perf_counter()
    if training.step.average is None:
        row |= _watch(training, epoch)
    else:
        with training.step.average.in_place():
            row |= _watch(training, epoch)
    training.step.schedule.epoch_ended(row.get("inner_loss", math.nan))
    training.seconds += time.perf_counter() - start
    training.images_seen += count
    training.history.append(row)
    spent = training.seconds - sum(count / speed for speed in training.speeds)
    training.speeds.append(count / spent)
    training.batch = 0
    logger.info("%s", _epoch_line(training, row))
    exhausted = len(training.data.inner) > 0 and training.best.exhausted(epoch)
    if exhausted:
        logger.info("stopped after epoch %d: patience is used up", epoch + 1)
    training.finished = exhausted or training.epoch == training.recipe.epochs
    return row


def _watch(training: Training, epoch: int) -> dict[str, float]:
    """Judge the epoch on the early-stopping part and keep its weights if they are the best."""
    data, model = training.data, training.model
    rows = data.inner if len(data.inner) else data.items[:64].cpu().numpy()
    metrics: dict[str, float] = {}
    if len(data.inner):
        logits = predict_readings(model, data.images, data.inner, training.device)
        metrics = inner_metrics(torch.from_numpy(logits), data.inner_labels)
        training.best.update(epoch, metrics, model)
    else:
        training.best.take(epoch, model)
    return metrics | _branch_shares(training, rows[:64])


@torch.inference_mode()
def _branch_shares(training: Training, rows: np.ndarray) -> dict[str, float]:
    """Return each branch's share of the feature norm, for models that have branches."""
    model = training.model
    if not hasattr(model, "branch_shares"):
        return {}
    model.eval()
    images = training.data.images[torch.from_numpy(rows).to(training.device)].unsqueeze(1) / 255.0
    shares = model.branch_shares(model.features(model.prepare(images)))
    return {f"share_{branch}": float(value) for branch, value in shares.items()}


def _epoch_line(training: Training, row: dict[str, float]) -> str:
    watched = " ".join(
        f"{name} {value:.4f}"
        for name, value in row.items()
        if name not in ("epoch", "learning_rate")
    )
    return (
        f"epoch {row['epoch']}/{training.recipe.epochs} lr {row['learning_rate']:.2e} {watched} "
        f"{training.speeds[-1]:.1f} images/s {training.seconds:.0f} s"
    )
