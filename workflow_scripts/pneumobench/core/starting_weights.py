"""What a training starts from: published weights, a file of the user's, or nothing."""

from typing import Protocol

from pneumobench.core.config.experiment import Experiment

RECORD = "resources/weights/{slug}.json"
"""Of an architecture's published weights, fetched once for all experiments."""


class Trained(Protocol):
    """A run, or what names its architecture and recipe."""

    slug: str
    recipe: str


def record_or_file(experiment: Experiment, run: Trained) -> str | None:
    """Return what a run's training starts from: a file, the record of fetched ones, or None."""
    pretrained = experiment.recipe(run.recipe).pretrained
    if isinstance(pretrained, str):
        return pretrained
    return RECORD.format(slug=run.slug) if pretrained else None


def records(experiment: Experiment) -> list[str]:
    """Return the records of all published weights that runs start from."""
    published = [
        record_or_file(experiment, run)
        for run in experiment.expanded_runs
        if experiment.recipe(run.recipe).pretrained is True
    ]
    return list(dict.fromkeys(published))
