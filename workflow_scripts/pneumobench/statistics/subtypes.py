"""How well runs distinguish normal, bacterial and viral images, out of fold and on the test set."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling, record_with, records_with
from pneumobench.core.files import content_sha256, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES, THUMBNAIL_RUN
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.estimates import flat_columns, summarise
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.intervals import Cases, Percentile, Scale, Share
from pneumobench.statistics.predictions import (
    Labels,
    align_out_of_fold,
    align_test,
    read_predictions,
)
from pneumobench.statistics.replicates import replicate_ranking
from pneumobench.statistics.samples import Sample, Samples, draw_sample, read_standards
from pneumobench.statistics.subtype_metrics import (
    TABLE_METRICS,
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


@dataclass(frozen=True)
class SubtypeFiles:
    """What runs are judged by.

    Attributes
    ----------
    out_of_fold, test
        Predictions of all runs, one file for each run and fold.
    baseline_out_of_fold, baseline_test
        Those of a linear model of thumbnails, one file a fold.
    development_labels, test_labels
        The reference standard of either, with subtypes.
    selection
        selection.json: frozen on these predictions before labels of test images are read.
    """

    out_of_fold: list[Path]
    test: list[Path]
    baseline_out_of_fold: list[Path]
    baseline_test: list[Path]
    development_labels: Path
    test_labels: Path
    selection: Path


def evaluate_subtypes(
    files: SubtypeFiles, table: Path, details: Path, *, resampling: Resampling
) -> None:
    """Write how well every run distinguishes the subtypes, and what baselines give.

    The class with the largest logit is decided for; nothing is chosen, so nothing is frozen. Out of
    fold, `fold_mean` is the mean of a metric inside each fold and `pooled` takes all images
    together; on the test set, `fold_mean` is the mean over the folds' models and `mean_prediction`
    the metric of the mean of their logits. The patients drawn are those of `evaluate_run`. Beside
    the linear model, the baseline is the majority: each fold says of every image how frequent the
    classes are in the others.

    Parameters
    ----------
    files
        What runs are judged by.
    table
        subtypes.csv to write: a row a run and one a baseline, with n, and each metric out of fold
        and on the test set with its interval.
    details
        subtypes.json to write: all estimates and confusion counts of every run.
    resampling
        How intervals are drawn.

    Raises
    ------
    UserError
        If predictions are missing, damaged, of other images than the labels or not those that the
        selection was frozen on.
    """
    standards = read_standards(files.development_labels, files.test_labels)
    test = draw_sample(standards["test"], resampling)
    entries = []
    for identity, told in _read_all(files, standards):
        development = draw_sample(standards["out_of_fold"], resampling, told.fold)
        samples = {"out_of_fold": development, "test": test}
        entries.append(identity | judge_subtypes(told, samples, resampling.confidence))
    counts = {name: _counts(labels) for name, labels in standards.items()}
    content = {
        "classes": list(SUBTYPES),
        "datasets": counts,
        **resampling.facts,
        "selection_sha256": content_sha256(files.selection),
        "runs": entries,
    }
    write_json(details, content)
    write_table(table, pd.DataFrame([_row(entry, counts) for entry in entries]))
    logger.info("%d runs and baselines of subtypes", len(entries))


def _read_all(
    files: SubtypeFiles, standards: dict[str, Labels]
) -> list[tuple[dict[str, Any], Told]]:
    """Return what runs and baselines say, each with who it is."""
    frozen = Frozen.read(files.selection)
    runs = _read_runs(files.out_of_fold, files.test, standards, partial(_frozen_folds, frozen))
    of_baseline = partial(_baseline_folds, len(next(iter(runs.values())).test))
    (thumbnail,) = _read_runs(
        files.baseline_out_of_fold, files.baseline_test, standards, of_baseline
    ).values()
    baselines = {"thumbnail": thumbnail, "majority": majority(thumbnail, standards)}
    known = [({"status": "complete", **vars(run)}, told) for run, told in runs.items()]
    return known + [
        ({"status": "baseline", "baseline": name}, told) for name, told in baselines.items()
    ]


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
    told: Told, samples: Samples, confidence: float
) -> dict[str, list[dict[str, Any]]]:
    """Return the records of one run: `estimates` and `confusion`.

    An estimate has dataset, aggregate, metric, value, low, high, undefined_replicates and n, the
    number of images that it is of. A confusion has dataset, aggregate and `counts`, [3][3], rows
    the reference standard.
    """
    development, test = samples["out_of_fold"], samples["test"]
    mean = told.test.mean(axis=0, dtype=np.float64)
    # Each model on its own, then all images together.
    answers = {
        "out_of_fold": [
            *((told.logits[images], images) for images in development.of_folds()),
            (told.logits, development.images),
        ],
        "test": [(logits, test.images) for logits in (*told.test, mean)],
    }
    estimates, confusion = [], []
    for dataset, sample in samples.items():
        truth, aggregate = positions(sample.labels), SHOWN[dataset][1]
        *parts, whole = (
            _replicate(logits, truth, images, sample.resamples)
            for logits, images in answers[dataset]
        )
        counts = whole["confusion"][0].reshape(len(SUBTYPES), -1).astype(int).tolist()
        confusion.append({"dataset": dataset, "aggregate": aggregate, "counts": counts})
        sick = int((truth != SUBTYPES.index("normal")).sum())
        for metric in METRICS:
            fold_mean = np.mean([part[metric] for part in parts], axis=0)
            n = sick if metric == BACTERIAL_AGAINST_VIRAL else len(truth)
            scale = scale_of(metric, truth, sample)
            estimates += [
                {"dataset": dataset, "aggregate": name, "metric": metric, "n": n}
                | summarise(values, confidence, scale)
                for name, values in (("fold_mean", fold_mean), (aggregate, whole[metric]))
            ]
    return {"estimates": estimates, "confusion": confusion}


def scale_of(metric: str, truth: np.ndarray, sample: Sample) -> Scale:
    """Return how the interval of one of `METRICS` is made."""

    def against(positive: np.ndarray, images: np.ndarray) -> Scale:
        return Cases(positive, cluster[images], sample.resamples).scale("roc_auc")

    cluster, images = sample.resamples.cluster, sample.images
    if metric in AREAS:
        return against(truth == AREAS.index(metric), images)
    if metric == BACTERIAL_AGAINST_VIRAL:
        images = np.flatnonzero(truth != SUBTYPES.index("normal"))
        return against(truth[images] == _BACTERIAL, images)
    patients = [len(np.unique(cluster[truth == number])) for number in range(len(SUBTYPES))]
    if metric == "macro_auc":
        # Where all areas are 1, the class with the fewest patients says the least.
        return against(truth == int(np.argmin(patients)), images)
    if metric == "accuracy":
        return sample.cases().scale(metric)
    if metric in TABLE_METRICS:
        # Of equal weight, whatever their sizes: as many patients as vary like all together.
        together = len(patients) ** 2 / sum(1 / max(own, 1) for own in patients)
        return Share(together, least=-1.0 if metric == "kappa" else 0.0)
    return Percentile()


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

    def area(positive: np.ndarray, scores: np.ndarray, of: np.ndarray) -> np.ndarray:
        return replicate_ranking(positive, scores, of, resamples)["roc_auc"]

    found = {
        name: area(own == number, one_against_rest[:, number], images)
        for number, name in enumerate(AREAS)
    }
    found["macro_auc"] = np.mean([found[name] for name in AREAS], axis=0)
    sick = own != SUBTYPES.index("normal")
    apart = np.asarray(logits[:, _BACTERIAL], float) - logits[:, _VIRAL]
    found[BACTERIAL_AGAINST_VIRAL] = area(own[sick] == _BACTERIAL, apart[sick], images[sick])
    cells = confusion_cells(own, logits.argmax(axis=1), len(SUBTYPES))
    found["confusion"] = resamples.sums(cells, images)
    found |= table_metrics(found["confusion"])
    found["brier"], found["log_loss"] = resamples.means(errors(own, logits), images).T
    return found


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
            align_out_of_fold(columns, standards["out_of_fold"], run, folds) for columns in own
        ]
        tested = [align_test(columns, standards["test"], run, folds) for columns in of_test]
        logits = np.stack([logit for _, logit in aligned], axis=1)
        found[run] = Told(aligned[0][0], logits, np.stack(tested, axis=2))
    return found


def _frozen_folds(frozen: Frozen, run: Run, out_of_fold: list[Path]) -> int:
    """Return a run's number of folds; stop if the selection was frozen on other predictions."""
    frozen.check_frozen_on(run, out_of_fold)
    return len(frozen.of_run(run)["thresholds"])


