"""Dataset shift: how test images differ from development images, and what that does to decisions.

Everything here is computed after the selection was frozen; nothing of it flows back.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import write_json
from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.core.run import Run
from pneumobench.statistics.adaptation import adjust_decisions, judge_renormalised
from pneumobench.statistics.beside import BASELINE, ENSEMBLE, read_beside
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.domains import judge_blocks, judge_domains
from pneumobench.statistics.estimates import independent_difference, number, summarise
from pneumobench.statistics.frozen import Cuts, Frozen
from pneumobench.statistics.intervals import Cases
from pneumobench.statistics.judgement import Predicted
from pneumobench.statistics.metrics import JUDGED, RATES
from pneumobench.statistics.predictions import CLASSES, Labels, align_test, read_predictions
from pneumobench.statistics.replicates import (
    replicate_area,
    replicate_decisions,
    replicate_quantiles,
)
from pneumobench.statistics.samples import DATASETS, Sample
from pneumobench.statistics.scores import Compared, read_compared, read_test_logits

logger = logging.getLogger(__name__)

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class ShiftFiles:
    """What shift is measured by.

    Attributes
    ----------
    scores
        scores.csv of every compared run.
    selection
        selection.json.
    baselines_out_of_fold, baselines_test, ensembles_out_of_fold, ensembles_test
        What the baselines and the ensembles say, one file each; no ensembles, no files.
    domains, blocks
        From rule score_shift.
    renormalised
        test_statistics.csv of every fold of every compared run, or none.
    """

    scores: list[Path]
    selection: Path
    baselines_out_of_fold: list[Path]
    baselines_test: list[Path]
    ensembles_out_of_fold: list[Path]
    ensembles_test: list[Path]
    domains: Path
    blocks: Path
    renormalised: list[Path]


@dataclass(frozen=True)
class _Scored:
    """What a run, an ensemble or a baseline says of all images, development first.

    Attributes
    ----------
    identity
        `model`, `recipe` and `seed`, or `ensemble`, or `baseline`.
    distance
        [images] float64: logit less the frozen threshold of the fold, on the test set the mean of
        these over the folds' models. Folds have logits of their own scale; this is what they have
        in common.
    decision
        [images] bool, True = called pneumonia: on the test set where the distance is above 0, out
        of fold at cross-fitted thresholds.
    """

    identity: dict[str, Any]
    distance: np.ndarray
    decision: np.ndarray


def measure_shift(files: ShiftFiles, shift: Path, *, resampling: Resampling) -> None:
    """Write how test images differ from development images, and what that costs.

    Parameters
    ----------
    files
        What it is measured by.
    shift
        shift.json to write: `domains` (AUC of the simplest models that are asked for the data set,
        within each class), `scored` (for every run in order of rank, then every ensemble and every
        baseline: quantiles of its scores by data set and class; the chance that a test image has a
        higher score than a development image of its class; AUC, sensitivity and specificity on
        either set and the difference, test less out of fold), `blocks` (the thumbnail baseline on
        blocks of file numbers that it was fitted without), `transductive` (decisions moved by the
        share of pneumonias that each run sees in the test images), `renormalised` (every run with
        the statistics of batch normalisation taken from the test images; none where not asked).
    resampling
        How intervals are drawn.

    Raises
    ------
    UserError
        If scores are of a run that was not selected, or runs, ensembles and baselines of other
        images or folds.
    """
    frozen = Frozen.read(files.selection)
    scores_of = frozen.by_rank(files.scores)
    compared = read_compared(scores_of, resampling)
    confidence, images = resampling.confidence, _join(compared, resampling.seed)
    scored = [
        _score_run(run, compared, np.array(frozen.of_run(run)["thresholds"])) for run in scores_of
    ]
    scored += _score_beside(files, frozen, compared)
    content = {
        "threshold_rule": frozen.rule,
        "interval": resampling.interval(),
        "datasets": {name: part.labels.counts() for name, part in compared.items()},
        "domains": judge_domains(files.domains, resampling),
        "scored": [_describe(one, images, confidence) for one in scored],
        "blocks": judge_blocks(
            files.blocks, compared["out_of_fold"].labels, frozen.rule, frozen.content["cost_ratio"],
            resampling,
        ),
        "transductive": _adjusted(scores_of, frozen, compared, confidence),
        "renormalised": _renormalised(files, list(scores_of), frozen, compared["test"], confidence),
    }  # fmt: skip
    for record in content["domains"]:
        logger.info(
            "%s, %s: separates test from development images with AUC %.3f",
            record["baseline"], record["label"], record["roc_auc"]["value"],
        )  # fmt: skip
    write_json(shift, content)


def _join(compared: dict[str, Compared], seed: int) -> Sample:
    """Put both data sets into one, development first; the fold of test images is -1.

    Their replicates, in another order each, are independent.
    """
    development, test = (compared[name] for name in DATASETS)
    one, other = development.resamples, test.resamples
    # Both were drawn from one seed: in the same order they might have much in common.
    order = 1 + np.random.default_rng(seed).permutation(len(one.multiplicity) - 1)
    shuffled = other.multiplicity[np.concatenate([[0], order])]
    resamples = Resamples(
        np.concatenate([one.multiplicity, shuffled], axis=1),
        np.concatenate([one.cluster, one.multiplicity.shape[1] + other.cluster]),
    )
    columns = ("image_id", "positive", "subtype", "patient")
    labels = Labels(
        development.labels.path,
        *(
            np.concatenate([getattr(part.labels, name) for part in (development, test)])
            for name in columns
        ),
    )
    return Sample(
        labels, np.concatenate([development.fold, np.full(len(test.fold), -1)]), resamples
    )


def _score_run(run: Run, compared: dict[str, Compared], thresholds: np.ndarray) -> _Scored:
    development, test = (compared[name] for name in DATASETS)
    own = development.logit[run] - thresholds[development.fold]
    # The mean of the distances is the distance of the means.
    distance = np.concatenate([own, test.logit[run] - thresholds.mean()])
    decision = np.concatenate([development.decision[run], test.decision[run]])
    return _Scored(dict(vars(run)), distance, decision)


def _score_beside(
    files: ShiftFiles, frozen: Frozen, compared: dict[str, Compared]
) -> list[_Scored]:
    """Return what ensembles and baselines say of all images."""
    ensembles = read_beside(ENSEMBLE, files.ensembles_out_of_fold, files.ensembles_test, compared)
    baselines = read_beside(BASELINE, files.baselines_out_of_fold, files.baselines_test, compared)
    labels = compared["out_of_fold"].labels

    def score(identity: dict[str, str], predicted: Predicted, entry: dict[str, Any]) -> _Scored:
        cuts = frozen.cuts(entry, labels, predicted.logit, predicted.fold)
        return _score(identity, predicted, cuts)

    scored = [
        score({"ensemble": kind}, predicted, frozen.of_ensemble(kind))
        for kind, predicted in ensembles.items()
    ]
    return scored + [
        score({"baseline": kind}, predicted, frozen.of_baseline(kind))
        for kind, predicted in baselines.items()
    ]


def _score(identity: dict[str, str], predicted: Predicted, cuts: Cuts) -> _Scored:
    own, mean = (whole for _, whole in predicted.cut(cuts).values())
    own_distance = predicted.logit - cuts.test[predicted.fold]
    return _Scored(
        identity,
        np.concatenate([own_distance, mean.logit - cuts.test.mean()]),
        np.concatenate([part.decisions["out_of_fold"] for part in (own, mean)]),
    )


def _adjusted(
    scores_of: dict[Run, Path], frozen: Frozen, compared: dict[str, Compared], confidence: float
) -> list[dict[str, Any]]:
    prior = float(compared["out_of_fold"].positive.mean())
    return [
        vars(run)
        | adjust_decisions(
            read_test_logits(path), frozen.of_run(run), prior, compared["test"], confidence
        )
        for run, path in scores_of.items()
    ]


def _renormalised(
    files: ShiftFiles, runs: list[Run], frozen: Frozen, test: Compared, confidence: float
) -> list[dict[str, Any]]:
    if not files.renormalised:
        return []
    predictions, records = read_predictions(files.renormalised, RENORMALISED), []
    for run in runs:
        thresholds = np.array(frozen.of_run(run)["thresholds"])
        logits = align_test(predictions, test.labels, run, len(thresholds))
        plain = test.logit[run], test.decision[run]
        records.append(vars(run) | judge_renormalised(logits, plain, thresholds, test, confidence))
    return records


def _describe(scored: _Scored, images: Sample, confidence: float) -> dict[str, Any]:
    """Return all records of one run, ensemble or baseline."""
    return scored.identity | {
        # What distances are measured by in figures: runs have logits of very different scale.
        "standard_deviation": number(scored.distance[images.fold >= 0].std()),
        "distributions": [
            _distribution(scored, images, dataset, label, confidence)
            for dataset in DATASETS
            for label in CLASSES
        ],
        "higher_on_test": [_higher(scored, images, label, confidence) for label in CLASSES],
        "transfer": _transfer(scored, images, confidence),
    }


def _members(images: Sample, dataset: str | None, label: str | None) -> np.ndarray:
    chosen = np.ones(len(images.fold), bool)
    if dataset is not None:
        chosen &= (images.fold < 0) == (dataset == "test")
    if label is not None:
        chosen &= images.positive == (label == "pneumonia")
    return np.flatnonzero(chosen)


def _distribution(
    scored: _Scored, images: Sample, dataset: str, label: str, confidence: float
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


def _higher(scored: _Scored, images: Sample, label: str, confidence: float) -> dict[str, Any]:
    """Return the chance that a test image has the higher score of two of the class, ties half."""
    rows = _members(images, None, label)
    tested = images.fold[rows] < 0
    values = replicate_area(tested, scored.distance[rows], rows, images.resamples)
    scale = Cases(tested, images.resamples.cluster[rows], images.resamples).scale("roc_auc")
    return {"label": label, **summarise(values, confidence, scale)}


def _transfer(scored: _Scored, images: Sample, confidence: float) -> list[dict[str, Any]]:
    values = {dataset: _replicate(scored, images, dataset) for dataset in DATASETS}
    cases = {dataset: images.cases(_members(images, dataset, None)) for dataset in DATASETS}
    return [
        {
            "metric": metric,
            **{
                name: summarise(found[metric], confidence, cases[name].scale(metric))
                for name, found in values.items()
            },
            "difference": independent_difference(
                values["test"][metric],
                values["out_of_fold"][metric],
                confidence,
                (cases["test"].scale(metric), cases["out_of_fold"].scale(metric)),
            ),
        }
        for metric in JUDGED
    ]


def _replicate(scored: _Scored, images: Sample, dataset: str) -> dict[str, np.ndarray]:
    """Return each of `JUDGED` in the sample and in every replicate."""
    rows = _members(images, dataset, None)
    areas = [
        replicate_area(images.positive[own], scored.distance[own], own, images.resamples)
        for own in (rows[images.fold[rows] == fold] for fold in np.unique(images.fold[rows]))
    ]
    decided = replicate_decisions(scored.decision[rows], images, rows)
    return {"roc_auc": np.mean(areas, axis=0)} | {name: decided[name] for name in RATES}
