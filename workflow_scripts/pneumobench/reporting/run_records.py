"""What run.json files and settings say, as text."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run


def read_runs(run_jsons: Iterable[str | Path]) -> dict[str, list[dict[str, Any]]]:
    """Read run.json files, by their run's folder, folds in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for content in map(read_owned_json, map(Path, run_jsons)):
        run = Run(content["model"], content["recipe"], int(content["seed"]))
        found.setdefault(run.folder, []).append(content)
    return {folder: sorted(folds, key=lambda fold: fold["fold"]) for folder, folds in found.items()}


def versions_of(folds: list[dict[str, Any]]) -> str:
    """Return the versions of all packages that the training jobs ran with."""
    packages = sorted({name for fold in folds for name in fold["versions"]})
    versions = [fold["versions"] for fold in folds]
    return ", ".join(f"{name} {values_of(versions, name)}" for name in packages)


def flatten(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted key, value) pairs in their own order.

    >>> flatten({"split": {"folds": 5, "seed": None}})
    [('split.folds', '5'), ('split.seed', 'null')]
    """
    pairs: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            pairs += flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", _plain(value)))
    return pairs


def _plain(value: object) -> str:
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)


def values_of(contents: list[dict[str, Any]], key: str) -> str:
    """Return the values of a key over run.json files, several where they differ."""
    return " / ".join(sorted({_plain(content.get(key)) for content in contents}))
