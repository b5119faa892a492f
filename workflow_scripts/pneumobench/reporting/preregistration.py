"""Whether comparisons were planned before results were seen: what the authors declare of it."""

from collections.abc import Mapping
from typing import Any


def declared(settings: Mapping[str, Any]) -> str:
    """Say of planned comparisons when they were planned, as far as anybody has declared it.

    A program cannot know what its users had seen. Without a declaration
    (`evaluation.preregistered`) it says so.

    Parameters
    ----------
    settings
        The configuration of the experiment.
    """
    where = settings.get("evaluation", {}).get("preregistered")
    if where:
        return f"registered before results were seen, as the authors declare: {where}"
    return (
        "defined in the configuration and the code; whether before results were seen is for the "
        "authors to state"
    )


def is_declared(settings: Mapping[str, Any]) -> bool:
    """Tell whether the authors declare a registration."""
    return bool(settings.get("evaluation", {}).get("preregistered"))
