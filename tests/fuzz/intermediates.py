"""A small finished experiment whose intermediates can be damaged one at a time."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dataset_fixture import index, kaggle_folder
from statistics_cases import Experiment, make_experiment

from pneumobench.core.run import Run
from pneumobench.data.audit import audit_dataset
from pneumobench.data.split import split_dataset

RUNS = [Run("first", "light", 1), Run("second", "light", 1)]


@functools.cache
def experiment() -> Experiment:
    """Return an experiment of two runs, compared to the end."""
    made = make_experiment(Path(tempfile.mkdtemp(prefix="fuzzed")), 40)
    for number, run in enumerate(RUNS):
        made.add_run(run, 1.0 + number, number)
    redo(made)
    return made


def redo(made: Experiment) -> None:
    """Do everything behind the predictions anew."""
    made.select(RUNS)
    for run in RUNS:
        made.evaluate(run)
    made.compare(RUNS)


def _compare(made: Experiment) -> None:
    made.compare(RUNS)


def _evaluate(made: Experiment) -> None:
    made.evaluate(RUNS[0])


# Which file is damaged, below the experiment's folder, and who reads it.
READERS: dict[str, Callable[[Experiment], None]] = {
    "runs/first/light/seed1/fold0/out_of_fold.csv": redo,
    "runs/first/light/seed1/fold1/test.csv": _evaluate,
    "runs/first/light/seed1/fold0/run.json": redo,
    "runs/first/light/seed1/fold0/timing.csv": _compare,
    "runs/first/light/seed1/metrics.json": _compare,
    "runs/first/light/seed1/scores.csv": _compare,
    "dataset/development_labels.csv": redo,
    "dataset/test_labels.csv": _evaluate,
    "selection/selection.json": _evaluate,
    "baselines/border/out_of_fold.csv": redo,
    "models/first.json": _compare,
}


def samples() -> dict[str, bytes]:
    """Return the sound files."""
    return {name: (experiment().root / name).read_bytes() for name in READERS}


@contextmanager
def damaged(path: Path, content: bytes) -> Iterator[None]:
    """Put other bytes into a file for a while."""
    sound = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(sound)


def read(content: bytes, name: str, folder: Path) -> None:
    """Let a damaged file be read by the stage behind it; what that leaves behind is undone."""
    made = experiment()
    kept = {path: path.read_bytes() for path in made.root.rglob("*") if path.is_file()}
    try:
        with damaged(made.root / name, content):
            READERS[name](made)
    finally:
        for path, sound in kept.items():
            path.write_bytes(sound)


@functools.cache
def dataset() -> Path:
    """Return a folder with manifest.csv and source.json."""
    folder = Path(tempfile.mkdtemp(prefix="fuzzed"))
    index(kaggle_folder(folder / "data"), folder / "manifest.csv")
    return folder


def dataset_samples() -> dict[str, bytes]:
    """Return the sound files of `dataset`."""
    return {name: (dataset() / name).read_bytes() for name in ("manifest.csv", "source.json")}


def read_dataset(content: bytes, name: str, folder: Path) -> None:
    """Let a damaged manifest be audited and split."""
    where = dataset()
    with damaged(where / name, content):
        audit_dataset(
            where / "manifest.csv",
            where / "source.json",
            folder / "audit.json",
            allow_crossings=[],
            maximum_near_duplicate_fraction=1,
        )
        split_dataset(
            where / "manifest.csv",
            *(folder / f"{name}.csv" for name in ("splits", "development_labels", "test_labels")),
            folds=3,
            seed=1,
            holdout_fraction=0.2,
            inner_fraction=0.2,
        )
