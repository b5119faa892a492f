"""What is watched on the early-stopping part after each epoch, and which epoch is kept."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as functional

from pneumobench.training.recipe import EarlyStopping


def inner_metrics(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return loss, ROC AUC and accuracy of float32 logits [n] against labels [n] in {0, 1}.

    The AUC is the Mann-Whitney statistic, ties counted half; n is small enough for all pairs.
    """
    positive = labels > 0.5
    difference = logits[positive].unsqueeze(1) - logits[~positive].unsqueeze(0)
    return {
        "inner_loss": functional.binary_cross_entropy_with_logits(logits, labels).item(),
        "inner_auc": (difference.sign() / 2 + 0.5).mean().item(),
        "inner_accuracy": ((logits > 0) == positive).float().mean().item(),
    }


@dataclass
class BestEpoch:
    """Keeps the weights of the best epoch and knows when to stop.

    Epochs with the same AUC or accuracy are told apart by the lower loss.
    """

    rule: EarlyStopping
    epoch: int = -1
    score: tuple[float, ...] = ()
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def update(self, epoch: int, metrics: dict[str, float], model: torch.nn.Module) -> None:
        """Take the epoch's weights if it is the best so far."""
        score = (-metrics["inner_loss"],)
        if self.rule.metric != "loss":
            score = (metrics[f"inner_{self.rule.metric}"], *score)
        if self.epoch < 0 or score > self.score:
            self.take(epoch, model, score)

    def take(self, epoch: int, model: torch.nn.Module, score: tuple[float, ...] = ()) -> None:
        """Take the epoch's weights."""
        self.epoch, self.score = epoch, score
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def exhausted(self, epoch: int) -> bool:
        """Whether the patience is used up after this epoch."""
        return self.rule.patience is not None and epoch - self.epoch >= self.rule.patience

    def state(self) -> dict[str, object]:
        """Return what a resumed training needs."""
        return {"epoch": self.epoch, "score": list(self.score), "weights": self.weights}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a state."""
        self.epoch, self.score = state["epoch"], tuple(state["score"])
        self.weights = state["weights"]
