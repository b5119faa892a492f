"""The runs that ensembles combine: brought together and weighted, fold by fold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.files import write_table
from pneumobench.core.run import Run
from pneumobench.statistics.ensembles import apply, cross_fitted
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.predictions import (
    Labels,
    Predictions,
    align_out_of_fold,
    folds_of,
    read_predictions,
)

# One run alone is no ensemble.
FEWEST_MEMBERS = 2


@dataclass(frozen=True)
class FittedEnsemble:
    """An ensemble and what it says of the development images.

    Attributes
    ----------
    kind
        One of `ENSEMBLES`.
    entry
        What the selection keeps of it beside its thresholds: `ensemble`, `optimistic`, `members`
        and in `folds` the weights of each fold.
    fold, score
        [images] int and float32, in the order of the labels.
    """

    kind: str
    entry: dict[str, Any]
    fold: np.ndarray
    score: np.ndarray


def fit_ensembles(
    kinds: list[str], predictions: Predictions, labels: Labels, folds: int
) -> list[FittedEnsemble]:
    """Fit ensembles of all runs, each fold's to the out-of-fold predictions of the other folds.

    Parameters
    ----------
    kinds
        Which of `ENSEMBLES`.
    predictions
        Out-of-fold predictions by run and fold.
    labels
        The development images.
    folds
        Number of folds.

    Returns
    -------
    list
        In the order of `kinds`; empty where there are fewer runs than two.

    Raises
    ------
    UserError
        If runs have different folds, or as `ensembles.fit` and `predictions.align_out_of_fold`.
    """
    if not kinds or len(predictions) < FEWEST_MEMBERS:
        return []
    members = sorted(predictions)
    aligned = [align_out_of_fold(predictions, labels, run, folds) for run in members]
    fold = aligned[0][0]
    for run, (other, _) in zip(members, aligned, strict=True):
        if not np.array_equal(other, fold):
            raise UserError(
                f"{run.title} and {members[0].title} have different folds and cannot be combined",
                where=f"runs/{run.folder} and runs/{members[0].folder}",
                expected="every image out of fold in the same fold of every run",
                remedy="remove the folder of the older run and run snakemake again",
            )
    logits = np.stack([logit for _, logit in aligned])
    found = []
    for kind in kinds:
        fitted, score = cross_fitted(
            kind, labels.positive, logits, fold, where=f"the ensemble {kind} of all runs"
        )
        entry = {
            "ensemble": kind,
            "optimistic": ENSEMBLES[kind].learned,
            "members": [vars(run) for run in members],
            "folds": fitted,
        }
        # As `combine_ensemble` writes it: thresholds must not fall between a number and its
        # rounding.
        found.append(FittedEnsemble(kind, entry, fold, score.astype(np.float32)))
    return found


def members_of(entry: dict[str, Any]) -> list[Run]:
    """Return the runs that an ensemble of the selection weights, in the order of its weights."""
    return [Run.of(member) for member in entry["members"]]


def combine_ensemble(
    out_of_fold: list[Path],
    test: list[Path],
    selection: Path,
    combined_out_of_fold: Path,
    combined_test: Path,
    *,
    kind: str,
) -> None:
    """Write what an ensemble says of the development images and of the test images.

    Fold k's ensemble is fitted to the other folds and combines the models of fold k: out of fold it
    scores the images of fold k, and all test images. Labels have no part in it.

    Parameters
    ----------
    out_of_fold, test
        The members' predictions, one file a run and fold.
    selection
        selection.json with the members and weights.
    combined_out_of_fold, combined_test
        The files to write, sorted by fold and image.
    kind
        Which of the selection's ensembles.

    Raises
    ------
    UserError
        If the selection does not know the ensemble, or members' predictions are missing, damaged or
        of different images.
    """
    entry = Frozen.read(selection).of_ensemble(kind)
    own, new = read_predictions(out_of_fold), read_predictions(test)
    tables: dict[Path, list[pd.DataFrame]] = {combined_out_of_fold: [], combined_test: []}
    for fold, fitted in enumerate(entry["folds"]):
        own_images, reference = _stack(own, entry, fold)
        for path, (images, logits) in (
            (combined_out_of_fold, (own_images, reference)),
            (combined_test, _stack(new, entry, fold)),
        ):
            score = apply(fitted, logits, reference).astype(np.float32)
            table = {"ensemble": kind, "fold": fold, "image_id": images, "logit": score}
            tables[path].append(pd.DataFrame(table))
    for path, parts in tables.items():
        write_table(path, pd.concat(parts, ignore_index=True))


def _stack(
    predictions: Predictions, entry: dict[str, Any], fold: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a fold's models, sorted, and the logits, [members, images] float32."""
    folds = len(entry["folds"])
    parts = [folds_of(predictions, run, folds)[fold] for run in members_of(entry)]
    images = np.sort(parts[0].logit.index.to_numpy(dtype=str))
    for part in parts:
        if not np.array_equal(np.sort(part.logit.index.to_numpy(dtype=str)), images):
            raise UserError(
                "two runs predict different images and cannot be combined",
                where=f"{parts[0].path} and {part.path}",
                expected="the same images in the same fold of every run",
                remedy=f"remove the folder {part.path.parent} and run snakemake again",
            )
    return images, np.stack([part.logit[images].to_numpy() for part in parts])
