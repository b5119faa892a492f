"""The training loop: nothing in it but arithmetic."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from tqdm import tqdm

from pneumobench.core.errors import UserError
from pneumobench.data.augmentation.apply import augment
from pneumobench.prediction.predict import predict_logits
from pneumobench.training.monitor import BestEpoch, inner_metrics
from pneumobench.training.optimisation import (
    binary_loss,
    build_optimiser,
    positive_weight,
    schedule_factor,
)
from pneumobench.training.plan import batch_bounds, draw_plan
from pneumobench.training.precision import autocast
from pneumobench.training.randomness import DROPOUT, seed_torch
from pneumobench.training.recipe import Recipe

logger = logging.getLogger(__name__)


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
        float32 [K]; 1 = pneumonia, of the items.
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
class Training:
    """One training: made by `train_model`, read by `train_fold`."""

    model: torch.nn.Module
    data: TrainingData
    recipe: Recipe
    seed: int
    fold: int
    device: torch.device
    precision: str
    label: str = "training"
    history: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    best: BestEpoch = field(init=False)

    def __post_init__(self) -> None:
        """Derive what stays fixed over the training."""
        recipe = self.recipe
        self.best = BestEpoch(recipe.early_stopping)
        self.bounds = batch_bounds(len(self.data.items), recipe.batch_size)
        self.total_steps = recipe.epochs * len(self.bounds)
        self.weight = positive_weight(self.data.labels, recipe.class_weights)
        trained = [value for value in self.model.parameters() if value.requires_grad]
        self.optimiser = build_optimiser(
            trained, recipe.optimiser, recipe.learning_rate, recipe.weight_decay
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        self.trained = trained


def train_model(training: Training, set_mode: Callable[[torch.nn.Module], None]) -> None:
    """Train to the end or until patience is used up; the best epoch's weights end in the model.

    Parameters
    ----------
    training
        The training; its history, steps, seconds and best epoch are filled in.
    set_mode
        Puts the model into training mode (frozen layers stay in evaluation mode).
    """
    start = time.perf_counter()
    # One bar a job, silent when nobody watches.
    with tqdm(
        total=training.total_steps, desc=training.label, unit="step", disable=None, mininterval=1
    ) as bar:
        for epoch in range(training.recipe.epochs):
            set_mode(training.model)
            row = _train_epoch(training, epoch, bar)
            row |= _watch(training, epoch)
            training.history.append(row)
            logger.info("%s", _epoch_line(training, row, time.perf_counter() - start))
            if len(training.data.inner) and training.best.exhausted(epoch):
                logger.info("stopped after epoch %d: patience is used up", epoch + 1)
                break
    training.seconds = time.perf_counter() - start
    training.model.load_state_dict(training.best.state)


def _train_epoch(training: Training, epoch: int, bar: tqdm) -> dict[str, float]:
    """Go through all items once; return the epoch's row of the history."""
    data, recipe, device = training.data, training.recipe, training.device
    seed_torch(training.seed, training.fold, DROPOUT, epoch)
    plan = draw_plan(
        len(data.items), recipe.augmentation, seed=training.seed, fold=training.fold, epoch=epoch
    )
    order, variations = plan.order.to(device), plan.variations.to(device)
    items, labels = data.items[order], data.labels[order]
    # Sums stay on the device: reading them would wait for it at every step.
    loss_sum, correct = torch.zeros((), device=device), torch.zeros((), device=device)
    for start, end in training.bounds:
        batch = slice(start, end)
        images = augment(data.images[items[batch]], variations.rows(batch))
        loss, logits = _step(training, images, labels[batch])
        loss_sum += loss * (end - start)
        correct += ((logits > 0) == (labels[batch] > 0.5)).sum()
        bar.update()
    training.images_seen += len(items)
    count = len(items)
    row = {
        "epoch": epoch + 1,
        "learning_rate": training.optimiser.param_groups[0]["lr"],
        "train_loss": loss_sum.item() / count,
        "train_accuracy": correct.item() / count,
    }
    if not np.isfinite(row["train_loss"]):
        raise UserError(
            f"the training loss became {row['train_loss']} in epoch {epoch + 1}",
            where=f"{training.label}, learning rate {row['learning_rate']:.3g}",
            expected="a finite loss",
            remedy="lower the recipe's learning_rate or set gradient_clip: 1.0",
        )
    return row


def _step(
    training: Training, images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take one optimisation step; return the loss and the logits [B], detached."""
    recipe, optimiser, scaler = training.recipe, training.optimiser, training.scaler
    factor = schedule_factor(recipe.schedule, training.steps, training.total_steps)
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * factor
    optimiser.zero_grad(set_to_none=True)
    with autocast(training.device, training.precision):
        logits = training.model(images).squeeze(1)
    loss = binary_loss(logits, labels, training.weight, recipe.label_smoothing)
    scaler.scale(loss).backward()
    if recipe.gradient_clip is not None:
        scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(training.trained, recipe.gradient_clip)
    scaler.step(optimiser)
    scaler.update()
    training.steps += 1
    return loss.detach(), logits.detach()


def _watch(training: Training, epoch: int) -> dict[str, float]:
    """Judge the epoch on the early-stopping part and keep its weights if they are the best."""
    data, model = training.data, training.model
    rows = data.inner if len(data.inner) else data.items[:64].cpu().numpy()
    metrics: dict[str, float] = {}
    if len(data.inner):
        logits = predict_logits(model, data.images, data.inner, training.device)
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


def _epoch_line(training: Training, row: dict[str, float], seconds: float) -> str:
    watched = " ".join(
        f"{name} {value:.4f}"
        for name, value in row.items()
        if name not in ("epoch", "learning_rate")
    )
    speed = training.images_seen / seconds
    return (
        f"epoch {row['epoch']}/{training.recipe.epochs} lr {row['learning_rate']:.2e} {watched} "
        f"{speed:.1f} images/s {seconds:.0f} s"
    )
