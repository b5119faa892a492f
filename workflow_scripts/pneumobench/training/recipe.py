"""A recipe as training reads it; core.config holds what is allowed in each place."""

from dataclasses import dataclass
from typing import Any

from pneumobench.data.augmentation.policy import AugmentationPolicy


@dataclass(frozen=True)
class EarlyStopping:
    """The epoch with the best inner metric is kept; patience counts epochs (None: never stop)."""

    metric: str
    patience: int | None


@dataclass(frozen=True)
class Recipe:
    """How to train; the fields are the keys of a recipe in the configuration."""

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    weight_decay: float
    schedule: str
    class_weights: str
    label_smoothing: float
    gradient_clip: float | None
    freeze: str
    offline_copies: bool
    augmentation: AugmentationPolicy
    early_stopping: EarlyStopping

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "Recipe":
        """Build a recipe from its (checked) entry in the configuration."""
        return cls(
            **{
                **settings,
                "augmentation": AugmentationPolicy(**settings["augmentation"]),
                "early_stopping": EarlyStopping(**settings["early_stopping"]),
            }
        )
