"""Configurations for tests, and the mistakes that are found in them."""

import copy
import functools
from pathlib import Path

import pytest
import yaml

from pneumobench.core.config import (
    ConfigError,
    Experiment,
    check_config,
)
from pneumobench.core.config.problems import Problem
from pneumobench.models import registry

ROOT = Path(__file__).parents[2]
ARCHITECTURES = registry.names()
DEFAULT_TEXT = (ROOT / "config.yaml").read_text(encoding="utf-8")
DEFAULT = yaml.safe_load(DEFAULT_TEXT)
RECIPES = yaml.safe_load((ROOT / "recipes.yaml").read_text(encoding="utf-8"))


def merge(base: dict, overlay: dict) -> dict:
    """Merge as Snakemake does: sections key by key, everything else replaced."""
    merged = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def config(*overlays: str) -> dict:
    """Return recipes.yaml, config.yaml and overlays given as YAML, merged in this order."""
    given = [yaml.safe_load(overlay) or {} for overlay in overlays]
    return functools.reduce(merge, [RECIPES, DEFAULT, *given])


def check(*overlays: str) -> Experiment:
    """Return the checked configuration of `config`."""
    return check_config(config(*overlays), architectures=ARCHITECTURES)


def problems(overlay: str) -> dict[str, Problem]:
    """Return the mistakes found, by path; two at one path would hide one another and fail."""
    with pytest.raises(ConfigError) as caught:
        check(overlay)
    found = caught.value.problems
    by_path = {problem.path: problem for problem in found}
    assert len(by_path) == len(found), str(caught.value)
    return by_path


def only_problem(overlay: str) -> Problem:
    found = problems(overlay)
    assert len(found) == 1, "\n".join(map(str, found.values()))
    return next(iter(found.values()))
