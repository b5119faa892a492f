"""Checking a configuration: every mistake is found in one go."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from pneumobench.core.config.across import SoundValues, problems_across
from pneumobench.core.config.experiment import Experiment
from pneumobench.core.config.problems import ConfigError, location_of, problems_from


def check_config(raw: dict[str, Any], *, architectures: Sequence[str]) -> Experiment:
    """Return the checked configuration.

    Parameters
    ----------
    raw
        The configuration as YAML gives it, overlays merged in.
    architectures
        Names of the architectures that exist; timm:<name> is always accepted.

    Raises
    ------
    ConfigError
        With all mistakes: wrong values, missing and unknown keys, and keys that contradict each
        other, as far as the values concerned are valid in themselves.
    """
    experiment, errors = None, []
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    sound = SoundValues(raw, [location_of(error) for error in errors])
    problems = [*problems_from(errors), *problems_across(sound, architectures)]
    if experiment is None or problems:
        raise ConfigError(problems)
    return experiment
