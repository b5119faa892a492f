"""What was found on one subject, and the plan that it is held against."""

import subprocess
from dataclasses import dataclass
from typing import Any

from pneumobench.core.config.data import Data
from pneumobench.core.sources import Source

OK, WARNING, FAILS = "ok", "warning", "fails"
GIB = 2**30
# Seconds for a command of the system; doctor as a whole is to take ten.
_PATIENCE = 4


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes
    ----------
    level
        ok; warning: worth knowing; fails: the experiment would stop on it.
    subject
        What was looked at, one word or two.
    text
        What was found.
    remedy
        What to do; "" with ok.
    """

    level: str
    subject: str
    text: str
    remedy: str = ""

    def lines(self) -> str:
        """Return the finding as it is printed."""
        line = f"{self.level:8} {self.subject}: {self.text}"
        return f"{line}\n{'':8} to do: {self.remedy}" if self.remedy else line


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan.

    Attributes
    ----------
    model, recipe, seed
        Which run.
    epochs
        Passes over the training images.
    items
        Images seen in a pass, for one image of the training side: 1, more with offline copies.
    pretrained
        false, true (published weights) or the path of a file.
    """

    model: str
    recipe: str
    seed: int
    epochs: int
    items: float
    pretrained: bool | str

    @property
    def slug(self) -> str:
        """The model's name as a folder name."""
        return self.model.replace(":", "-")


@dataclass(frozen=True)
class PlannedRadiographs:
    """Where radiographs come from.

    Attributes
    ----------
    subject
        What they are called: the key of the configuration.
    section
        The checked section of the configuration, as plain values.
    """

    subject: str
    section: dict[str, Any]

    @property
    def source(self) -> Source:
        """The section as the rules read it."""
        return Source(Data.model_validate(self.section))


@dataclass(frozen=True)
class Plan:
    """What the configuration asks for, as far as a machine can be held against it.

    Attributes
    ----------
    results
        results/<experiment>, relative to the working folder.
    radiographs
        The radiographs to train and test on; then those of an external source, if there is one.
    image_size
        Side of the images in pixels.
    folds, repeats
        Number of folds, and how often the development set is divided into them.
    runs
        The runs.
    device
        auto, cpu, cuda or mps.
    threads, cores
        Numeric threads of a training job; cores that Snakemake was given for jobs on this machine.
    jobs_per_gpu
        Jobs that share a GPU.
    preprocessings
        Number of further sets of packed images.
    copies
        Offline copies of an image on disk, 0 without.
    elsewhere
        Whether jobs are handed to a scheduler.
    conda
        Whether Snakemake makes the environments of jobs itself.
    split
        What the split follows from.
    explanation
        How maps are made: method, target and layer; None where none are.
    trainings
        Architecture and recipe of every run, seeds apart.
    options
        What the command named beside its targets, as --configfile; with a blank in front, or "".
    """

    results: str
    radiographs: tuple[PlannedRadiographs, ...]
    image_size: int
    folds: int
    runs: tuple[PlannedRun, ...]
    device: str
    threads: int
    cores: int
    jobs_per_gpu: int
    preprocessings: int
    copies: int
    elsewhere: bool
    conda: bool
    split: dict[str, Any]
    explanation: dict[str, Any] | None
    trainings: tuple[tuple[str, dict[str, Any]], ...]
    options: str
    repeats: int = 1

    @classmethod
    def of(
        cls,
        *,
        runs: list[dict[str, Any]],
        radiographs: list[dict[str, Any]],
        trainings: list[tuple[str, dict[str, Any]]],
        **others: Any,
    ) -> "Plan":
        """Return the plan that plain values describe."""
        return cls(
            runs=tuple(PlannedRun(**run) for run in runs),
            radiographs=tuple(PlannedRadiographs(**source) for source in radiographs),
            trainings=tuple((model, recipe) for model, recipe in trainings),
            **others,
        )

    def command(self, target: str, *, cores: int | str = "all", further: str = "") -> str:
        """Return a command for the same configuration; options that take lists come last."""
        return f"snakemake {target} --cores {cores}{further}{self.options}"

    @property
    def jobs(self) -> int:
        """Number of training jobs."""
        return self.jobs_of_a_run * len(self.runs)

    @property
    def jobs_of_a_run(self) -> int:
        """Number of training jobs of one run."""
        return self.folds * self.repeats

    @property
    def jobs_at_once(self) -> int:
        """Training jobs that may run side by side: a scheduler may run all of them."""
        if self.elsewhere:
            return self.jobs
        return max(1, min(self.cores // self.threads, self.jobs))


def said(*command: str) -> str | None:
    """Return what a command prints; None where there is none, or it fails or takes too long."""
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout
