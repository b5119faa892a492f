"""Labels and predictions: read, checked and brought into one order, that of image_id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.core.repredictions import rule_of
from pneumobench.core.run import Run

CLASSES = ("normal", "pneumonia")

_IDENTITY = ("model", "recipe", "seed", "fold")
_COLUMNS = (*_IDENTITY, "image_id")
_TEXT_COLUMNS = ("model", "recipe", "image_id", "tta", "corruption")


@dataclass(frozen=True)
class Labels:
    """The reference standard of a set of images, sorted by image_id.

    Attributes
    ----------
    path
        The file that was read, for messages.
    image_id, subtype, patient
        [images] text.
    positive
        [images] bool, True for pneumonia.
    """

    path: Path
    image_id: np.ndarray
    positive: np.ndarray
    subtype: np.ndarray
    patient: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """The labels as words, [images] text."""
        return np.where(self.positive, *reversed(CLASSES))

    def counts(self) -> dict[str, int]:
        """Return the numbers of images (n), of pneumonias (events) and of patients."""
        return {
            "n": len(self.image_id),
            "events": int(self.positive.sum()),
            "patients": len(np.unique(self.patient)),
        }


@dataclass(frozen=True)
class FoldPredictions:
    """What one fold's model said about some images.

    Attributes
    ----------
    path
        The file that was read, for messages.
    logit
        float32 logits by image_id, each once: of pneumonia, or those of another column.
    """

    path: Path
    logit: pd.Series


Predictions = dict[Run, dict[int, FoldPredictions]]
"""What the models of runs said, by run and fold."""


def read_labels(path: str | Path) -> Labels:
    """Read development_labels.csv, test_labels.csv or external/labels.csv.

    Raises
    ------
    UserError
        If an image stands there twice or has another label than normal or pneumonia.
    """
    columns = ("image_id", "label", "subtype", "patient")
    table = read_table(path, text=columns).sort_values("image_id", kind="stable")
    remedy = f"remove {path} and run snakemake again: rule split_dataset writes it"
    for problem, rows, expected in (
        ("images are listed twice", table["image_id"].duplicated(), "every image once"),
        ("labels are unknown", ~table["label"].isin(CLASSES), "the labels normal and pneumonia"),
    ):
        if rows.any():
            raise UserError(
                f"{problem} in the labels: {_some(table.loc[rows, 'image_id'])}",
                where=str(path),
                expected=expected,
                remedy=remedy,
            )
    text = {name: table[name].to_numpy(dtype=str) for name in ("image_id", "subtype", "patient")}
    return Labels(path=Path(path), positive=(table["label"] == "pneumonia").to_numpy(), **text)


def read_predictions(
    paths: Iterable[str | Path], tta: str = "identity", column: str = "logit"
) -> Predictions:
    """Read out_of_fold.csv or test.csv files, one for each run and fold.

    Parameters
    ----------
    paths
        The files.
    tta
        What the files must say of their logits: `identity`, of the plain image, or the name of the
        set of views that they are averaged over.
    column
        The column of the logits that are wanted.

    Raises
    ------
    UserError
        If a file lacks columns or rows, mixes runs or folds, holds an image twice or a logit that
        is no number or has another tta, or if two files are of one run and fold.
    """
    found: Predictions = {}
    for path in map(Path, paths):
        table = _read_file(path, (*_COLUMNS, column, "tta"))
        _check_rows("rows have another tta", table, table["tta"] != tta, f"tta = {tta}", path)
        _add(found, table, path, column)
    return found


def read_corrupted(
    paths: Iterable[str | Path], wanted: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], Predictions]:
    """Read corrupted.csv files, one for each run and fold.

    Parameters
    ----------
    paths
        The files.
    wanted
        Corruptions with their strengths; other rows of the files are passed over.

    Returns
    -------
    dict
        For each corruption and strength what `read_predictions` returns.

    Raises
    ------
    UserError
        If a file lacks one of them, or as `read_predictions`.
    """
    found: dict[tuple[str, int], Predictions] = {key: {} for key in wanted}
    for path in map(Path, paths):
        table = _read_file(path, (*_COLUMNS, "logit", "corruption", "strength"))
        parts = dict(iter(table.groupby(["corruption", "strength"], sort=False)))
        for key in wanted:
            if key not in parts:
                raise UserError(
                    f"the file lacks the corruption {key[0]} of strength {key[1]}",
                    where=str(path),
                    expected="every corruption at every strength of the configuration",
                    remedy=_rerun(path),
                )
            _add(found[key], parts[key], path)
    return found


def only_run(found: Predictions, run: Run) -> Predictions:
    """Return predictions that should be of one run alone; they may be empty.

    Raises
    ------
    UserError
        If there are predictions of another run.
    """
    for other, folds in found.items():
        if other != run:
            raise UserError(
                f"the predictions are of {other.title}",
                where=str(next(iter(folds.values())).path),
                expected=f"predictions of {run.title}",
                remedy="remove the file and run snakemake again",
            )
    return found


def folds_of(
    predictions: Predictions, run: Run, folds: int, first: int = 0
) -> list[FoldPredictions]:
    """Return a run's predictions of so many folds from the number `first` on.

    Raises
    ------
    UserError
        Naming the folds that are missing or too many.
    """
    own, numbers = predictions.get(run, {}), range(first, first + folds)
    expected = f"predictions of the folds {first} to {first + folds - 1}"
    missing = sorted(set(numbers) - set(own))
    if missing:
        listed = ", ".join(map(str, missing))
        raise UserError(
            f"{run.title} has no predictions of fold {listed}",
            where=f"runs/{run.folder}/",
            expected=expected,
            remedy=f"run snakemake again: rule train_fold of fold {listed} of this run is missing",
        )
    extra = sorted(set(own) - set(numbers))
    if extra:
        raise UserError(
            f"{run.title} has predictions of fold {', '.join(map(str, extra))}, which do not exist",
            where=str(own[extra[0]].path),
            expected=expected,
            remedy="remove the folder of this fold and run snakemake again",
        )
    return [own[number] for number in numbers]


def align_out_of_fold(
    predictions: Predictions, labels: Labels, run: Run, folds: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Put the out-of-fold predictions of a run, of its folds from `first` on, in the labels' order.

    Returns
    -------
    tuple
        fold, [images] int, whose model had not seen the image, counted from 0; logit, [images]
        float32, of that model.

    Raises
    ------
    UserError
        If a fold is missing, an image is unknown, predicted by two folds or by none.
    """
    fold = np.full(len(labels.image_id), -1)
    logit = np.full(len(labels.image_id), np.nan, np.float32)
    for number, part in enumerate(folds_of(predictions, run, folds, first)):
        rows = _locate(part, labels)
        twice = fold[rows] >= 0
        if twice.any():
            raise UserError(
                f"images are out of fold in two folds: {_some(labels.image_id[rows[twice]])}",
                where=f"{part.path} and the file of fold {fold[rows[twice][0]]}",
                expected="every development image in one fold",
                remedy=f"the folds are of different splits; {_rerun(part.path)}",
            )
        fold[rows], logit[rows] = number, part.logit.to_numpy()
    if (fold < 0).any():
        raise UserError(
            f"images have no out-of-fold prediction: {_some(labels.image_id[fold < 0])}",
            where=f"runs/{run.folder}/fold*/out_of_fold.csv",
            expected=f"a prediction of every image in {labels.path}",
            remedy=f"remove runs/{run.folder} and run snakemake again: its folds are retrained",
        )
    return fold, logit


