"""How well the simplest models separate test from development images, and what a block costs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_table
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.estimates import summarise
from pneumobench.statistics.intervals import Cases
from pneumobench.statistics.judgement import score_test
from pneumobench.statistics.metrics import JUDGED, RATES
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.replicates import replicate_area, replicate_decisions
from pneumobench.statistics.samples import Sample, draw_sample
from pneumobench.statistics.thresholds import fit_threshold


def judge_domains(path: Path, resampling: Resampling) -> list[dict[str, Any]]:
    """Return the AUC of every model that was asked for the data set, within each class.

    It is the mean of the folds' AUC; 0.5 = what the model sees does not separate development from
    test, 1 = it does so always. Groups of patients are drawn within folds and sides.

    Parameters
    ----------
    path
        domains.csv.
    resampling
        How intervals are drawn.

    Returns
    -------
    list of dict
        `baseline`, `label`, `folds`, `development` and `test` (images and groups each), `roc_auc`
        (value and interval). No record of a class with too few patients.
    """
    text = ("baseline", "label", "image_id", "group", "side")
    table = read_table(path, text=text).sort_values("image_id")
    records = []
    for (kind, label), part in table.groupby(["baseline", "label"], sort=False):
        tested = (part["side"] == "test").to_numpy()
        fold, group = part["fold"].to_numpy(int), part["group"].to_numpy(dtype=str)
        resamples = resample_patients(group, resampling, strata=2 * fold + tested)
        logit = part["logit"].to_numpy(np.float32)
        areas = [
            replicate_area(tested[images], logit[images], images, resamples)
            for images in (np.flatnonzero(fold == number) for number in np.unique(fold))
        ]
        sides = {"development": ~tested, "test": tested}
        scale = Cases(tested, resamples.cluster, resamples).scale("roc_auc")
        records.append(
            {
                "baseline": kind,
                "label": label,
                "folds": len(areas),
                **{
                    side: {"n": int(rows.sum()), "groups": len(np.unique(group[rows]))}
                    for side, rows in sides.items()
                },
                "roc_auc": summarise(np.mean(areas, axis=0), resampling.confidence, scale),
            }
        )
    return records


def judge_blocks(
    path: Path, labels: Labels, rule: str, cost_ratio: float, resampling: Resampling
) -> list[dict[str, Any]]:
    """Return how the thumbnail baseline does on each block of file numbers it was fitted without.

    A block is treated as the test set is: thresholds are found on the out-of-fold scores of the
    other blocks, one for each fold's model, and the block is cut at the mean distance from them.

    Parameters
    ----------
    path
        blocks.csv.
    labels
        Those of the development images.
    rule, cost_ratio
        As `thresholds.fit_threshold` takes them.
    resampling
        How intervals are drawn, over the patients of the block.

    Returns
    -------
    list of dict
        `block`, n, events, patients, and value and interval of each of `JUDGED`. Empty where there
        are no blocks.
    """
    table = read_table(path, text=("image_id",)).sort_values("image_id")
    records = []
    for number, part in table.groupby("block"):
        others, held = part[part["held_out"] == 0], part[part["held_out"] == 1]
        thresholds = [
            fit_threshold(
                own["positive"].to_numpy(), own["logit"].to_numpy(np.float32), rule,
                where=f"fold {fold} without block {number}", cost_ratio=cost_ratio,
            )
            for fold, own in _with_labels(others, labels).groupby("fold")
        ]  # fmt: skip
        grid = held.pivot(index="fold", columns="image_id", values="logit")
        sample = draw_sample(_restrict(labels, grid.columns.to_numpy(dtype=str)), resampling)
        _, whole = score_test(grid.to_numpy(np.float32), np.array(thresholds))
        decision = whole.decisions["out_of_fold"]
        found, cases = replicate_judged(whole.logit, decision, sample), sample.cases()
        records.append(
            {"block": int(number)}
            | sample.labels.counts()
            | {
                name: summarise(found[name], resampling.confidence, cases.scale(name))
                for name in JUDGED
            }
        )
    return records


def replicate_judged(
    logit: np.ndarray, decision: np.ndarray, sample: Sample
) -> dict[str, np.ndarray]:
    """Return each of `JUDGED` in the sample (row 0) and in every replicate, [1 + replicates].

    Parameters
    ----------
    logit, decision
        [images] float32 and bool: what one model, or the mean of several, says of each.
    sample
        The images.
    """
    decided = replicate_decisions(decision, sample)
    area = replicate_area(sample.positive, logit, sample.images, sample.resamples)
    return {"roc_auc": area} | {name: decided[name] for name in RATES}


def _with_labels(table: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    positive = pd.Series(labels.positive, index=labels.image_id)
    return table.assign(positive=positive[table["image_id"]].to_numpy())


def _restrict(labels: Labels, image_id: np.ndarray) -> Labels:
    """Return the labels of some of the images, both in ascending order of image_id."""
    rows = np.isin(labels.image_id, image_id)
    columns = ("image_id", "positive", "subtype", "patient")
    return Labels(labels.path, *(getattr(labels, name)[rows] for name in columns))
