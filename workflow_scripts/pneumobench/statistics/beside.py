"""What stands beside the runs, baselines and ensembles: read, checked, judged as runs are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.core.run import Run
from pneumobench.statistics.estimates import paired_difference, summarise
from pneumobench.statistics.frozen import Cuts
from pneumobench.statistics.judgement import Judged, Predicted, judge
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.samples import Sample, Samples

# What the members of an ensemble cost together.
COSTS = ("parameters", "macs", "train_seconds")


@dataclass(frozen=True)
class Origin:
    """What kind of thing gave the scores.

    Attributes
    ----------
    name
        What it is called; also the column that holds which one it is.
    rule
        The rule that writes the files.
    """

    name: str
    rule: str

    def rerun(self, path: Path) -> str:
        """Say how a file is recreated."""
        return f"remove {path} and run snakemake again: rule {self.rule} rewrites it"


BASELINE = Origin("baseline", "score_baselines")
ENSEMBLE = Origin("ensemble", "combine_ensemble")


def read_beside(
    origin: Origin, out_of_fold: list[Path], test: list[Path], samples: Mapping[str, Sample]
) -> dict[str, Predicted]:
    """Read what baselines or ensembles say, by name in the order of `out_of_fold`.

    Parameters
    ----------
    origin
        Whether these are baselines or ensembles.
    out_of_fold, test
        One file of each, in the folder of its name.
    samples
        `out_of_fold` and `test`, those that the runs are judged on.

    Raises
    ------
    UserError
        If a file is damaged, of another one than its folder says, or of other images or folds.
    """
    development, folds = samples["out_of_fold"], len(samples["out_of_fold"].of_folds())
    tested = dict(read_test_scores(path, samples["test"].labels, folds, origin) for path in test)
    found = {}
    for path in out_of_fold:
        kind, fold, score = read_out_of_fold_scores(path, development.labels, folds, origin)
        if not np.array_equal(fold, development.fold):
            raise UserError(
                f"the {origin.name} {kind} has other folds than the runs",
                where=str(path),
                expected="the folds of the runs that it is compared with",
                remedy=origin.rerun(path),
            )
        found[kind] = Predicted(fold, score, tested[kind])
    return found


def judge_beside(
    found: dict[str, Predicted],
    cuts_of: Callable[[str, Predicted], Cuts],
    samples: Samples,
    confidence: float,
) -> dict[str, Judged]:
    """Judge baselines or ensembles as runs are judged, best out-of-fold AUC first.

    Parameters
    ----------
    found
        From `read_beside`.
    cuts_of
        Where the scores of one are cut, by its name and what it says.
    samples
        `out_of_fold` and `test`, those that the runs are judged on.
    confidence
        Level of the intervals in (0, 1).
    """
    judged = {
        kind: judge(predicted, cuts_of(kind, predicted), samples, confidence)
        for kind, predicted in found.items()
    }
    return dict(
        sorted(judged.items(), key=lambda item: (-item[1].areas["out_of_fold"][0], item[0]))
    )


def hold_against_baselines(
    area: np.ndarray, baselines: dict[str, Judged], confidence: float
) -> dict[str, Any]:
    """Say whether a run's out-of-fold AUC beats every baseline.

    It beats a baseline if the interval of the paired difference lies above 0. As it must beat all
    of them, their number needs no adjustment (intersection-union test: Berger RL. Multiparameter
    hypothesis testing and acceptance sampling. Technometrics 1982;24:295-300).

    Parameters
    ----------
    area
        [1 + replicates] float64, the run's AUC (mean of the folds) in the baselines' replicates.
    baselines
        From `judge_beside`.
    confidence
        Level of the intervals in (0, 1).

    Returns
    -------
    dict
        `beats_baselines`, and by the baselines' names in `differences` the run's AUC minus theirs,
        as `estimates.paired_difference` returns it.
    """
    differences = {
        kind: paired_difference(area, baseline.areas["out_of_fold"], confidence)
        for kind, baseline in baselines.items()
    }
    # An interval that is not defined beats nothing.
    lows = [found["low"] for found in differences.values()]
    return {
        "beats_baselines": all(low is not None and low > 0 for low in lows),
        "differences": differences,
    }


def majority_baseline(samples: Samples, confidence: float) -> dict[str, dict[str, Any]]:
    """Return the accuracy of calling every image what most development images are, by data set.

    The test set has no say in which class that is. A record has `class`, `majority_accuracy`,
    `low`, `high` and the counts of the data set.
    """
    frequent = bool(samples["out_of_fold"].positive.mean() >= 0.5)
    records = {}
    for dataset, sample in samples.items():
        right = sample.positive == frequent
        values = sample.resamples.means(right, sample.images)[:, 0]
        found = summarise(values, confidence, sample.cases().scale("accuracy"))
        records[dataset] = {
            "class": "pneumonia" if frequent else "normal",
            "majority_accuracy": found["value"],
            "low": found["low"],
            "high": found["high"],
            **sample.labels.counts(),
        }
    return records


def describe_ensemble(
    entry: dict[str, Any],
    areas: Mapping[str, np.ndarray],
    best: Mapping[str, np.ndarray],
    costs: Mapping[Run, Mapping[str, float]],
    confidence: float,
) -> dict[str, Any]:
    """Return what comparison.json says of an ensemble, its metrics apart.

    Parameters
    ----------
    entry
        What was frozen of it.
    areas, best
        Its AUC and that of the best run in every replicate, [1 + replicates] float64, by data set.
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
    weights = np.array([fitted["weights"] for fitted in entry["folds"]]).T
    members = [(Run.of(member), own) for member, own in zip(entry["members"], weights, strict=True)]
    used = [run for run, own in members if own.any()]
    return {
        "ensemble": entry["ensemble"],
        "optimistic": ENSEMBLES[entry["ensemble"]].learned,
        "members": [
            {
                **vars(run),
                "weight": float(own.mean()),
                "least_weight": float(own.min()),
                "greatest_weight": float(own.max()),
            }
            for run, own in members
        ],
        "members_used": len(used),
        **{name: sum(costs[run][name] for run in used) for name in COSTS},
        "differences": [
            {"dataset": dataset, "metric": "roc_auc"}
            | paired_difference(areas[dataset], area, confidence)
            for dataset, area in best.items()
        ],
    }


