"""What an architecture says about itself. Never imports torch: the configuration check reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean

MINIMUM_SIZE = 64
"""Side in pixels of the smallest image that every architecture takes."""


@dataclass(frozen=True)
class Freeze:
    """What one freeze policy means for one architecture.

    Exactly one of `first` and `all_but` is given.

    Parameters
    ----------
    text
        The policy in words, for tables and reports.
    first
        Module path -> how many of its first parameters (in the order of `named_parameters`) stay
        fixed.
    all_but
        Module paths that alone keep training; every other parameter stays fixed.
    """

    text: str
    first: Mapping[str, int] = field(default_factory=dict)
    all_but: tuple[str, ...] = ()

    def select(self, names: Sequence[str]) -> list[str]:
        """Return those of the parameter `names` that stay fixed, in their order."""
        if self.all_but:
            return [name for name in names if not any(_below(name, path) for path in self.all_but)]
        frozen: set[str] = set()
        for path, count in self.first.items():
            frozen.update([name for name in names if _below(name, path)][:count])
        return [name for name in names if name in frozen]


@dataclass(frozen=True)
class Architecture:
    """One architecture of the registry.

    Parameters
    ----------
    name
        The name in the configuration. Files of `architectures/` pass `__name__`, of which the last
        part is kept.
    title
        The name for people.
    family
        The family under which tables group it.
    reference
        The publication it comes from.
    build
        Takes the number of logits, returns the `Classifier` with fresh weights. Never downloads.
    cam_layers
        Paths of the modules whose output Grad-CAM explains. Together they give exactly
        `Classifier.features`.
    head
        Path of the layers that turn pooled features into logits, which a recipe may replace; None
        takes the last linear layer.
    stages
        Paths of the parts of the trunk, in their order, whose maps gradient checkpointing computes
        a second time instead of keeping them. Each takes one map and returns one.
    checkpoints
        Module path -> tag of the published weights whose parameter names are those below that path.
        Empty for networks that are only trained from scratch.
    freeze
        Policy -> its meaning here, beside `none`, which every architecture has.
    branches
        Names of the branches of a fusion network, in the order of its feature maps.
    minimum_size
        Side in pixels of the smallest image it takes.
    """

    name: str
    title: str
    family: str
    reference: str
    build: Callable[[int], Any] = field(repr=False)
    cam_layers: tuple[str, ...]
    head: str | None = None
    stages: tuple[str, ...] = ()
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    freeze: Mapping[str, Freeze] = field(default_factory=dict)
    branches: tuple[str, ...] = ()
    minimum_size: int = MINIMUM_SIZE

    def __post_init__(self) -> None:
        """Keep the last part of a module's name; timm:a.b, a backbone and its tag, stays whole."""
        if not self.name.startswith("timm:"):
            object.__setattr__(self, "name", self.name.rpartition(".")[2])

    @property
    def checkpoint(self) -> str | None:
        """The tags of the published weights in one text, None for networks trained from scratch."""
        return " + ".join(self.checkpoints.values()) or None

    @property
    def freeze_policies(self) -> dict[str, str]:
        """Policy -> its meaning here in words."""
        texts = {policy: freeze.text for policy, freeze in self.freeze.items()}
        return {"none": "every parameter is trained", **texts}

    def frozen_names(self, policy: str, names: Sequence[str]) -> list[str]:
        """Return those of the parameter `names` that stay fixed under a freeze policy.

        Raises
        ------
        UserError
            If the policy means nothing for this architecture.
        """
        if policy == "none":
            return []
        if policy not in self.freeze:
            valid = list(self.freeze_policies)
            hint = did_you_mean(policy, valid)
            raise UserError(
                f"the freeze policy {policy} means nothing for {self.name}",
                where=f"recipe key freeze: {policy}, used with model {self.name}",
                expected="one of " + ", ".join(valid),
                remedy=f"{hint} Give {self.name} a recipe with one of these".strip(),
            )
        return self.freeze[policy].select(names)


def _below(name: str, path: str) -> bool:
    return name.startswith(f"{path}.")