def check_same_folds(
    fold: np.ndarray, plain: np.ndarray, paths: list[Path], run: Run, when: str
) -> None:
    """Check that further predictions have the folds of the plain ones, both [images] int.

    Raises
    ------
    UserError
        If an image is out of fold elsewhere; `when` says which predictions these are.
    """
    if not np.array_equal(fold, plain):
        raise UserError(
            f"the folds of {run.title} have other images {when}",
            where=", ".join(map(str, paths)),
            expected="the images of out_of_fold.csv beside each file",
            remedy="remove these files and run snakemake again",
        )


def align_test(predictions: Predictions, labels: Labels, run: Run, folds: int) -> np.ndarray:
    """Put the predictions of test or external images of a run in the order of the labels.

    Returns
    -------
    numpy.ndarray
        [folds, images] float32 logits, one row for each fold's model.

    Raises
    ------
    UserError
        If a fold is missing, an image is unknown or lacks a prediction.
    """
    logits = np.full((folds, len(labels.image_id)), np.nan, np.float32)
    for number, part in enumerate(folds_of(predictions, run, folds)):
        logits[number, _locate(part, labels)] = part.logit.to_numpy()
        lacking = np.isnan(logits[number])
        if lacking.any():
            raise UserError(
                f"images have no {part.path.stem} prediction: {_some(labels.image_id[lacking])}",
                where=str(part.path),
                expected=f"a prediction of every image in {labels.path}",
                remedy=_rerun(part.path),
            )
    return logits