def read_out_of_fold_scores(
    path: Path, labels: Labels, folds: int, origin: Origin
) -> tuple[str, np.ndarray, np.ndarray]:
    """Read what a baseline or an ensemble says of the development images.

    Returns
    -------
    tuple
        Its name; fold, [images] int, which fold's model had not seen the image; score, [images]
        float32, of that model.

    Raises
    ------
    UserError
        If the file is damaged, of another one than its folder says, or of other images.
    """
    kind, scores = _read(path, labels, folds, origin, models=1)
    fold = np.isfinite(scores).argmax(axis=0)
    return kind, fold, scores[fold, np.arange(len(fold))]


def read_test_scores(
    path: Path, labels: Labels, folds: int, origin: Origin
) -> tuple[str, np.ndarray]:
    """Read what one says of test or external images: its name and [folds, images] float32 scores.

    Errors are those of `read_out_of_fold_scores`.
    """
    return _read(path, labels, folds, origin, models=folds)


def _read(
    path: Path, labels: Labels, folds: int, origin: Origin, models: int
) -> tuple[str, np.ndarray]:
    """Return the name and the scores, [folds, images]; NaN of models that say nothing."""
    columns = (origin.name, "fold", "image_id", "logit")

    def damaged(problem: str, expected: str) -> UserError:
        return UserError(
            f"the file of the scores of one {origin.name} {problem}",
            where=str(path),
            expected=expected,
            remedy=origin.rerun(path),
        )

    table = read_table(path, text=(origin.name, "image_id"))
    if not set(columns) <= set(table) or table[origin.name].nunique() != 1:
        expected = f"{', '.join(columns)} of one {origin.name}"
        raise damaged(f"lacks columns or mixes {origin.name}s", expected)
    kind = table[origin.name].iloc[0]
    if kind != path.parent.name:
        raise damaged(f"is of {kind}", f"scores of the {origin.name} {path.parent.name}")
    if table.duplicated(["fold", "image_id"]).any():
        raise damaged("holds an image twice", "each image once a fold")
    # Rows and columns come out in ascending order, which is that of the labels.
    grid = table.pivot(index="fold", columns="image_id", values="logit")
    if grid.index.tolist() != list(range(folds)):
        raise damaged("is of other folds", f"the folds 0 to {folds - 1}")
    if grid.columns.tolist() != labels.image_id.tolist():
        raise damaged("is of other images", f"the images of {labels.path}")
    scores = grid.to_numpy(np.float32)
    if (np.isfinite(scores).sum(axis=0) != models).any():
        raise damaged("lacks logits or has too many", f"{models} finite for each image")
    return kind, scores
