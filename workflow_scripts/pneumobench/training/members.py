"""Which images a fold trains on, stops early on, is judged on, and which copies belong to it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Below this an early-stopping figure is noise: the fold then trains for a fixed number of epochs.
MINIMUM_INNER_IMAGES = 100
MINIMUM_INNER_PER_CLASS = 30


@dataclass(frozen=True)
class FoldMembers:
    """Rows of the packed images, int64, ascending.

    Attributes
    ----------
    train
        What the weights are fitted to.
    inner
        What early stopping looks at; empty when it would be too small.
    held_out
        The fold's own images, predicted once, out of fold.
    test
        The official test (or hold-out) images.
    inner_note
        Why there is no inner part, or an empty string.
    """

    train: np.ndarray
    inner: np.ndarray
    held_out: np.ndarray
    test: np.ndarray
    inner_note: str


def fold_members(
    splits: pd.DataFrame, labels: np.ndarray, fold: int, classes: int = 2
) -> FoldMembers:
    """Read a fold's members from the table of splits.

    Parameters
    ----------
    splits
        Columns role, fold, inner; one row a packed image, in their order.
    labels
        [N] bool, True for pneumonia, or int. Only cross-validation rows are looked at.
    fold
        Number of the fold.
    classes
        Number of classes that labels have.
    """
    cross_validation = (splits["role"] == "cv").to_numpy()
    held_out = cross_validation & (splits["fold"] == fold).to_numpy()
    inner = cross_validation & np.array(
        [str(fold) in entry.split() for entry in splits["inner"]], dtype=bool
    )
    note = _inner_too_small(np.bincount(labels[inner].astype(int), minlength=classes))
    if note:
        inner = np.zeros_like(inner)
    train = cross_validation & ~held_out & ~inner
    return FoldMembers(
        train=np.flatnonzero(train),
        inner=np.flatnonzero(inner),
        held_out=np.flatnonzero(held_out),
        test=np.flatnonzero((splits["role"] == "test").to_numpy()),
        inner_note=note,
    )


def _inner_too_small(counts: np.ndarray) -> str:
    """Say why a part with so many images of each class is no good, or return an empty string."""
    count, smaller_class = int(counts.sum()), int(counts.min())
    if count == 0:
        return "none: no part was kept for it, all epochs were trained and the last one kept"
    if count >= MINIMUM_INNER_IMAGES and smaller_class >= MINIMUM_INNER_PER_CLASS:
        return ""
    return (
        f"none: its part has {count} images, {smaller_class} of the rarer class "
        f"(needed: {MINIMUM_INNER_IMAGES} and {MINIMUM_INNER_PER_CLASS}); "
        "all epochs were trained on the whole training side and the last one kept"
    )


def training_items(members: FoldMembers, copy_sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what an epoch goes through: the training images and their offline copies.

    Parameters
    ----------
    members
        The fold's members.
    copy_sources
        int64 [M]; the packed row that each offline copy was made from (empty: no copies used).

    Returns
    -------
    items, sources
        int64 [K] each. An item below N is a packed row; item N + j is copy j. `sources` names the
        packed row behind each item, from which its label comes.
    """
    copies = np.flatnonzero(np.isin(copy_sources, members.train))
    total = sum(
        len(part) for part in (members.train, members.inner, members.held_out, members.test)
    )
    return (
        np.concatenate([members.train, total + copies]),
        np.concatenate([members.train, copy_sources[copies]]),
    )
