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
    chosen_runs,
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
    runs
        Folders `slug/recipe/seed` of the runs to show, in their order; None for all by rank.
    """

    paths: Mapping[str, Any]
    words: Words
    colour_map: str = ""
    runs: Sequence[str] | None = None

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
        """The table of the runs to show, in their order, with labels that a figure has room for.

        Labels and ranks are those among all runs.
        """
        table = drawn_comparison(self.one("comparison"))
        return table if self.runs is None else chosen_runs(table, self.runs)

    @property
    def complete(self) -> pd.DataFrame:
        """The rows of complete runs, in their order."""
        return complete_runs(self.comparison)

    @property
    def in_order(self) -> str:
        """What stands above the names of runs: in which order they are, if it is that of rank."""
        ranks = self.complete["rank"]
        return "Run, in order of out-of-fold AUC" if ranks.is_monotonic_increasing else "Run"

    def of_runs(self, name: str, depth: int = 1) -> list[tuple[pd.Series, list[Path]]]:
        """Return (row, files) of every complete run that has files, in their order.

        Parameters
        ----------
        name
            The name of the files.
        depth
            1 for a file of each run, 2 for a file of each fold.
        """
        return paths_in_order(self.comparison, files_by_run(self.paths[name], depth))

    def json_of_runs(self, name: str) -> list[tuple[pd.Series, dict[str, Any]]]:
        """Return (row, content) of every complete run with such a JSON file, in their order."""
        return [(row, read_json(path)) for row, (path,) in self.of_runs(name)]

    def notes(self, *lines: str, inches: float | None = None) -> Sequence[str]:
        """Return lines for the foot of a figure, and after them one for each missing run.

        They are broken to the width of the page, or to so many inches.
        """
        return note_lines([*lines, *missing_notes(self.comparison)], inches)
