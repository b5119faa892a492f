"""The unit of work: a run is an architecture with a recipe and a seed."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, order=True)
class Run:
    """One {model, recipe, seed}; with a fold it is one training job."""

    model: str
    recipe: str
    seed: int

    @classmethod
    def of(cls, model: str, wildcards: Any) -> Self:
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
