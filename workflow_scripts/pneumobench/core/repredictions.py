"""The ways in which a finished fold predicts once more: each a rule predict_<name> and a module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reprediction:
    """One way of predicting with the weights of a finished fold.

    Attributes
    ----------
    name
        Rule predict_<name> calls `predict` of the module pneumobench.prediction.<name>.
    files
        The file that is written, by the stem of the plain predictions that it starts from; both lie
        in the fold's folder.
    options
        Of the checked configuration and the job's wildcards: the arguments of `predict`.
    preprocessed
        Whether images come as the recipe preprocesses them, or as they were packed.
    external
        Whether it predicts external images, beside a batch of the experiment's own.
    """

    name: str
    files: dict[str, str]
    options: Callable[[Any, Any], dict[str, Any]] = lambda _experiment, _wildcards: {}
    preprocessed: bool = True
    external: bool = False

    @property
    def module(self) -> str:
        """The module that predicts."""
        return f"pneumobench.prediction.{self.name}"

    @property
    def variant(self) -> str:
        """The end of its logs' names: the wildcard that its files have beside those of the fold."""
        return "_{tta}" if any("{tta}" in name for name in self.files.values()) else ""


REPREDICTIONS = {
    kind.name: kind
    for kind in (
        Reprediction(
            "views",
            {"out_of_fold": "out_of_fold_{tta}.csv", "test": "test_{tta}.csv"},
            options=lambda _, wildcards: {"views": wildcards.tta},
        ),
        Reprediction(
            "corrupted",
            {"out_of_fold": "corrupted.csv"},
            options=lambda experiment, _: {
                # An order or a repetition of strengths says nothing.
                "strengths": sorted(set(experiment.robustness.strengths)),
                "seed": experiment.robustness.seed,
            },
            # A recipe preprocesses images of any kind, so it does corrupted ones.
            preprocessed=False,
        ),
        Reprediction("renormalised", {"test": "test_statistics.csv"}),
        Reprediction("external", {"test": "external.csv"}, external=True),
    )
}


def rule_of(file: str) -> str:
    """Return the rule that writes a file of predictions in a fold's folder.

    Parameters
    ----------
    file
        Its name.
    """
    rules = {name: kind for kind in REPREDICTIONS for name in REPREDICTIONS[kind].files.values()}
    trained = {"out_of_fold.csv", "test.csv"}
    return "train_fold" if file in trained else f"predict_{rules.get(file, 'views')}"
