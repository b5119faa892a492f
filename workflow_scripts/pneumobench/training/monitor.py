"""What is watched on the early-stopping part after each epoch, and which epoch is kept."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as functional

from pneumobench.training.recipe import EarlyStopping


def inner_metrics(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return loss, ROC AUC and accuracy of float32 logits [n] against labels [n] in {0, 1}.

    Of logits of subtypes [n, 3] and labels from 0 to 2 the AUC is the mean of those of each class
    against the rest, and the largest logit decides. The AUC is the Mann-Whitney statistic, ties
    counted half; n is small enough for all pairs.
    """
    if logits.dim() > 1:
        return _inner_metrics_of_subtypes(logits, labels.long())
    positive = labels > 0.5
    return {
        "inner_loss": functional.binary_cross_entropy_with_logits(logits, labels).item(),
        "inner_auc": _area(logits, positive),
        "inner_accuracy": ((logits > 0) == positive).float().mean().item(),
    }


def _inner_metrics_of_subtypes(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    chances = logits.softmax(1)
    areas = [_area(chances[:, one], labels == one) for one in range(logits.shape[1])]
    return {
        "inner_loss": functional.cross_entropy(logits, labels).item(),
        "inner_auc": sum(areas) / len(areas),
        "inner_accuracy": (logits.argmax(1) == labels).float().mean().item(),
    }


def _area(scores: torch.Tensor, positive: torch.Tensor) -> float:
    difference = scores[positive].unsqueeze(1) - scores[~positive].unsqueeze(0)
    return (difference.sign() / 2 + 0.5).mean().item()


@dataclass
class BestEpoch:
    """Keeps the weights of the best epoch and knows when to stop.

    Epochs with the same AUC or accuracy are ranked by the lower loss.
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
