"""Which images, and how they are prepared: the sections data, split, images and offline_copies."""

from typing import Annotated, Literal

from pydantic import Field

from pneumobench.core.config.recipe import Augmentation
from pneumobench.core.config.section import Section, Seed, Share, Text


class Phantom(Section):
    """Radiographs drawn by the pipeline, with known truth."""

    patients: int = Field(ge=10, le=1_000_000)
    """Number of patients; some have several images."""
    test_fraction: float = Field(gt=0, le=0.5)
    """Share of the patients in the official test set."""
    seed: Seed
    """Everything about the phantoms follows from this seed."""
    image_px: int = Field(ge=64, le=4096)
    """Height of the images in pixels; widths vary as real films do."""
    difficulty: Share
    """0 = lesions stand out, 1 = lesions hardly visible."""
    shift: Share
    """0 = development and test acquired alike, 1 = strongly different exposure, blur and noise."""
    marker_confounder: Share
    """0 = side marker says nothing, 1 = its corner gives pneumonia away (for shortcut tests)."""


class Directory(Section):
    """Images in a folder."""

    path: Text
    """A folder with {train,val,test}/{NORMAL,PNEUMONIA} or {NORMAL,PNEUMONIA}; a link will do."""


class Checks(Section):
    """What the images must satisfy."""

    minimum_px: int = Field(ge=1)
    """Images with a side shorter than this are set aside."""
    maximum_rejected_fraction: Share
    """The pipeline stops when a larger share of the files is set aside."""
    allow_crossings: Annotated[
        tuple[Literal["patient", "exact_duplicate"], ...], Field(strict=False)
    ]
    """Leaks between the official splits that are tolerated by name: patient, exact_duplicate."""


class Data(Section):
    """Where the images come from and what they must satisfy."""

    source: Literal["phantom", "directory"]
    """phantom = drawn by the pipeline; directory = a folder laid out as Kaggle's chest_xray."""
    phantom: Phantom
    """The drawn images, used with source: phantom."""
    directory: Directory
    """The folder of images, used with source: directory."""
    checks: Checks
    """What stops the pipeline, and what is set aside and reported."""


class Split(Section):
    """How the images are divided."""

    folds: int = Field(ge=2, le=20)
    """Number of cross-validation folds; patients never cross them."""
    seed: Seed
    """Seed of the folds, of the hold-out and of the early-stopping part."""
    holdout_fraction: float = Field(gt=0, le=0.5)
    """Share of the patients held out for testing when the data bring no official test set."""
    inner_fraction: float = Field(ge=0, le=0.5)
    """Share of each fold's training side that is kept for early stopping; 0 = none."""


class Images(Section):
    """What the networks see."""

    size: int = Field(ge=64, le=1024)
    """Side of the square images in pixels; every architecture takes 64 and more."""
    resize: Literal["squash", "pad", "crop"]
    """How a film becomes a square: squash (stretch), pad (black bars) or crop (centre)."""


class OfflineCopies(Section):
    """Augmented copies written to disk once."""

    per_image: int = Field(ge=0, le=100)
    """Number of copies of each cross-validation image."""
    seed: Seed
    """Seed of the copies."""
    augmentation: Augmentation
    """How the copies differ from their image."""
