"""How well runs tell normal, bacterial and viral images apart, out of fold and on the test set."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import content_sha256, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES, THUMBNAIL_RUN
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import summarise
from pneumobench.statistics.metrics import rank_images, ranking_metrics
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    align_test,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.selection import check_frozen_on, find_selected
from pneumobench.statistics.subtype_metrics import (
    against_the_rest,
    confusion_cells,
    errors,
    table_metrics,
)

logger = logging.getLogger(__name__)

AREAS = tuple(f"auc_{name}" for name in SUBTYPES)
BACTERIAL_AGAINST_VIRAL = "auc_bacterial_viral"
METRICS = (
    *("macro_auc", *AREAS, BACTERIAL_AGAINST_VIRAL),
    *("accuracy", "macro_recall", "macro_f1", "kappa", "brier", "log_loss"),
)
# What the table shows of each metric, by data set: rankings inside folds, decisions of all images.
SHOWN = {"out_of_fold": ("fold_mean", "pooled"), "test": ("mean_prediction", "mean_prediction")}
_BACTERIAL, _VIRAL = SUBTYPES.index("bacterial"), SUBTYPES.index("viral")


@dataclass(frozen=True)
class Told:
    """What one run says of all images, in the order of the labels.

    Attributes
    ----------
    fold
        [development images] int, whose model has not seen the image.
    logits
        [development images, 3] float32, of that model.
    test
        [folds, test images, 3] float32.
    """

    fold: np.ndarray
    logits: np.ndarray
    test: np.ndarray


def evaluate_subtypes(
    out_of_fold: list[Path],
    test: list[Path],
    baseline_out_of_fold: list[Path],
    baseline_test: list[Path],
    development_labels: Path,
    test_labels: Path,
    selection: Path,
    table: Path,
    details: Path,
    *,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write how well every run tells the subtypes apart, and what baselines give.

    The class with the largest logit is decided for; nothing is chosen, so nothing is frozen. Out of
    fold, `fold_mean` is the mean of a metric inside each fold and `pooled` takes all images
    together; on the test set, `fold_mean` is the mean over the folds' models and `mean_prediction`
    the metric of the mean of their logits. The patients drawn are those of `evaluate_run`.

    Parameters
    ----------
    out_of_fold, test
        Predictions of all runs, one file for each run and fold.
    baseline_out_of_fold, baseline_test
        Those of a linear model of thumbnails, one file a fold. The other baseline is the majority:
        each fold says of every image how frequent the classes are in the others.
    development_labels, test_labels
        The reference standard of either, with subtypes.
    selection
        selection.json: frozen on these predictions before labels of test images are read.
    table
        subtypes.csv to write: a row a run and one a baseline, with n, and each metric out of fold
        and on the test set with its interval.
    details
        subtypes.json to write: all estimates and confusion counts of every run.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If predictions are missing, damaged, of other images than the labels or not those that the
        selection was frozen on.
    """
    standards = {"out_of_fold": read_labels(development_labels), "test": read_labels(test_labels)}
    runs = _read_runs(out_of_fold, test, standards, partial(_frozen_folds, selection))
    folds = len(next(iter(runs.values())).test)
    (thumbnail,) = _read_runs(
        baseline_out_of_fold, baseline_test, standards, partial(_baseline_folds, folds)
    ).values()
    known = [({"status": "complete", **vars(run)}, told) for run, told in runs.items()]
    known += [
        ({"status": "baseline", "baseline": name}, told)
        for name, told in (("thumbnail", thumbnail), ("majority", majority(thumbnail, standards)))
    ]
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    development, tested = (standards[name].patient for name in ("out_of_fold", "test"))
    of_test = resample_patients(tested, **draw)
    entries = []
    for identity, told in known:
        resamples = {
            "out_of_fold": resample_patients(development, strata=told.fold, **draw),
            "test": of_test,
        }
        entries.append(identity | judge_subtypes(told, standards, resamples, confidence))
    counts = {name: _counts(labels) for name, labels in standards.items()}
    content = {
        "classes": list(SUBTYPES),
        "datasets": counts,
        "confidence": confidence,
        "replicates": replicates,
        "bootstrap_seed": bootstrap_seed,
        "selection_sha256": content_sha256(selection),
        "runs": entries,
    }
    write_json(details, content)
    write_table(table, pd.DataFrame([_row(entry, counts) for entry in entries]))
    logger.info("%d runs, %d out-of-fold images", len(runs), counts["out_of_fold"]["n"])


