"""Whether the test set is like the development set: what that does to scores and decisions.

Everything here is computed after the selection was frozen; nothing of it flows back.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.compared_scores import Compared, read_compared
from pneumobench.statistics.domains import DECISIONS, METRICS, judge_blocks, judge_domains
from pneumobench.statistics.estimates import number, paired_difference, summarise
from pneumobench.statistics.fold_scores import (
    BASELINE,
    ENSEMBLE,
    Origin,
    read_out_of_fold_scores,
    read_test_scores,
)
from pneumobench.statistics.judgement import score_out_of_fold, score_test
from pneumobench.statistics.metrics import confusion_indicators, decision_metrics
from pneumobench.statistics.pairs import replicate_area
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.quantiles import replicate_quantiles
from pneumobench.statistics.renormalised import judge_renormalised, read_renormalised
from pneumobench.statistics.selection import find_selected_baseline, find_selected_ensemble
from pneumobench.statistics.transductive import adjust_run

logger = logging.getLogger(__name__)

DATASETS = ("out_of_fold", "test")
CLASSES = ("normal", "pneumonia")
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Images:
    """The images of both data sets, development first, each sorted by image_id.

    Attributes
    ----------
    labels
        Of all of them.
    tested
        [images] bool.
    fold
        [images] int, -1 on the test set.
    resamples
        Draws of patients, within the folds and within the test set.
    """

    labels: Labels
    tested: np.ndarray
    fold: np.ndarray
    resamples: Resamples


@dataclass(frozen=True)
class Scored:
    """What a run, an ensemble or a baseline says of them.

    Attributes
    ----------
    identity
        `model`, `recipe` and `seed`, or `ensemble`, or `baseline`.
    distance
        [images] float64: logit less the frozen threshold of the fold, on the test set the mean of
        these over the folds' models. Above 0 an image is called pneumonia. Folds have logits of
        their own scale; this is what they have in common.
    decision
        [images] bool, as frozen.
    """

    identity: dict[str, Any]
    distance: np.ndarray
    decision: np.ndarray


def measure_shift(
    scores: list[Path],
    selection: Path,
    baselines_out_of_fold: list[Path],
    baselines_test: list[Path],
    ensembles_out_of_fold: list[Path],
    ensembles_test: list[Path],
    domains: Path,
    blocks: Path,
    renormalised: list[Path],
    shift: Path,
    *,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write how unlike development and test images are, and what that costs.

    Parameters
    ----------
    scores
        scores.csv of every compared run.
    selection
        selection.json.
    baselines_out_of_fold, baselines_test
        What the baselines say, one file each.
    ensembles_out_of_fold, ensembles_test
        What the ensembles say, one file each; empty without ensembles.
    domains, blocks
        From rule score_shift.
    renormalised
        test_statistics.csv of every fold of every compared run, or none.
    shift
        shift.json to write: `domains` (AUC of the simplest models that are asked for the data set,
        within each class), `scored` (for every run in order of rank, then every ensemble and every
        baseline: quantiles of its scores by data set and class; the chance that a test image has a
        higher score than a development image of its class; AUC, sensitivity and specificity on
        either set and the difference, test less out of fold), `blocks` (the thumbnail baseline on
        blocks of file numbers that it was fitted without), `transductive` (decisions moved by the
        share of pneumonias that each run sees in the test images), `renormalised` (every run with
        the statistics of batch normalisation taken from the test images; none where not asked).
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If scores are of a run that was not selected, or runs, ensembles and baselines of other images
        or folds.
    """
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    frozen = read_json(selection)
    scores_of = paths_by_rank(scores, frozen, selection)
    compared = read_compared(scores_of, draw)
    images = _join(compared["out_of_fold"], compared["test"], bootstrap_seed)
    beside = (
        (ENSEMBLE, ensembles_out_of_fold, ensembles_test, _ensemble_thresholds),
        (BASELINE, baselines_out_of_fold, baselines_test, find_selected_baseline),
    )
    scored = [_score_run(run, compared, frozen) for run in scores_of]
    scored += [
        _score_beside(origin, *paths, compared, partial(thresholds_of, selection))
        for origin, out_of_fold, tested, thresholds_of in beside
        for paths in zip(out_of_fold, tested, strict=True)
    ]
    development, test = (compared[name] for name in DATASETS)
    moved = read_renormalised(renormalised)
    prior = float(development.labels.positive.mean())
    content = {
        "threshold_rule": frozen["threshold_rule"],
        "interval": {"method": "percentile bootstrap over patients", "confidence": confidence}
        | draw,
        "datasets": {name: part.labels.counts() for name, part in compared.items()},
        "domains": judge_domains(domains, confidence, **draw),
        "scored": [_describe(one, images, confidence) for one in scored],
        "blocks": judge_blocks(
            blocks, development.labels, frozen["threshold_rule"], frozen["cost_ratio"], confidence,
            **draw,
        ),
        "transductive": [
            _identity(run)
            | adjust_run(run, path, selection, prior, test.labels, test.resamples, confidence)
            for run, path in scores_of.items()
        ],
        "renormalised": [
            _identity(run)
            | judge_renormalised(
                run, moved.get(run, {}), _thresholds(run, frozen), test, confidence
            )
            for run in scores_of
            if moved
        ],
    }  # fmt: skip
    for record in content["domains"]:
        logger.info(
            "%s, %s: test told from development with AUC %.3f",
            record["baseline"], record["label"], record["roc_auc"]["value"],
        )  # fmt: skip
    write_json(shift, content)


