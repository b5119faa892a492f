"""A legend that is a table: line sample, run, and the run's figures, across the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.reporting.drawing.style import (
    BLACK,
    DARK_GREY,
    LIGHT_GREY,
    NOTE_SIZE,
    PAGE_WIDTH,
    RunStyle,
    new_figure,
    page_width,
    text_width,
    wrapped,
)

ROW_HEIGHT = 0.17  # inches
_CELL_SIZE, _HEADER_SIZE = 7.5, 7  # points
# Shares of the table's width.
_SAMPLE_END, _LABEL_START = 0.055, 0.07
# Where the first column of figures begins, by the number of such columns, if there is room.
_FIRST_CELL = {2: 0.50, 3: 0.44}
# What axes above the table take at their sides, and the space between columns, in inches.
_SIDES, _GAP = 0.65, 0.1


@dataclass(frozen=True)
class LegendTable:
    """A table of runs that explains lines or discs.

    Attributes
    ----------
    headers
        Title of the column of runs, then of each column of figures.
    rows
        Style, label and cells of each run.
    notes
        Lines below the table, for instance the runs that are missing.
    badges
        Text of each run's badge, which then takes the place of its line sample.
    """

    headers: Sequence[str]
    rows: Sequence[tuple[RunStyle, str, Sequence[str]]]
    notes: Sequence[str] = ()
    badges: Sequence[str] = ()

    @property
    def height(self) -> float:
        """The height in inches that it needs."""
        return ROW_HEIGHT * self._lines

    def draw(self, axes: Axes) -> None:
        """Fill an axes as wide as the figure and as high as the table."""
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(self._lines, 0)
        places = [_LABEL_START, *self._columns]
        for x, header in zip(places, self._headers, strict=True):
            axes.text(x, 0.5 + self._raised / 2, header, fontsize=_HEADER_SIZE, color=DARK_GREY,
                      va="center")  # fmt: skip
        top = 1.6 + self._raised
        axes.add_line(Line2D([0, 1], [top - 0.6] * 2, color=LIGHT_GREY, linewidth=0.8))
        room = (self._columns[0] - _LABEL_START) * table_width() - _GAP / 2
        for position, (style, label, values) in enumerate(self.rows):
            y = top + position
            if self.badges:
                draw_badge(axes, _SAMPLE_END / 2, y, self.badges[position], style)
            else:
                _draw_sample(axes, y, style)
            name = wrapped(label, room, _CELL_SIZE, most=1)
            for x, text in zip(places, [name, *values], strict=True):
                axes.text(x, y, text, fontsize=_CELL_SIZE, color=BLACK, va="center")
        for position, note in enumerate(self.notes):
            y = top + len(self.rows) + position
            axes.text(0.004, y, note, fontsize=NOTE_SIZE, color=DARK_GREY, va="center")
        for text in axes.texts:
            # Letters at the border must not make the layout shrink the figure.
            text.set_in_layout(False)

    @cached_property
    def _columns(self) -> list[float]:
        """Where the columns of figures begin, as shares of the width."""
        whole, number = table_width(), len(self.headers) - 1
        first = _FIRST_CELL[number]
        cells = zip(*(values for _, _, values in self.rows), strict=True)
        needed = [
            _GAP + max(_widest(column), _widest(header.split(" ")))
            for column, header in zip(cells, self.headers[1:], strict=True)
        ]
        names = _widest([row[1] for row in self.rows]) + _GAP
        spare = (1 - first) * whole / number
        if max(needed) <= spare and names <= (first - _LABEL_START) * whole:
            return [first + column * (1 - first) / number for column in range(number)]
        starts = whole - np.cumsum(needed[::-1])[::-1]
        # What names leave free is shared out.
        free = max(0.0, starts[0] - _LABEL_START * whole - names)
        return list((starts - free * np.arange(number, 0, -1) / (number + 1)) / whole)

    @cached_property
    def _headers(self) -> list[str]:
        edges = [_LABEL_START, *self._columns, 1]
        rooms = np.diff(edges) * table_width() - _GAP / 2
        return [
            wrapped(header, room, _HEADER_SIZE)
            for header, room in zip(self.headers, rooms, strict=True)
        ]

    @property
    def _raised(self) -> float:
        """By how many rows the table is higher since headers are broken."""
        return 0.75 * max(header.count("\n") for header in self._headers)

    @property
    def _lines(self) -> float:
        return len(self.rows) + len(self.notes) + 1.4 + self._raised


def panels_above_table(
    heights: Sequence[float], table: LegendTable, **shared: bool
) -> tuple[Figure, np.ndarray]:
    """Return a figure of two columns of panels with a table below them, and the panels.

    Parameters
    ----------
    heights
        Height of each row of panels on a page of the usual width, in inches.
    table
        The table.
    shared
        `sharey`: whether the panels of a row have one vertical axis.
    """
    # Panels keep their shape on a narrow page.
    heights = [height * min(1, 0.2 + 0.8 * page_width() / PAGE_WIDTH) for height in heights]
    figure = new_figure(sum(heights) + table.height)
    grid = figure.add_gridspec(len(heights) + 1, 2, height_ratios=[*heights, table.height])
    panels = np.empty((len(heights), 2), dtype=object)
    for row, column in np.ndindex(panels.shape):
        beside = {"sharey": panels[row, 0]} if column and shared.get("sharey") else {}
        panels[row, column] = figure.add_subplot(grid[row, column], **beside)
    table.draw(figure.add_subplot(grid[-1, :]))
    return figure, panels


def panel_room() -> float:
    """Return about how wide one of two panels side by side is, in inches."""
    return page_width() / 2 - 0.54


def table_width() -> float:
    """Return how wide a table is, in inches."""
    return page_width() - _SIDES


def _widest(cells: Sequence[str]) -> float:
    return max(text_width(cell, _CELL_SIZE) for cell in cells)


def draw_badge(axes: Axes, x: float, y: float, text: str, style: RunStyle) -> None:
    """Draw a disc in the run's colour with its number, at a position in data coordinates."""
    axes.plot(
        x, y, marker="o", color=style.colour, markersize=10.5, markeredgecolor="white", zorder=3
    )
    axes.annotate(
        text, (x, y), ha="center", va="center_baseline", fontsize=6.5,
        color="black" if style.light else "white", zorder=3,
    )  # fmt: skip


def _draw_sample(axes: Axes, y: float, style: RunStyle) -> None:
    axes.plot(
        [0.004, _SAMPLE_END], [y, y],
        color=style.colour, linestyle=style.line, linewidth=1.6 if style.highlighted else 0.8,
    )  # fmt: skip
    axes.plot(
        _SAMPLE_END / 2, y,
        marker=style.marker, color=style.colour, markersize=5, markeredgecolor="white",
    )  # fmt: skip