def _baseline_folds(folds: int, run: Run, out_of_fold: list[Path]) -> int:
    """Return the number of folds; stop at predictions of a run where the baseline's belong."""
    if run != Run(**THUMBNAIL_RUN):
        raise UserError(
            f"the predictions are of {run.title}",
            where=str(out_of_fold[0]),
            expected="predictions of the linear model of thumbnails",
            remedy="remove this folder and run snakemake again: rule score_subtypes rewrites it",
        )
    return folds


def _counts(labels: Labels) -> dict[str, int]:
    counts = labels.counts()
    return {key: counts[key] for key in ("n", "patients")} | {
        name: int((labels.subtype == name).sum()) for name in SUBTYPES
    }


def _row(entry: dict[str, Any], counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Return a row of the table: who, how many images, each metric with its interval."""
    row = {key: entry.get(key, "") for key in ("status", "model", "recipe", "seed", "baseline")}
    for dataset in SHOWN:
        row[f"{dataset}_n"] = counts[dataset]["n"]
        for metric in METRICS:
            row |= flat_columns(f"{dataset}_{metric}", shown(entry, dataset, metric))
    return row


def shown(entry: dict[str, Any], dataset: str, metric: str) -> dict[str, Any]:
    """Return the estimate of a run of subtypes.json that tables and figures show."""
    aggregate = SHOWN[dataset]["auc" not in metric]
    keys = {"dataset": dataset, "aggregate": aggregate, "metric": metric}
    return record_with(entry["estimates"], "subtypes.json", **keys)


def table_of(entry: dict[str, Any], dataset: str) -> np.ndarray:
    """Return the confusion counts of a run of subtypes.json, [3, 3] int, rows the reference."""
    return np.array(record_with(entry["confusion"], "subtypes.json", dataset=dataset)["counts"])


def runs_of(content: dict[str, Any], status: str = "complete") -> list[dict[str, Any]]:
    """Return the entries of runs, or of baselines, of subtypes.json."""
    return records_with(content["runs"], status=status)
