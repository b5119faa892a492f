"""A recipe as training reads it; core.config holds what is allowed in each place."""

from dataclasses import dataclass
from typing import Any

from pneumobench.core.task import BINARY, SUBTYPE, SUBTYPES
from pneumobench.data.augmentation.policy import AugmentationPolicy


@dataclass(frozen=True)
class EarlyStopping:
    """The epoch with the best inner metric is kept; patience counts epochs (None: never stop)."""

    metric: str
    patience: int | None


@dataclass(frozen=True)
class Head:
    """Which head turns features into logits; see `pneumobench.models.heads.replace_head`."""

    kind: str
    width: int
    dropout: float
    hidden_dropout: float
    token_reading: str


@dataclass(frozen=True)
class Plateau:
    """The learning rate falls by `factor` after more than `patience` epochs without progress."""

    factor: float
    patience: int


@dataclass(frozen=True)
class Recipe:
    """How to train; the fields are the keys of a recipe in the configuration, and the task."""

    epochs: int
    batch_size: int
    pretrained: bool | str
    freeze: str
    frozen_statistics: str
    head: Head
    preprocessing: str
    loss: str
    class_weights: str
    minority_boost: float
    label_smoothing: float
    optimiser: str
    learning_rate: float
    weight_decay: float
    schedule: str
    warm_up: float
    plateau: Plateau
    gradient_clip: float | None
    gradient_checkpointing: bool
    ema_decay: float | None
    offline_copies: bool
    augmentation: AugmentationPolicy
    early_stopping: EarlyStopping
    task: str = BINARY

    @property
    def classes(self) -> int:
        """Number of classes that the labels have."""
        return len(SUBTYPES) if self.task == SUBTYPE else 2

    @property
    def outputs(self) -> int:
        """Logits: of two classes one, or one a class; of subtypes one a class, always."""
        if self.task == SUBTYPE:
            return self.classes
        return 1 if self.loss == "binary_cross_entropy" else 2

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "Recipe":
        """Build a recipe from its (checked) entry in the configuration."""
        return cls(
            **{
                **settings,
                "head": Head(**settings["head"]),
                "plateau": Plateau(**settings["plateau"]),
                "augmentation": AugmentationPolicy(**settings["augmentation"]),
                "early_stopping": EarlyStopping(**settings["early_stopping"]),
            }
        )
