"""Scores of what stands beside the runs (baselines, ensembles): read, checked, judged like runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.judgement import Judged, Predicted, judge
from pneumobench.statistics.predictions import Labels


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


BASELINE = Origin("baseline", "score_baselines")
ENSEMBLE = Origin("ensemble", "combine_ensemble")


def read_out_of_fold_scores(
    path: Path, labels: Labels, folds: int, origin: Origin
) -> tuple[str, np.ndarray, np.ndarray]:
    """Read what a baseline or an ensemble says of the development images.

    Parameters
    ----------
    path
        out_of_fold.csv of one of them, in the folder of its name.
    labels
        The development images.
    folds
        Number of folds.
    origin
        Whether these are baselines or ensembles.

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
    """Read what one says of the test images: its name and [folds, images] float32 scores.

    Parameters and errors are those of `read_out_of_fold_scores`.
    """
    return _read(path, labels, folds, origin, models=folds)


def judge_scores(
    out_of_fold: list[Path],
    test: list[Path],
    thresholds_of: Callable[[str], list[float]],
    standards: dict[str, Labels],
    resamples: dict[str, Resamples],
    fold: np.ndarray,
    confidence: float,
    origin: Origin,
) -> dict[str, Judged]:
    """Judge baselines or ensembles as runs are judged.

    Parameters
    ----------
    out_of_fold, test
        One file of each.
    thresholds_of
        The frozen thresholds, one a fold, by name.
    standards, resamples
        Labels and replicates of `out_of_fold` and `test`, those that the runs are judged by.
    fold
        [development images] int, the runs' folds.
    confidence
        Level of the intervals in (0, 1).
    origin
        Whether these are baselines or ensembles.

    Returns
    -------
    dict
        By name, in order of their out-of-fold AUC, best first.

    Raises
    ------
    UserError
        If a file is damaged or of other images or folds.
    """
    folds = len(np.unique(fold))
    scores = dict(read_test_scores(path, standards["test"], folds, origin) for path in test)
    judged = {}
    for path in out_of_fold:
        kind, own_fold, score = read_out_of_fold_scores(
            path, standards["out_of_fold"], folds, origin
        )
        if not np.array_equal(own_fold, fold):
            raise UserError(
                f"the {origin.name} {kind} has other folds than the runs",
                where=str(path),
                expected="the folds of the runs that it is compared with",
                remedy=_rerun(path, origin),
            )
        predicted = Predicted(fold, score, scores[kind])
        judged[kind] = judge(predicted, thresholds_of(kind), standards, resamples, confidence)
    return dict(
        sorted(judged.items(), key=lambda item: (-item[1].areas["out_of_fold"][0], item[0]))
    )


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
            remedy=_rerun(path, origin),
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


def _rerun(path: Path, origin: Origin) -> str:
    return f"remove {path} and run snakemake again: rule {origin.rule} writes it anew"
