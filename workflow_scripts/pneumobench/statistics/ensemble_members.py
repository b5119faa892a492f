"""The runs that ensembles combine: brought together and weighted, fold by fold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.run import Run
from pneumobench.statistics.ensembles import cross_fitted
from pneumobench.statistics.predictions import FoldPredictions, Labels, align_out_of_fold

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
    kinds: list[str],
    predictions: dict[Run, dict[int, FoldPredictions]],
    labels: Labels,
    folds: int,
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
    aligned = [align_out_of_fold(predictions[run], labels, run, folds) for run in members]
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
            "members": [
                {"model": run.model, "recipe": run.recipe, "seed": run.seed} for run in members
            ],
            "folds": fitted,
        }
        # As combine_ensemble writes it: thresholds must not fall between a number and its rounding.
        found.append(FittedEnsemble(kind, entry, fold, score.astype(np.float32)))
    return found


def members_of(entry: dict[str, Any]) -> list[Run]:
    """Return the runs that an ensemble of the selection weights, in the order of its weights."""
    return [Run(member["model"], member["recipe"], member["seed"]) for member in entry["members"]]
