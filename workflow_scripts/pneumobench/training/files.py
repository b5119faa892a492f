"""The files of one training job."""

from dataclasses import dataclass
from pathlib import Path


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
    starting_weights: Path | None = None


@dataclass(frozen=True)
class FoldOutputs:
    """The files that a training job writes."""

    weights: Path
    run: Path
    history: Path
    timing: Path
    out_of_fold: Path
    test: Path
