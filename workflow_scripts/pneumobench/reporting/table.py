"""A table of the report: typed cells, which every writer spells in its own way."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from pneumobench.core.estimates import Estimate
from pneumobench.reporting.wording import (
    EMPTY,
    count,
    duration,
    is_missing,
    millions,
    p_value,
    percent,
    with_interval,
)


@dataclass(frozen=True)
class Number:
    """A number alone, and how it is written: `digits` behind the point, times `factor`."""

    value: float | None
    digits: int = 3
    factor: float = 1.0

    def __str__(self) -> str:
        return with_interval(self.value, None, None, digits=self.digits, factor=self.factor)


@dataclass(frozen=True)
class Share:
    """A share in [0, 1], written as a percentage."""

    value: float | None
    digits: int = 0

    def __str__(self) -> str:
        return EMPTY if is_missing(self.value) else percent(self.value, self.digits)


@dataclass(frozen=True)
class Seconds:
    """A duration in seconds, written as people say it."""

    value: float | None

    def __str__(self) -> str:
        return duration(self.value)


@dataclass(frozen=True)
class Millions:
    """A number of parameters or operations, written in millions."""

    value: float | None
    factor: ClassVar[float] = 1e-6

    def __str__(self) -> str:
        return millions(self.value)


@dataclass(frozen=True)
class PValue:
    """A p value in [0, 1]; None where nothing was tested."""

    value: float | None

    def __str__(self) -> str:
        return p_value(self.value)


@dataclass(frozen=True)
class Scaled:
    """An estimate written with `digits` behind the point, times `factor` (100: per hundred)."""

    estimate: Estimate
    digits: int = 3
    factor: float = 1.0

    def __str__(self) -> str:
        found = self.estimate
        return with_interval(
            found.value, found.low, found.high, digits=self.digits, factor=self.factor
        )


@dataclass(frozen=True)
class Of:
    """A count out of a whole: `3 of 120`."""

    value: int
    whole: int

    def __str__(self) -> str:
        return f"{count(self.value)} of {count(self.whole)}"


# str: text. int: a count. Everything else says how it is written. None: an empty cell.
Cell = str | int | Estimate | Scaled | Number | Share | Seconds | Millions | PValue | Of | None


def cell_text(cell: Cell) -> str:
    """Return a cell as people read it: `0.982 (0.970-0.991)`, `5 232`, `3 min 20 s`."""
    if cell is None:
        return EMPTY
    if isinstance(cell, bool):
        raise TypeError("a cell holds words, not True or False")
    if isinstance(cell, int):
        return count(cell)
    return str(Scaled(cell)) if isinstance(cell, Estimate) else str(cell)


def cell_number(cell: Cell) -> float | None:
    """Return what a cell is sorted by; None for text and empty cells."""
    value = cell.estimate.value if isinstance(cell, Scaled) else getattr(cell, "value", cell)
    if isinstance(value, str) or is_missing(value) or not math.isfinite(value):
        return None
    return float(value)


def cell_parts(cell: Cell) -> dict[str, str | float | int | None]:
    """Return what a cell holds, unrounded, by what is added to its column's title.

    An estimate has a value under `""` and bounds under `low` and `high`; all in the unit that the
    column's title speaks of, or that is added to it.
    """
    factor = getattr(cell, "factor", 1.0)
    if isinstance(cell, Scaled):
        cell = cell.estimate
    if isinstance(cell, Of):
        return {"": cell.value, "of": cell.whole}
    if isinstance(cell, Seconds):
        return {"seconds": None if is_missing(cell.value) else cell.value}
    if isinstance(cell, Estimate):
        found = {"": cell.value, "low": cell.low, "high": cell.high}
    else:
        found = {"": getattr(cell, "value", cell)}
    return {name: _times(value, factor) for name, value in found.items()}


def _times(value: str | float | None, factor: float) -> str | float | int | None:
    if isinstance(value, str):
        return value
    if is_missing(value):
        return None
    # Twelve digits: 100 times 0.07 is 7.
    return value if factor == 1 else float(f"{value * factor:.12g}")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    name
        Letters, digits and _: its anchor in the page, and its file's name.
    title
        What it shows, in a few words: heading of its page in LaTeX, name of its file for people.
    rows
        A dict a row, columns by their titles; all rows have the same.
    notes
        Sentences below it.
    narrow
        Whether intervals stand below their figures, where there are many columns.
    styles
        A CSS class for each row (`best`, `baseline`), or nothing.
    aside
        Columns that the page shows only when asked to, so that the others stay on it; files have
        all of them.
    """

    name: str
    title: str
    rows: list[dict[str, Cell]]
    notes: tuple[str, ...] = ()
    narrow: bool = False
    styles: tuple[str, ...] = field(default=())
    aside: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Titles of the columns; none where there is no row."""
        return list(self.rows[0]) if self.rows else []

    @property
    def name_column(self) -> str | None:
        """The column that says what a row is about; None where that is no text."""
        first = next(iter(self.columns), "")
        found = "Run" if "Run" in self.columns else first
        return found if found and self.is_text(found) else None

    def is_text(self, column: str) -> bool:
        """Tell whether a column holds text, which is aligned left: in any of its cells."""
        return any(isinstance(row[column], str) for row in self.rows)
