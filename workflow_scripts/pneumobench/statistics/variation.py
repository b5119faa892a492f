"""How much results vary between trainings: with seeds, and in repeats of the cross-validation.

An interval over patients alone is one of the networks that were trained. What the next user of an
architecture and a recipe gets is another training, so that an interval of these has to know of the
spread between trainings as well: patients are drawn, and trainings are a sample, too.

The units that are independent of each other are the repeats, each the mean over its seeds, since
trainings of one repeat share their folds; with a single repeat they are the seeds. The variance of
the mean over units is that between the units, by their number. What it adds to the interval over
patients, in squares, has a quantile of its own, Student's for so few units: how trainings vary is
known badly from a few, and the interval says so. With two it is too wide rather than too narrow.

Not in it: trainings on other patients. The training sides of repeats overlap.

References
----------
Bouthillier X, et al. Accounting for variance in machine learning benchmarks. MLSys 2021;3:747-769.
Burdick RK, Graybill FA. Confidence Intervals on Variance Components. Dekker 1992. (Bounds of sums
    from the bounds of their parts, in squares.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.estimates import (
    flat_columns,
    paired_difference,
    summarise,
)
from pneumobench.statistics.intervals import reach_of_mean
from pneumobench.statistics.predictions import (
    Predictions,
    align_out_of_fold,
    read_labels,
    read_predictions,
)
from pneumobench.statistics.replicates import rank_inside_folds
from pneumobench.statistics.samples import Sample, draw_sample

AREA = "roc_auc"


@dataclass(frozen=True)
class VariationFiles:
    """What the spread between trainings is measured by.

    Attributes
    ----------
    out_of_fold
        out_of_fold.csv of every run and fold of the first division.
    development_labels
        Their reference standard.
    further
        out_of_fold.csv of every run and fold of the repeats.
    """

    out_of_fold: list[Path]
    development_labels: Path
    further: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Trainings:
    """The cross-validations of one model and recipe.

    Attributes
    ----------
    model, recipe
        Which.
    seeds
        The seeds; each was trained in every repeat.
    areas
        [seeds, repeats, 1 + replicates] float64: AUC, the mean over the folds.
    """

    model: str
    recipe: str
    seeds: tuple[int, ...]
    areas: np.ndarray

    @classmethod
    def of_seeds(cls, areas: Mapping[Run, np.ndarray], runs: Sequence[Run]) -> Self:
        """Return the trainings of one model and recipe with several seeds, on one division."""
        found = np.stack([areas[run] for run in runs])[:, np.newaxis]
        return cls(runs[0].model, runs[0].recipe, tuple(run.seed for run in runs), found)

    @property
    def mean(self) -> np.ndarray:
        """The mean over all trainings, [1 + replicates] float64."""
        return self.areas.mean(axis=(0, 1))

    @property
    def units(self) -> np.ndarray:
        """The AUCs, in the sample, of what is independent of each other, [units] float64."""
        found = self.areas[..., 0]
        return found.mean(axis=0) if found.shape[1] > 1 else found[:, 0]

    @property
    def spread(self) -> float | None:
        """The standard deviation between trainings; None with one."""
        found = self.areas[..., 0]
        return float(np.std(found, ddof=1)) if found.size > 1 else None

    @property
    def between(self) -> str:
        """What the units are: repeats, or seeds; empty with a single training."""
        seeds, repeats = self.areas.shape[:2]
        return "repeats" if repeats > 1 else "seeds" if seeds > 1 else ""


def measure_variation(
    files: VariationFiles, table: Path, details: Path, *, folds: int, resampling: Resampling
) -> None:
    """Give each model and recipe the AUC of its trainings, and of a training yet to come.

    Parameters
    ----------
    files
        Predictions and labels; no image of the test set is among them.
    table
        CSV to write, a row for each model and recipe, the highest mean AUC first: the mean over all
        trainings with the interval of these trainings (`roc_auc_low`, `roc_auc_high`: patients
        drawn) and of the recipe (`recipe_low`, `recipe_high`: trainings a sample, too; empty with
        one), `spread` (the standard deviation between trainings), `lowest` and `highest`.
    details
        JSON to write: every training, and each recipe's difference from the first.
    folds
        Folds of one division.
    resampling
        How patients are drawn: within the folds of the first division.

    Raises
    ------
    UserError
        If predictions are missing, or not of the labelled images.
    """
    sample, found = _read(files, folds, resampling)
    found.sort(key=lambda each: (-each.mean[0], each.model, each.recipe))
    confidence, counts = resampling.confidence, sample.labels.counts()
    write_table(
        table,
        pd.DataFrame([compare_trainings(each, sample, confidence) | counts for each in found]),
    )
    content = {
        "folds": folds,
        "repeats": found[0].areas.shape[1],
        **resampling.facts,
        "trainings": [one for each in found for one in _single(each, sample, confidence)],
        "differences": [_difference(found[0], each, confidence) for each in found[1:]],
    }
    write_json(details, content)


def _read(
    files: VariationFiles, folds: int, resampling: Resampling
) -> tuple[Sample, list[Trainings]]:
    labels = read_labels(files.development_labels)
    divided = _by_repeat(read_predictions([*files.out_of_fold, *files.further]), folds)
    runs, sample = list(divided[0]), None
    areas: dict[Run, list[np.ndarray]] = {run: [] for run in runs}
    for repeat, predictions in enumerate(divided):
        for run in runs:
            fold, logit = align_out_of_fold(predictions, labels, run, folds, repeat * folds)
            # One set of draws for all repeats: that of the first division.
            sample = draw_sample(labels, resampling, fold) if sample is None else sample
            areas[run].append(rank_inside_folds(logit, replace(sample, fold=fold))[AREA])
    recipes: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        recipes.setdefault((run.model, run.recipe), []).append(run)
    return sample, [
        Trainings(*names, tuple(run.seed for run in of), np.stack([areas[run] for run in of]))
        for names, of in recipes.items()
    ]


def _by_repeat(predictions: Predictions, folds: int) -> list[Predictions]:
    """Return the predictions of each repeat, whose folds are numbered on."""
    divided: dict[int, Predictions] = {}
    for run, parts in predictions.items():
        for fold, part in parts.items():
            divided.setdefault(fold // folds, {}).setdefault(run, {})[fold] = part
    return [divided[repeat] for repeat in sorted(divided)]


def area_of_recipe(each: Trainings, sample: Sample, confidence: float) -> dict[str, Any]:
    """Summarise the mean AUC; where there are several trainings, they are a sample, too."""
    scale = sample.cases().scale(AREA)
    scale = replace(scale, trainings=each.units) if each.between else scale
    return summarise(each.mean, confidence, scale)


def difference_of_recipes(
    first: Trainings, second: Trainings, confidence: float
) -> dict[str, float | bool | None]:
    """Return first - second as `paired_difference` does, trainings a sample, too.

    Where one of them has a single training, networks are held fixed.
    """
    found = paired_difference(first.mean, second.mean, confidence)
    trainings, value = _between(first, second, confidence), found["difference"]
    if trainings is None or found["low"] is None:
        return found
    # In squares, to either side: the percentiles over patients need not be symmetric.
    low = value - float(np.hypot(value - found["low"], trainings))
    high = value + float(np.hypot(found["high"] - value, trainings))
    return {"difference": value, "low": low, "high": high, "excludes_zero": low > 0 or high < 0}


def compare_trainings(each: Trainings, sample: Sample, confidence: float) -> dict[str, Any]:
    """Return the columns of the table that hold estimates, for one model and recipe."""
    alone = each.areas[..., 0].ravel()
    these = summarise(each.mean, confidence, sample.cases().scale(AREA))
    recipe = {"low": None, "high": None}
    if each.between:
        recipe = area_of_recipe(each, sample, confidence)
    return {
        "model": each.model,
        "recipe": each.recipe,
        "seeds": each.areas.shape[0],
        "repeats": each.areas.shape[1],
        **flat_columns(AREA, these),
        "recipe_low": recipe["low"],
        "recipe_high": recipe["high"],
        "between": each.between,
        "spread": each.spread,
        "lowest": float(alone.min()),
        "highest": float(alone.max()),
    }


def _single(each: Trainings, sample: Sample, confidence: float) -> list[dict[str, Any]]:
    scale = sample.cases().scale(AREA)
    return [
        {"model": each.model, "recipe": each.recipe, "seed": seed, "repeat": repeat}
        | summarise(values, confidence, scale)
        for seed, repeats in zip(each.seeds, each.areas, strict=True)
        for repeat, values in enumerate(repeats)
    ]


def _difference(first: Trainings, second: Trainings, confidence: float) -> dict[str, Any]:
    """Return `difference` = first - second, with the interval of these trainings and of recipes."""
    found = paired_difference(first.mean, second.mean, confidence)
    recipe = {"low": None, "high": None}
    if first.between and second.between:
        recipe = difference_of_recipes(first, second, confidence)
    return {
        "first_model": first.model,
        "first_recipe": first.recipe,
        "second_model": second.model,
        "second_recipe": second.recipe,
        **{name: found[name] for name in ("difference", "low", "high")},
        "recipe_low": recipe["low"],
        "recipe_high": recipe["high"],
    }


def _between(first: Trainings, second: Trainings, confidence: float) -> float | None:
    """Return what trainings add to the interval of a difference; None if one has only one.

    In a repeat both have the same folds, so that repeats are paired; seeds are not.
    """
    if not (first.between and second.between):
        return None
    if first.between == "repeats":
        return reach_of_mean(first.units - second.units, confidence)
    return float(np.hypot(*(reach_of_mean(each.units, confidence) for each in (first, second))))
