"""Configurations of tests: the shipped one with an overlay of the test's own."""

import copy
from pathlib import Path

import yaml

from pneumobench.core.config import Experiment, check_config
from pneumobench.models import registry

PROJECT = Path(__file__).resolve().parents[2]


def merged(base: dict, overlay: dict) -> dict:
    """Merge as Snakemake does: sections key by key, everything else replaced."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def configured(*overlays: str) -> dict:
    """Return recipes.yaml, config.yaml and overlays given as YAML, merged in this order."""
    files = [PROJECT / name for name in ("recipes.yaml", "config.yaml")]
    result: dict = {}
    for text in (*(path.read_text(encoding="utf-8") for path in files), *overlays):
        result = merged(result, yaml.safe_load(text) or {})
    return result


def checked(*overlays: str) -> Experiment:
    """Return the checked configuration of `configured`."""
    return check_config(configured(*overlays), architectures=registry.names())
