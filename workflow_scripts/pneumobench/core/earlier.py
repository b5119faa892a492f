"""Archives of format 1: what they call files, keys, columns and values, and today's names of these.

What reads such an archive and what holds its tables against rebuilt ones go by the same lists.
"""

import csv
import io
import json
from typing import Any

FORMATS = (1, 2)
"""Formats of archives that are read; the last is the one that is written."""

# Beginnings of paths in the archive.
_PATHS = {"results/floors/": "results/baselines/", "films/": "radiographs/"}
_INDEX_KEYS = {"films": "radiographs"}
# Keys of JSON files and columns of tables, in the folders below.
_KEYS = {
    "beats_floors": "beats_baselines",
    "best_floor": "best_baseline",
    "difference_from_best_floor": "difference_from_best_baseline",
    "difference_from_best_floor_high": "difference_from_best_baseline_high",
    "difference_from_best_floor_low": "difference_from_best_baseline_low",
    "films": "radiographs",
    "floor": "baseline",
    "floors": "baselines",
    "separable": "distinguishable",
    "separable_from_best": "distinguishable_from_best",
}
# Values, by folder and by key or column: a recipe may have any name, one of a baseline has not.
_VALUES = {
    ("baselines", "recipe"): {"floor": "baseline"},
    ("comparison", "status"): {"floor": "baseline"},
    ("tables", "status"): {"floor": "baseline"},
}
_FOLDERS = ("baselines", "comparison", "selection", "shift", "tables")


def path_today(path: str) -> str:
    """Return today's name of a file in an archive of format 1."""
    for then, now in _PATHS.items():
        if path.startswith(then):
            return now + path.removeprefix(then)
    return path


def index_today(index: dict[str, Any]) -> dict[str, Any]:
    """Return the list of files of an archive of format 1 with today's keys, paths as they are."""
    return {_INDEX_KEYS.get(key, key): value for key, value in index.items()}


def content_today(path: str, content: bytes) -> bytes:
    """Return a file of format 1 with today's names in it; checksums in it no longer hold then.

    Parameters
    ----------
    path
        Its place below the results, by today's name.
    content
        What the archive holds; a JSON object or a table, or anything else, which stays as it is.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    folder, _, _ = path.partition("/")
    if folder not in _FOLDERS:
        return content
    if path.endswith(".json"):
        return (json.dumps(_json_today(folder, json.loads(content)), indent=2) + "\n").encode()
    return _table_today(folder, content) if path.endswith(".csv") else content


def _json_today(folder: str, value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            _KEYS.get(name, name): _json_today(folder, inner, name) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_json_today(folder, inner, key) for inner in value]
    said = _VALUES.get((folder, key), {})
    return said.get(value, value) if isinstance(value, str) else value


def _table_today(folder: str, content: bytes) -> bytes:
    stream = io.StringIO()
    try:
        head, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        said = [_VALUES.get((folder, column), {}) for column in head]
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_KEYS.get(column, column) for column in head])
        for row in rows:
            writer.writerow([new.get(cell, cell) for new, cell in zip(said, row, strict=True)])
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return stream.getvalue().encode()
