"""Recipes for tests: everything off but what a test asks for."""

from pathlib import Path

import yaml

from pneumobench.core.config.check import check_config
from pneumobench.models import registry
from pneumobench.training.recipe import Recipe

ROOT = Path(__file__).parents[2]


def settings(**changes) -> dict:
    """Return the settings of recipe `plain` with some keys changed, sections key by key."""
    raw = yaml.safe_load((ROOT / "recipes.yaml").read_text(encoding="utf-8"))
    raw |= yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {
        "recipes": {**raw["recipes"], "changed": {"based_on": "plain", **changes}},
        "defaults": {"recipe": "changed", "seeds": [0]},
    }
    experiment = check_config(raw, architectures=registry.names())
    return experiment.recipe("changed").model_dump()


def recipe(**changes) -> Recipe:
    """Return recipe `plain` with some keys changed."""
    return Recipe.from_settings(settings(**changes))
