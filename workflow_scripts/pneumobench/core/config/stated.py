"""The part of a configuration that the methods section of the report states."""

from typing import Any

from pneumobench.core.config.experiment import Experiment

STATED = (
    *("data", "split", "images", "offline_copies", "compute", "prediction", "evaluation"),
    *("ensembles", "robustness", "explanation"),
)


def stated_settings(experiment: Experiment) -> dict[str, Any]:
    """Return the settings that results follow from, by section, and the recipes that runs use."""
    whole = experiment.model_dump()
    used = {run.recipe for run in experiment.expanded_runs}
    # How jobs are packed changes no result.
    del whole["compute"]["jobs_per_gpu"]
    # Sections of sources that are not used say nothing about the radiographs.
    said = ("source", experiment.data.source, "checks")
    whole["data"] = {key: whole["data"][key] for key in said}
    return (
        experiment.other_task
        | {section: whole[section] for section in STATED}
        | {"recipes": {name: whole["recipes"][name] for name in sorted(used)}}
    )
