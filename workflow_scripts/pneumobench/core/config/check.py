"""Checking a configuration: every mistake is found in one go."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pneumobench.core.config.across import problems_across
from pneumobench.core.config.experiment import Archive, Experiment
from pneumobench.core.config.inherit import Inheritance
from pneumobench.core.config.networks import Networks
from pneumobench.core.config.problems import (
    ConfigError,
    location_of,
    problems_from,
    problems_of_credentials,
)
from pneumobench.core.config.sound import SoundValues


def archive_path(raw: dict[str, Any]) -> str | None:
    """Return the archive that is named instead of a configuration, None where there is none.

    Raises
    ------
    ConfigError
        If it is no path that rules could wait for, or anything holds credentials.
    """
    _refuse_credentials(raw)
    try:
        return TypeAdapter(Archive, config=ConfigDict(strict=True)).validate_python(
            raw.get("archive")
        )
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        raise ConfigError(problems_from([first | {"loc": ("archive",)}])) from None


def _refuse_credentials(raw: Any) -> None:
    if found := problems_of_credentials(raw):
        raise ConfigError(found)


def check_config(
    raw: dict[str, Any],
    *,
    architectures: Sequence[str],
    backbones: Callable[[], Collection[str]] = tuple,
    summary: Callable[[str], str] = str,
) -> Experiment:
    """Return the checked configuration.

    Parameters
    ----------
    raw
        The configuration as YAML gives it, overlays merged in.
    architectures, backbones, summary
        The networks that runs can name, as `pneumobench.core.config.networks.Networks` has them.

    Raises
    ------
    ConfigError
        With all mistakes: wrong values, missing and unknown keys, and keys that contradict each
        other, as far as the values concerned are valid in themselves.
    """
    _refuse_credentials(raw)
    experiment, errors = None, []
    inheritance = Inheritance(raw)
    try:
        experiment = Experiment.model_validate(inheritance.resolved)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    sound = SoundValues(inheritance.resolved, [location_of(error) for error in errors])
    own = [
        error
        for error in errors
        if not inheritance.concerns_another_place(location_of(error), error["type"])
    ]
    problems = [
        *inheritance.problems,
        *problems_from(own),
        *problems_across(sound, Networks(architectures, backbones, summary)),
    ]
    if experiment is None or problems:
        raise ConfigError(problems)
    return experiment
