"""How to train: the sections of a recipe."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from pneumobench.core.config.section import Section, Share, one_line, without_braces


def _switch_or_path(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value:
        return without_braces(one_line(value))
    raise ValueError("neither true, false nor a path")


# A union would report each of its members' complaints.
SwitchOrPath = Annotated[
    bool | str,
    PlainValidator(_switch_or_path),
    WithJsonSchema(
        {
            "type": ["boolean", "string"],
            "$comment": "true, false, or the path of a file, without { and }",
        }
    ),
]


Preprocessing = Literal[
    "none", "histogram", "clahe", "standardised", "border_masked", "lung_masked"
]


class Augmentation(Section):
    """How strongly images are varied at random; 0 turns a kind of variation off."""

    horizontal_flip: Share
    """Probability that an image is mirrored left to right."""
    vertical_flip: Share
    """Probability that an image is mirrored top to bottom, which is anatomically wrong."""
    rotation_degrees: float = Field(ge=0, le=180)
    """Largest rotation to either side, in degrees."""
    translation: Share
    """Largest shift in each direction, as a share of the image's side."""
    scale: float = Field(ge=0, lt=1)
    """Largest enlargement or reduction, as a share of the size."""
    stretch: float = Field(ge=0, lt=1)
    """Largest change of the aspect ratio, as a share."""
    shear_degrees: float = Field(ge=0, lt=90)
    """Largest tilt of the vertical axis to either side, in degrees."""
    crop: float = Field(ge=0, lt=1)
    """Largest share of the image's area that a random crop removes."""
    brightness: Share
    """Largest change of brightness, as a share of the grey range."""
    contrast: Share
    """Largest change of contrast, as a share."""
    gamma: float = Field(ge=0, le=4)
    """Grey values are raised to a power from 1 / (1 + gamma) to 1 + gamma."""
    blur: float = Field(ge=0, le=0.05)
    """Largest standard deviation of a Gaussian blur, as a share of the image's side."""
    noise: Share
    """Largest standard deviation of added noise, as a share of the grey range."""
    erasing: Share
    """Probability that a rectangle of 2 to 20 % of the image is painted over in one grey."""


class Head(Section):
    """The head, which turns the trunk's features into logits."""

    kind: Literal["own", "linear", "mlp"]
    """own = as designed by the architecture's authors, linear = one layer, mlp = two layers with
    dropout."""
    width: int = Field(ge=1, le=65_536)
    """Units of the hidden layer, used by mlp."""
    dropout: float = Field(ge=0, lt=1)
    """Dropout before the hidden layer, used by mlp."""
    hidden_dropout: float = Field(ge=0, lt=1)
    """Dropout after the hidden layer, used by mlp."""
    token_reading: Literal["last", "norm", "additive"]
    """How CNN-LSTM networks combine the states of their LSTM: last = the last one, norm = weighted
    by their norms, additive = weighted by a learned score of each position; last for all other
    models."""


class Plateau(Section):
    """When the schedule plateau lowers the learning rate."""

    factor: float = Field(gt=0, lt=1)
    """The learning rate is multiplied by this."""
    patience: int = Field(ge=0)
    """Epochs to wait for a lower loss on the early-stopping split."""


class EarlyStopping(Section):
    """Which epoch is kept, and when training ends before the last one."""

    metric: Literal["auc", "loss", "accuracy"]
    """Metric on the early-stopping split that selects the epoch: auc, loss or accuracy."""
    patience: Annotated[int, Field(ge=1)] | None
    """Epochs without improvement before training ends; null = train to the end."""


class Recipe(Section):
    """How to train; a run names one recipe."""

    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training images."""
    batch_size: int = Field(ge=2, le=4096)
    """Images in one training step; batch normalisation needs at least 2."""
    pretrained: SwitchOrPath
    """Starting weights: false = random, true = the architecture's published ones (downloaded before
    training), or the path of a file with weights."""
    freeze: Literal["none", "first_parameters", "last_stage"]
    """Parameters that stay fixed, as defined by each model: none, first_parameters or
    last_stage."""
    frozen_statistics: Literal["fixed", "updated"]
    """Batch normalisation statistics of frozen layers: fixed, or updated during training."""
    head: Head
    """The head, which turns the trunk's features into logits."""
    preprocessing: Preprocessing
    """Preprocessing of each image: none; histogram or clahe = grey values are equalised globally or
    locally; standardised = they are scaled to one mean and standard deviation; border_masked or
    lung_masked = a margin, or everything outside a box around both lungs, is painted over in one
    grey."""
    loss: Literal["binary_cross_entropy", "cross_entropy"]
    """binary_cross_entropy on one logit, or cross_entropy on one logit per class."""
    class_weights: Literal["none", "inverse_frequency"]
    """Weights of the classes in the loss: none or inverse_frequency."""
    minority_boost: float = Field(ge=1, le=100)
    """The rarer class's weight is multiplied by this, used with class weights."""
    label_smoothing: float = Field(ge=0, lt=1)
    """Share by which labels are moved towards the uniform distribution."""
    optimiser: Literal["adam", "adamw", "sgd"]
    """Optimiser: adam, adamw or sgd (with momentum)."""
    learning_rate: float = Field(gt=0, le=10)
    """Learning rate; its maximum where a schedule changes it."""
    weight_decay: float = Field(ge=0, le=1)
    """Weight decay, as the optimiser defines it."""
    schedule: Literal["none", "cosine", "plateau", "one_cycle", "warm_up_cosine"]
    """Schedule of the learning rate: none (constant), cosine, plateau, one_cycle or
    warm_up_cosine."""
    warm_up: float = Field(gt=0, lt=1)
    """Share of the steps during which the learning rate rises, used by one_cycle and
    warm_up_cosine."""
    plateau: Plateau
    """When the schedule plateau lowers the learning rate."""
    gradient_clip: Annotated[float, Field(gt=0)] | None
    """Largest norm of the gradient; null = no clipping."""
    gradient_checkpointing: bool
    """Recompute the trunk's activations in the backward pass instead of storing them: less memory,
    more time, the same result."""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    """Evaluate and keep a moving average of the weights with this decay per step; null = the
    weights."""
    offline_copies: bool
    """Also train on the offline copies of the training images."""
    augmentation: Augmentation
    """Random augmentation, drawn anew for every image and epoch."""
    early_stopping: EarlyStopping
    """The epoch with the best metric on the early-stopping split is kept; patience counts epochs
    without improvement."""