def paths_by_rank(scores: list[Path], frozen: dict[str, Any], selection: Path) -> dict[Run, Path]:
    """Return each run's file, in order of rank.

    Parameters
    ----------
    scores
        scores.csv of the runs, in .../{model}/{recipe}/seed{seed}/.
    frozen, selection
        selection.json and its path.

    Raises
    ------
    UserError
        If scores are of a run that was not selected.
    """
    by_folder = {"/".join(path.parts[-4:-1]): path for path in scores}
    runs = [Run(entry["model"], entry["recipe"], entry["seed"]) for entry in frozen["runs"]]
    unknown = set(by_folder) - {run.folder for run in runs}
    if unknown:
        raise UserError(
            f"the selection does not hold the run {min(unknown)}",
            where=str(selection),
            expected="every run that is compared",
            remedy=f"remove {selection} and run snakemake again: rule freeze_selection writes it",
        )
    return {run: by_folder[run.folder] for run in runs if run.folder in by_folder}


def _identity(run: Run) -> dict[str, Any]:
    return {"model": run.model, "recipe": run.recipe, "seed": run.seed}


def _join(development: Compared, test: Compared, seed: int) -> Images:
    """Put both data sets into one; their replicates, in another order each, are independent."""
    one, other = development.resamples, test.resamples
    count = len(one.multiplicity)
    # Both were drawn from one seed: in the same order they might have much in common.
    order = 1 + np.random.default_rng(seed).permutation(count - 1)
    shuffled = other.multiplicity[np.concatenate([[0], order])]
    resamples = Resamples(
        np.concatenate([one.multiplicity, shuffled], axis=1),
        np.concatenate([one.cluster, one.multiplicity.shape[1] + other.cluster]),
    )
    both = (development.labels, test.labels)
    labels = Labels(
        development.labels.path,
        *(
            np.concatenate([getattr(part, name) for part in both])
            for name in ("image_id", "positive", "subtype", "patient")
        ),
    )
    tested = np.repeat([False, True], [len(part.image_id) for part in both])
    fold = np.concatenate([development.fold, np.full(tested.sum(), -1)])
    return Images(labels, tested, fold, resamples)


def _thresholds(run: Run, frozen: dict[str, Any]) -> np.ndarray:
    """Return the frozen thresholds of a run's folds, [folds] float64 logits."""
    (entry,) = [
        entry for entry in frozen["runs"]
        if Run(entry["model"], entry["recipe"], entry["seed"]) == run
    ]  # fmt: skip
    return np.array(entry["thresholds"])


def _score_run(run: Run, compared: dict[str, Compared], frozen: dict[str, Any]) -> Scored:
    thresholds = _thresholds(run, frozen)
    development, test = (compared[name] for name in DATASETS)
    own = development.logit[run] - thresholds[development.fold]
    # The mean of the distances is the distance of the means.
    distance = np.concatenate([own, test.logit[run] - thresholds.mean()])
    decision = np.concatenate([development.decision[run], test.decision[run]])
    return Scored(_identity(run), distance, decision)