def majority(told: Told, standards: dict[str, Labels]) -> Told:
    """Return the baseline: each fold says how frequent the classes are in the other folds."""
    truth = positions(standards["out_of_fold"])
    shares = np.stack(
        [
            np.bincount(truth[told.fold != one], minlength=len(SUBTYPES)) / (told.fold != one).sum()
            for one in range(len(told.test))
        ]
    )
    logits = np.log(shares)
    test = np.repeat(logits[:, np.newaxis], told.test.shape[1], axis=1)
    return Told(told.fold, logits[told.fold], test)


def positions(labels: Labels) -> np.ndarray:
    """Return the classes as positions in `SUBTYPES`, [images] int."""
    places = {name: place for place, name in enumerate(SUBTYPES)}
    return np.array([places[name] for name in labels.subtype])


def judge_subtypes(
    told: Told, standards: dict[str, Labels], resamples: dict[str, Resamples], confidence: float
) -> dict[str, list[dict[str, Any]]]:
    """Return the records of one run: `estimates` and `confusion`.

    An estimate has dataset, aggregate, metric, value, low, high, undefined_replicates and n, the
    number of images that it is of. A confusion has dataset, aggregate and `counts`, [3][3], rows
    the reference standard.
    """
    estimates, confusion = [], []
    truth = {name: positions(labels) for name, labels in standards.items()}
    everything = {name: np.arange(len(found)) for name, found in truth.items()}
    folds = [np.flatnonzero(told.fold == one) for one in np.unique(told.fold)]
    draws = resamples["out_of_fold"]
    inside = [_replicate(told.logits[rows], truth["out_of_fold"], rows, draws) for rows in folds]
    whole = everything["out_of_fold"]
    pooled = _replicate(told.logits, truth["out_of_fold"], whole, draws)
    models = [
        _replicate(logits, truth["test"], everything["test"], resamples["test"])
        for logits in told.test
    ]
    mean = told.test.mean(axis=0, dtype=np.float64)
    averaged = _replicate(mean, truth["test"], everything["test"], resamples["test"])
    for dataset, parts, one, aggregate in (
        ("out_of_fold", inside, pooled, "pooled"),
        ("test", models, averaged, "mean_prediction"),
    ):
        tables = one.pop("confusion")
        confusion.append(
            {
                "dataset": dataset,
                "aggregate": aggregate,
                "counts": tables[0].reshape(len(SUBTYPES), -1).astype(int).tolist(),
            }
        )
        sick = int((truth[dataset] != SUBTYPES.index("normal")).sum())
        for metric in METRICS:
            fold_mean = np.mean([part[metric] for part in parts], axis=0)
            n = sick if metric == BACTERIAL_AGAINST_VIRAL else len(truth[dataset])
            estimates += [
                {"dataset": dataset, "aggregate": name, "metric": metric, "n": n}
                | summarise(values, confidence)
                for name, values in (("fold_mean", fold_mean), (aggregate, one[metric]))
            ]
    return {"estimates": estimates, "confusion": confusion}


