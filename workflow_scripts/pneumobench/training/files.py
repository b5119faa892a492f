"""What a training job is told: its files, and which training it is."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from pneumobench.core.run import Run


@dataclass(frozen=True)
class FoldInputs:
    """The files that a training job reads; labels of test images are not among them."""

    images: Path
    images_digest: Path
    splits: Path
    development_labels: Path
    precision: Path
    augmented: Path | None = None
    augmented_table: Path | None = None
    starting_weights: Path | None = None

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return the inputs of a job, whose paths are empty where its recipe needs no such file."""
        paths = {field.name: given[field.name] for field in fields(cls)}
        return cls(**{name: Path(path) if path else None for name, path in paths.items()})


@dataclass(frozen=True)
class FoldOutputs:
    """The files that a training job writes."""

    weights: Path
    run: Path
    history: Path
    timing: Path
    out_of_fold: Path
    test: Path


@dataclass(frozen=True)
class FoldJob:
    """Which training it is, and how it is done.

    Attributes
    ----------
    run, fold
        Which run and which of its folds.
    settings
        The recipe's entry in the configuration, and the task where it is not binary.
    threads
        Numeric threads; another number changes the last bits of the result.
    code_hash
        Fingerprint of the code, recorded in run.json.
    resume_folder
        Where the state of the unfinished training is kept; removed at the end.
    runtime_minutes
        Time limit of the job, None without one; it stops and saves its state before.
    """

    run: Run
    fold: int
    settings: dict[str, Any]
    threads: int
    code_hash: str
    resume_folder: Path
    runtime_minutes: float | None = None

    @classmethod
    def of(cls, run: Run, job: Any) -> Self:
        """Return the training of a run that a rule's job, the script's `snakemake`, asks for."""
        return cls(
            run,
            int(job.wildcards.fold),
            job.params.recipe,
            job.threads,
            job.params.code,
            Path(job.params.resume),
            # Profiles of clusters set it, in minutes.
            job.resources.get("runtime"),
        )
