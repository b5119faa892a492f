"""What a figure is drawn of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.reporting.drawing.style import note_lines
from pneumobench.reporting.inputs import (
    complete_runs,
    drawn_comparison,
    files_by_run,
    missing_notes,
    paths_in_order,
)
from pneumobench.reporting.words import Words


@dataclass(frozen=True)
class FigureInputs:
    """The files of a figure, and the words in which its texts are written.

    Attributes
    ----------
    paths
        A path, or a list of paths, by the names in `reporting.figures.FILES`.
    words
        What classes and people are called.
    colour_map
        The name of matplotlib's colour map in which maps are painted.
    """

    paths: Mapping[str, Any]
    words: Words
    colour_map: str = ""

    def one(self, name: str) -> Path:
        """Return the one path under a name."""
        return Path(self.paths[name])

    def all(self, name: str) -> list[Path]:
        """Return the paths under a name."""
        return list(map(Path, self.paths[name]))

    def json(self, name: str) -> dict[str, Any]:
        """Return what a JSON file holds."""
        return read_json(self.one(name))

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """The ranked table, with labels that a figure has room for."""
        return drawn_comparison(self.one("comparison"))

    @property
    def complete(self) -> pd.DataFrame:
        """The rows of complete runs, in order of rank."""
        return complete_runs(self.comparison)

    def of_runs(self, name: str, depth: int = 1) -> list[tuple[pd.Series, list[Path]]]:
        """Return (row, files) of every complete run that has files, in order of rank.

        Parameters
        ----------
        name
            The name of the files.
        depth
            1 for a file of each run, 2 for a file of each fold.
        """
        return paths_in_order(self.comparison, files_by_run(self.paths[name], depth))

    def json_of_runs(self, name: str) -> list[tuple[pd.Series, dict[str, Any]]]:
        """Return (row, content) of every complete run with such a JSON file, in order of rank."""
        return [(row, read_json(path)) for row, (path,) in self.of_runs(name)]

    def notes(self, *lines: str) -> Sequence[str]:
        """Return lines for the foot of a figure, and after them one for each missing run."""
        return note_lines([*lines, *missing_notes(self.comparison)])
