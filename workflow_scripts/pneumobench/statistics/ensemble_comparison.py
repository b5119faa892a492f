"""Ensembles beside the runs: judged as these are, with what their members cost together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.ensemble_members import members_of
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.fold_scores import ENSEMBLE, judge_scores
from pneumobench.statistics.judgement import Judged
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.selection import find_selected_ensemble

COSTS = ("parameters", "macs", "train_seconds")


def judge_ensembles(
    out_of_fold: list[Path],
    test: list[Path],
    selection: Path,
    standards: dict[str, Labels],
    resamples: dict[str, Resamples],
    fold: np.ndarray,
    confidence: float,
) -> dict[str, Judged]:
    """Judge the ensembles with thresholds from the selection; see `fold_scores.judge_scores`."""
    return judge_scores(
        out_of_fold, test, lambda kind: find_selected_ensemble(selection, kind)["thresholds"],
        standards, resamples, fold, confidence, ENSEMBLE,
    )  # fmt: skip


def describe_ensemble(
    kind: str,
    judged: Judged,
    selection: Path,
    best: Mapping[str, np.ndarray],
    costs: Mapping[Run, Mapping[str, float]],
    confidence: float,
) -> dict[str, Any]:
    """Return what comparison.json says of an ensemble, its metrics apart.

    Parameters
    ----------
    kind
        One of `ENSEMBLES`.
    judged
        From `judge_ensembles`.
    selection
        selection.json.
    best
        The AUC of the best run in every replicate, [1 + replicates] float64, by data set.
    costs
        `COSTS` of each run.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `ensemble`, `optimistic`; `members`, each run with the mean of its weights over the folds
        and the least and greatest of them; `members_used`, how many have a weight other than 0 in
        some fold; the sums of their `COSTS`; `differences`, the AUC minus that of the best run,
        paired by patient, for each data set.
    """
    entry = find_selected_ensemble(selection, kind)
    members = members_of(entry)
    weights = np.array([fitted["weights"] for fitted in entry["folds"]])
    used = (weights != 0).any(axis=0)
    chosen = [run for run, wanted in zip(members, used, strict=True) if wanted]
    return {
        "ensemble": kind,
        "optimistic": ENSEMBLES[kind].learned,
        "members": [
            {
                "model": run.model,
                "recipe": run.recipe,
                "seed": run.seed,
                "weight": float(own.mean()),
                "least_weight": float(own.min()),
                "greatest_weight": float(own.max()),
            }
            for run, own in zip(members, weights.T, strict=True)
        ],
        "members_used": len(chosen),
        **{name: sum(costs[run][name] for run in chosen) for name in COSTS},
        "differences": [
            {
                "dataset": dataset,
                "metric": "roc_auc",
                **paired_difference(judged.areas[dataset], area, confidence),
            }
            for dataset, area in best.items()
        ],
    }


def defined_figures(kind: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that mean something for an ensemble's scores.

    Scores that are no logits have neither a Brier score nor a default threshold.
    """
    if ENSEMBLES[kind].gives_logit:
        return figures
    return {
        name: value
        for name, value in figures.items()
        if "_brier" not in name and "_at_default" not in name
    }