def _replicate(
    logits: np.ndarray, truth: np.ndarray, images: np.ndarray, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Compute every metric of one model in the sample and in every replicate.

    Parameters
    ----------
    logits
        [images, 3] float.
    truth
        [all images] int.
    images
        [images] int, which of them.
    resamples
        The replicates.

    Returns
    -------
    dict
        [1 + replicates] float64 for each of `METRICS`; `confusion` [1 + replicates, 9].
    """
    own = truth[images]
    one_against_rest = against_the_rest(logits)
    found = {
        name: _areas(own == number, one_against_rest[:, number], images, resamples)
        for number, name in enumerate(AREAS)
    }
    found["macro_auc"] = np.mean([found[name] for name in AREAS], axis=0)
    sick = own != SUBTYPES.index("normal")
    apart = np.asarray(logits[:, _BACTERIAL], float) - logits[:, _VIRAL]
    found[BACTERIAL_AGAINST_VIRAL] = _areas(
        own[sick] == _BACTERIAL, apart[sick], images[sick], resamples
    )
    cells = confusion_cells(own, logits.argmax(axis=1), len(SUBTYPES))
    found["confusion"] = resamples.sums(cells, images)
    found |= table_metrics(found["confusion"])
    sums = resamples.sums(np.column_stack([errors(own, logits), np.ones(len(own))]), images)
    # A replicate may hold no image of a small fold; no mean is defined then.
    with np.errstate(invalid="ignore"):
        found["brier"], found["log_loss"] = (sums[:, :2] / sums[:, 2:]).T
    return found


def _areas(
    positive: np.ndarray, scores: np.ndarray, images: np.ndarray, resamples: Resamples
) -> np.ndarray:
    ranking = rank_images(positive, scores)
    parts = [
        ranking_metrics(ranking, weights)["roc_auc"]
        for _, weights in resamples.weights(images[ranking.order])
    ]
    return np.concatenate(parts)


def _read_runs(
    out_of_fold: list[Path],
    test: list[Path],
    standards: dict[str, Labels],
    folds_of: Callable[[Run, list[Path]], int],
) -> dict[Run, Told]:
    """Read and align the three logits of every run; `folds_of` says how many folds it has."""
    own = [read_predictions(out_of_fold, column=column) for column in LOGIT_COLUMNS]
    of_test = [read_predictions(test, column=column) for column in LOGIT_COLUMNS]
    found = {}
    for run, predictions in own[0].items():
        folds = folds_of(run, [part.path for part in predictions.values()])
        aligned = [
            align_out_of_fold(columns[run], standards["out_of_fold"], run, folds) for columns in own
        ]
        tested = [
            align_test(columns.get(run, {}), standards["test"], run, folds) for columns in of_test
        ]
        logits = np.stack([logit for _, logit in aligned], axis=1)
        found[run] = Told(aligned[0][0], logits, np.stack(tested, axis=2))
    return found


def _frozen_folds(selection: Path, run: Run, out_of_fold: list[Path]) -> int:
    """Return a run's number of folds; stop if the selection was frozen on other predictions."""
    check_frozen_on(selection, run, out_of_fold)
    return len(find_selected(selection, run)[1])


def _baseline_folds(folds: int, run: Run, out_of_fold: list[Path]) -> int:
    """Return the number of folds; stop at predictions of a run where the baseline's belong."""
    if run != Run(**THUMBNAIL_RUN):
        raise UserError(
            f"the predictions are of {run.title}",
            where=str(out_of_fold[0]),
            expected="predictions of the linear model of thumbnails",
            remedy="remove this folder and run snakemake again: rule score_subtypes writes it anew",
        )
    return folds


def _counts(labels: Labels) -> dict[str, int]:
    counts = labels.counts()
    return {key: counts[key] for key in ("n", "patients")} | {
        name: int((labels.subtype == name).sum()) for name in SUBTYPES
    }


def _row(entry: dict[str, Any], counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Return a row of the table: who, how many images, each metric with its interval."""
    found = {
        (record["dataset"], record["aggregate"], record["metric"]): record
        for record in entry["estimates"]
    }
    row = {key: entry.get(key, "") for key in ("status", "model", "recipe", "seed", "baseline")}
    for dataset, (of_rankings, of_decisions) in SHOWN.items():
        row[f"{dataset}_n"] = counts[dataset]["n"]
        for metric in METRICS:
            aggregate = of_rankings if "auc" in metric else of_decisions
            record = found[dataset, aggregate, metric]
            row |= {
                f"{dataset}_{metric}{bound and '_' + bound}": record[bound or "value"]
                for bound in ("", "low", "high")
            }
    return row


def shown(entry: dict[str, Any], dataset: str, metric: str) -> dict[str, Any]:
    """Return the estimate of a run of subtypes.json that tables and figures show."""
    aggregate = SHOWN[dataset]["auc" not in metric]
    (record,) = [
        one
        for one in entry["estimates"]
        if (one["dataset"], one["aggregate"], one["metric"]) == (dataset, aggregate, metric)
    ]
    return record


def table_of(entry: dict[str, Any], dataset: str) -> np.ndarray:
    """Return the confusion counts of a run of subtypes.json, [3, 3] int, rows the reference."""
    (counts,) = [one["counts"] for one in entry["confusion"] if one["dataset"] == dataset]
    return np.array(counts)


def runs_of(content: dict[str, Any], status: str = "complete") -> list[dict[str, Any]]:
    """Return the entries of runs, or of baselines, of subtypes.json."""
    return [entry for entry in content["runs"] if entry["status"] == status]