def _read_file(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path, text=_TEXT_COLUMNS)
    lacking = [column for column in columns if column not in table]
    if lacking or table.empty:
        raise UserError(
            f"the file lacks {', '.join(lacking) or 'rows'}",
            where=str(path),
            expected=f"the columns {', '.join(columns)}, one row an image",
            remedy=_rerun(path),
        )
    return table


def _add(found: Predictions, table: pd.DataFrame, path: Path, column: str = "logit") -> None:
    """Check the rows of one run and fold, and put them where they belong."""
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float32)
    twice = table["image_id"].duplicated()
    _check_rows("images are listed twice", table, twice, "every image once", path)
    infinite = ~np.isfinite(numbers)
    _check_rows("logits are not finite", table, infinite, "a finite logit for every image", path)
    identity = table[list(_IDENTITY)].drop_duplicates()
    if len(identity) > 1:
        raise UserError(
            "the file mixes predictions of several runs or folds",
            where=str(path),
            expected="one model, recipe, seed and fold",
            remedy=_rerun(path),
        )
    run, fold = Run.of(identity.iloc[0]), int(identity.iloc[0]["fold"])
    folds = found.setdefault(run, {})
    if fold in folds:
        raise UserError(
            f"two files hold the predictions of fold {fold} of {run.title}",
            where=f"{folds[fold].path} and {path}",
            expected="one file for each run and fold",
            remedy=_rerun(path),
        )
    logit = pd.Series(numbers.to_numpy(), index=table["image_id"].to_numpy(dtype=str))
    folds[fold] = FoldPredictions(path, logit)


def _check_rows(
    problem: str, table: pd.DataFrame, wrong: pd.Series, expected: str, path: Path
) -> None:
    if wrong.any():
        raise UserError(
            f"{problem}: {_some(table.loc[wrong, 'image_id'])}",
            where=str(path),
            expected=expected,
            remedy=_rerun(path),
        )


def _locate(predictions: FoldPredictions, labels: Labels) -> np.ndarray:
    wanted = predictions.logit.index.to_numpy(dtype=str)
    rows = pd.Index(labels.image_id).get_indexer(wanted)
    if (rows < 0).any():
        raise UserError(
            f"predictions of images without a label: {_some(wanted[rows < 0])}",
            where=str(predictions.path),
            expected=f"only images of {labels.path}",
            remedy=f"the predictions are of another split; {_rerun(predictions.path)}",
        )
    return rows


def _rerun(path: Path) -> str:
    rule = rule_of(path.name)
    verb = "trains" if rule == "train_fold" else "predicts"
    return f"remove {path} and run snakemake again: rule {rule} {verb} this fold anew"


def _some(identifiers: Iterable[str]) -> str:
    """Return the first three identifiers and how many more there are."""
    names = list(map(str, identifiers))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
