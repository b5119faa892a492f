"""What bad practice is measured, and the names that its measurement shares between rooms."""

from collections.abc import Iterable
from dataclasses import dataclass

# How the images were split for a training; the first is the honest reference.
ARMS = ("patients", "images", "copies")
HONEST = ARMS[0]

# How many images of each class the smallest validation set in use holds: that of Kaggle's folder.
SMALL_VALIDATION = 8

# No path of an image holds two slashes in a row.
_MARK = "//copy"


@dataclass(frozen=True)
class Practice:
    """A bad practice in words: its name, what it does, and what it is compared with."""

    title: str
    done: str
    instead: str


PRACTICES = {
    "folds_by_image": Practice(
        "Folds by image",
        "Images, not patients, are assigned to folds, so that networks are trained on other images "
        "of the same patients. The cross-validation result is reported.",
        "The same cross-validation with folds by patient.",
    ),
    "copies_before_split": Practice(
        "Augmentation before the split",
        "Augmented copies are made first, then every file is assigned to a fold on its own, so "
        "that networks are trained on other versions of the same images. Evaluated on the original "
        "images only.",
        "The same copies, each in the fold of its radiograph, with folds by patient.",
    ),
    "sixteen_images": Practice(
        "Validation on 16 images",
        "8 + 8 images are drawn from each fold's early-stopping split; the first epoch with the "
        "best accuracy on them is selected, and that accuracy is reported.",
        "The balanced accuracy of that epoch's network on the fold's own images.",
    ),
    "epoch_on_test": Practice(
        "Epoch chosen on the test set",
        "In each fold, the epoch with the best AUC on the test set is selected.",
        "The epoch with the best AUC on the early-stopping split (the last epoch if there is "
        "none), evaluated on the same test set.",
    ),
    "architecture_on_test": Practice(
        "Architecture chosen on the test set",
        "The run with the best AUC on the test set is reported.",
        "The run with the best out-of-fold AUC, evaluated on the same test set.",
    ),
    "threshold_on_test": Practice(
        "Threshold chosen on the test set",
        "The threshold with the best balanced accuracy on the test set is used.",
        "The thresholds found on out-of-fold predictions by the same rule (Youden's).",
    ),
}


def copy_identifier(image_id: str, number: int) -> str:
    """Return what an offline copy is called where it is a row like any other."""
    return f"{image_id}{_MARK}{number}"


def copy_names(image_ids: Iterable[str], numbers: Iterable[int]) -> list[str]:
    """Return what offline copies are called, from the columns image_id and copy of their table."""
    return [copy_identifier(name, number) for name, number in zip(image_ids, numbers, strict=True)]


def is_copy(image_id: str) -> bool:
    """Tell whether `copy_identifier` made the name."""
    return _MARK in image_id
