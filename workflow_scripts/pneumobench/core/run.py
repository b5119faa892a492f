"""The unit of work: a run is an architecture with a recipe and a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, order=True)
class Run:
    """One {model, recipe, seed}; with a fold it is one training job."""

    model: str
    recipe: str
    seed: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the run that a record of a file names; `vars` of a run names it again."""
        return cls(record["model"], record["recipe"], int(record["seed"]))

    @classmethod
    def of_job(cls, model: str, wildcards: Any) -> Self:
        """Return the run of a job: its model, and recipe and seed by its wildcards."""
        return cls(model, wildcards.recipe, int(wildcards.seed))

    @property
    def slug(self) -> str:
        """The model's name as a folder name (`timm:vit_tiny` becomes `timm-vit_tiny`)."""
        return self.model.replace(":", "-")

    @property
    def folder(self) -> str:
        """The run's folder below results/<experiment>/runs/."""
        return f"{self.slug}/{self.recipe}/seed{self.seed}"

    @property
    def title(self) -> str:
        """The run's name for people."""
        return f"{self.model} ({self.recipe}, seed {self.seed})"


_KEYS = ("model", "recipe", "seed")
_SIDES = ("first", "second")
PAIR_COLUMNS = tuple(f"{side}_{key}" for side in _SIDES for key in _KEYS)
"""The columns of a table of pairs of runs that name both."""


def name_pair(first: Run, second: Run) -> dict[str, Any]:
    """Return what `PAIR_COLUMNS` say of two runs."""
    values = (getattr(run, key) for run in (first, second) for key in _KEYS)
    return dict(zip(PAIR_COLUMNS, values, strict=True))


def named_pair(row: Mapping[str, Any]) -> tuple[Run, Run]:
    """Return the two runs that a row names."""
    first, second = ({key: row[f"{side}_{key}"] for key in _KEYS} for side in _SIDES)
    return Run.of(first), Run.of(second)
