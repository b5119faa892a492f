"""How to train: the sections of a recipe."""

from typing import Annotated, Literal

from pydantic import Field

from pneumobench.core.config.section import Section, Share


class Augmentation(Section):
    """How strongly images are varied at random."""

    horizontal_flip: Share
    """Probability that an image is mirrored left to right."""
    rotation_degrees: float = Field(ge=0, le=180)
    """Largest rotation to either side, in degrees."""
    translation: Share
    """Largest shift in each direction, as a share of the image's side."""
    scale: float = Field(ge=0, lt=1)
    """Largest enlargement or reduction, as a share of the size."""
    brightness: Share
    """Largest change of brightness, as a share of the grey range."""
    contrast: Share
    """Largest change of contrast, as a share."""


class EarlyStopping(Section):
    """Which epoch is kept, and when training ends before the last one."""

    metric: Literal["auc", "loss"]
    """Metric on the early-stopping part that chooses the epoch: auc or loss."""
    patience: Annotated[int, Field(ge=1)] | None
    """Epochs without improvement before training ends; null = train to the end."""


class Recipe(Section):
    """How to train; a run names one recipe."""

    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training images."""
    batch_size: int = Field(ge=2, le=4096)
    """Images in one training step; batch normalisation needs at least 2."""
    optimiser: Literal["adam", "adamw", "sgd"]
    """Optimiser: adam, adamw or sgd (with momentum)."""
    learning_rate: float = Field(gt=0, le=10)
    """Learning rate; the highest one where a schedule changes it."""
    weight_decay: float = Field(ge=0, le=1)
    """Weight decay, as the optimiser defines it."""
    schedule: Literal["none", "cosine", "one_cycle"]
    """Course of the learning rate: none (constant), cosine or one_cycle."""
    class_weights: Literal["none", "inverse_frequency"]
    """Weights of the classes in the loss: none or inverse_frequency."""
    label_smoothing: float = Field(ge=0, lt=1)
    """Labels 0 and 1 are moved towards 0.5 by this share."""
    gradient_clip: Annotated[float, Field(gt=0)] | None
    """Largest norm of the gradient; null = no clipping."""
    freeze: Literal["none", "first_parameters", "last_stage"]
    """Parameters that stay fixed, as each model defines: none, first_parameters or last_stage."""
    offline_copies: bool
    """Train on the offline copies of the training side, too."""
    augmentation: Augmentation
    """Variation of the images, drawn anew for every image and epoch: a probability, degrees, then
    shares of the size or of the grey range."""
    early_stopping: EarlyStopping
    """The epoch with the best inner metric (auc or loss) is kept; patience counts epochs without
    improvement, null = train to the end."""
