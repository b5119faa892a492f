"""Where the files of an experiment lie: patterns, and the paths that they stand for."""

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pneumobench.core.baselines import BASELINES
from pneumobench.core.config.experiment import Experiment
from pneumobench.core.inflation import ARMS
from pneumobench.core.run import Run

# How patterns of files of a run, of one of its folds, and of its maps begin.
RUN, FOLD, MAPS = "runs/{run}/", "runs/{run}/fold{fold}/", "explanations/{run}/"
FURTHER_FOLD = "runs/{run}/fold{further}/"
"""Of the folds of repeats, which are numbered on."""
TRAINED = ("run.json", "history.csv", "timing.csv", "out_of_fold.csv", "test.csv")
"""What a training leaves in its fold's folder; without the weights, which need not be kept."""


@dataclass(frozen=True)
class Layout:
    """The paths of an experiment's files.

    >>> layout.paths("runs/{run}/fold{fold}/test.csv")[0]
    'results/demo/runs/resnet50/light/seed42/fold0/test.csv'

    Attributes
    ----------
    results
        The folder of results, or the words that stand for it in rules: `<results>`.
    experiment
        The checked configuration.
    runs
        The runs that files are wanted of.
    """

    results: str
    experiment: Experiment
    runs: tuple[Run, ...]

    def of(self, *runs: Run) -> "Layout":
        """Return the layout of these runs alone."""
        return replace(self, runs=runs)

    def paths(self, *patterns: str) -> list[str]:
        """Return all paths that patterns below the folder of results stand for.

        Parameters
        ----------
        patterns
            Paths in which {run}, {fold} (of the first division), {further} (folds of the repeats),
            {repeat}, {slug} (of a run's architecture), {baseline}, {ensemble}, {arm} (of the
            measurement of bad practice), {tta} (test-time augmentation) and {size} (of packed
            images) stand for each of them in turn, the first of them outermost. Without one of a
            kind there is no path.
        """
        return [f"{self.results}/{path}" for pattern in patterns for path in self._filled(pattern)]

    def _filled(self, pattern: str) -> Iterable[str]:
        keys = list(dict.fromkeys(re.findall(r"\{(\w+)\}", pattern)))
        for values in itertools.product(*map(self._values, keys)):
            yield pattern.format(**dict(zip(keys, values, strict=True)))

    def _values(self, key: str) -> Iterable[object]:
        views, split = self.experiment.prediction.test_time_augmentation, self.experiment.split
        return {
            "run": [run.folder for run in self.runs],
            "slug": list(dict.fromkeys(run.slug for run in self.runs)),
            "fold": range(split.folds),
            "further": range(split.folds, split.folds * split.repeats),
            "repeat": self.further_repeats,
            "baseline": BASELINES,
            "ensemble": dict.fromkeys(self.experiment.ensembles),
            "arm": ARMS,
            "size": [self.experiment.images.size],
            "tta": [] if views == "none" else [views],
        }[key]

    def of_runs(self, name: str) -> list[str]:
        """Return one file of each run."""
        return self.paths(RUN + name)

    def of_folds(self, name: str) -> list[str]:
        """Return one file of each fold of each run, those of repeats apart."""
        return self.paths(FOLD + name)

    def of_all_folds(self, name: str) -> list[str]:
        """Return one file of each fold of each run, of the repeats as well."""
        return self.paths(FOLD + name, FURTHER_FOLD + name)

    @property
    def further_repeats(self) -> range:
        """Repeats of the cross-validation; the first is 0 and not among them."""
        return range(1, self.experiment.split.repeats)

    def splits_of(self, fold: int) -> str:
        """Return the table of splits by which a fold is trained."""
        repeat = fold // self.experiment.split.folds
        return f"{self.results}/dataset/{f'repeat{repeat}/' * (repeat > 0)}splits.csv"

    def packed(self, kind: str, recipe: str | None = None, folder: str = "dataset") -> str:
        """Return the path, less its ending, of packed `images` or `augmented`.

        Parameters
        ----------
        kind
            images, or augmented: the offline copies.
        recipe
            The recipe whose networks see them, preprocessed if it wants that; None = as packed.
        folder
            dataset, or external.
        """
        wanted = "none" if recipe is None else self.experiment.recipe(recipe).preprocessing
        variant = "" if wanted == "none" else f"_{wanted}"
        return f"{self.results}/{folder}/{kind}_{self.experiment.images.size}{variant}"

    def finished_folds(self, run: Run) -> int:
        """Count the folds of a run, those of repeats as well, whose files all exist."""
        trained = zip(*(self.of(run).of_all_folds(name) for name in TRAINED), strict=True)
        return sum(all(map(os.path.exists, paths)) for paths in trained)