def _ensemble_thresholds(selection: Path, kind: str) -> list[float]:
    return find_selected_ensemble(selection, kind)["thresholds"]


def _score_beside(
    origin: Origin,
    out_of_fold: Path,
    test: Path,
    compared: dict[str, Compared],
    thresholds_of: Callable[[str], list[float]],
) -> Scored:
    """Return what an ensemble or a baseline says of all images."""
    development = compared["out_of_fold"]
    folds = len(np.unique(development.fold))
    kind, fold, logit = read_out_of_fold_scores(out_of_fold, development.labels, folds, origin)
    if not np.array_equal(fold, development.fold):
        raise UserError(
            f"the {origin.name} {kind} has other folds than the runs",
            where=str(out_of_fold),
            expected="the folds of the runs that it stands beside",
            remedy=f"remove {out_of_fold} and run snakemake again: rule {origin.rule} writes it",
        )
    _, logits = read_test_scores(test, compared["test"].labels, folds, origin)
    thresholds = np.array(thresholds_of(kind))
    _, own = score_out_of_fold(logit, fold, thresholds)
    _, mean = score_test(logits, thresholds)
    return Scored(
        {origin.name: kind},
        np.concatenate([logit - thresholds[fold], mean.logit - thresholds.mean()]),
        np.concatenate([part.decisions["out_of_fold"] for part in (own, mean)]),
    )


def _describe(scored: Scored, images: Images, confidence: float) -> dict[str, Any]:
    """Return all records of one run, ensemble or baseline."""
    return scored.identity | {
        # What distances are measured by in figures: runs have logits of very different scale.
        "standard_deviation": number(scored.distance[~images.tested].std()),
        "distributions": [
            _distribution(scored, images, dataset, label, confidence)
            for dataset in DATASETS
            for label in CLASSES
        ],
        "higher_on_test": [_higher(scored, images, label, confidence) for label in CLASSES],
        "transfer": _transfer(scored, images, confidence),
    }


def _members(images: Images, dataset: str | None, label: str | None) -> np.ndarray:
    chosen = np.ones(len(images.tested), bool)
    if dataset is not None:
        chosen &= images.tested == (dataset == "test")
    if label is not None:
        chosen &= images.labels.positive == (label == "pneumonia")
    return np.flatnonzero(chosen)


def _distribution(
    scored: Scored, images: Images, dataset: str, label: str, confidence: float
) -> dict[str, Any]:
    rows = _members(images, dataset, label)
    found = replicate_quantiles(scored.distance[rows], rows, images.resamples, SHARES)
    return {
        "dataset": dataset,
        "label": label,
        "n": len(rows),
        "patients": len(np.unique(images.labels.patient[rows])),
        "quantiles": [
            {"share": share, **summarise(values, confidence)}
            for share, values in zip(SHARES, found.T, strict=True)
        ],
    }


def _higher(scored: Scored, images: Images, label: str, confidence: float) -> dict[str, Any]:
    """Return the chance that a test image has the higher score of two of the class, ties half."""
    rows = _members(images, None, label)
    values = replicate_area(images.tested[rows], scored.distance[rows], rows, images.resamples)
    return {"label": label, **summarise(values, confidence)}


def _transfer(scored: Scored, images: Images, confidence: float) -> list[dict[str, Any]]:
    values = {dataset: _replicate(scored, images, dataset) for dataset in DATASETS}
    return [
        {
            "metric": metric,
            **{name: summarise(found[metric], confidence) for name, found in values.items()},
            "difference": paired_difference(
                values["test"][metric], values["out_of_fold"][metric], confidence
            ),
        }
        for metric in METRICS
    ]


def _replicate(scored: Scored, images: Images, dataset: str) -> dict[str, np.ndarray]:
    """Return each of `METRICS` in the sample and in every replicate."""
    rows = _members(images, dataset, None)
    positive, fold = images.labels.positive, images.fold
    areas = [
        replicate_area(positive[own], scored.distance[own], own, images.resamples)
        for own in (rows[fold[rows] == number] for number in np.unique(fold[rows]))
    ]
    cells = confusion_indicators(positive[rows], scored.decision[rows])
    decided = decision_metrics(images.resamples.sums(cells, rows))
    return {"roc_auc": np.mean(areas, axis=0)} | {name: decided[name] for name in DECISIONS}
