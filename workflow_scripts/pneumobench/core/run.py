"""The unit of work: a run is an architecture with a recipe and a seed."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Run:
    """One {model, recipe, seed}; with a fold it is one training job."""

    model: str
    recipe: str
    seed: int

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
