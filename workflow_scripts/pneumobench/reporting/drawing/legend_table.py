"""A legend that is a table: line sample, run, and the run's figures, across the page."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.reporting.drawing.style import (
    BLACK,
    DARK_GREY,
    LIGHT_GREY,
    RunStyle,
    new_figure,
)

ROW_HEIGHT = 0.17  # inches
_SAMPLE_END, _LABEL_START = 0.055, 0.07
# Where the first column of figures begins, by the number of such columns.
_FIRST_CELL = {2: 0.50, 3: 0.44}


def legend_height(rows: int, notes: int = 0) -> float:
    """Return the height in inches that a table of so many rows and notes needs."""
    return ROW_HEIGHT * (rows + notes + 1.4)


def panels_above_table(
    heights: Sequence[float], rows: int, notes: int, **shared: bool
) -> tuple[Figure, np.ndarray, Axes]:
    """Return a figure of two columns of panels, the panels, and an axes for a table below them.

    Parameters
    ----------
    heights
        Height of each row of panels in inches.
    rows, notes
        Rows of the table and lines below it.
    shared
        `sharey`: whether the panels of a row have one vertical axis.
    """
    below = legend_height(rows, notes)
    figure = new_figure(sum(heights) + below)
    grid = figure.add_gridspec(len(heights) + 1, 2, height_ratios=[*heights, below])
    panels = np.empty((len(heights), 2), dtype=object)
    for row, column in np.ndindex(panels.shape):
        beside = {"sharey": panels[row, 0]} if column and shared.get("sharey") else {}
        panels[row, column] = figure.add_subplot(grid[row, column], **beside)
    return figure, panels, figure.add_subplot(grid[-1, :])


def draw_legend_table(
    axes: Axes,
    headers: Sequence[str],
    rows: Sequence[tuple[RunStyle, str, Sequence[str]]],
    notes: Sequence[str] = (),
    badges: Sequence[str] = (),
) -> None:
    """Fill an axes with a legend table.

    Parameters
    ----------
    axes
        An axes as wide as the figure and `legend_height` high.
    headers
        Title of the column of runs, then of each column of figures.
    rows
        Style, label and cells of each run.
    notes
        Lines below the table, for instance the runs that are missing.
    badges
        Text of each run's badge, which then takes the place of its line sample.
    """
    lines = len(rows) + len(notes) + 1.4
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(lines, 0)
    first_cell = _FIRST_CELL[len(headers) - 1]
    width = (1 - first_cell) / (len(headers) - 1)
    for column, header in enumerate(headers):
        x = _LABEL_START if column == 0 else first_cell + (column - 1) * width
        axes.text(x, 0.5, header, fontsize=7, color=DARK_GREY, va="center")
    axes.add_line(Line2D([0, 1], [1.0, 1.0], color=LIGHT_GREY, linewidth=0.8))
    for position, (style, label, values) in enumerate(rows):
        y = 1.6 + position
        if badges:
            draw_badge(axes, _SAMPLE_END / 2, y, badges[position], style)
        else:
            _draw_sample(axes, y, style)
        axes.text(_LABEL_START, y, label, fontsize=7.5, color=BLACK, va="center")
        for column, value in enumerate(values):
            axes.text(first_cell + column * width, y, value, fontsize=7.5, va="center")
    for position, note in enumerate(notes):
        y = 1.6 + len(rows) + position
        axes.text(0.004, y, note, fontsize=7, color=DARK_GREY, va="center")
    for text in axes.texts:
        # Long names may reach beyond their column; the layout must not shrink the figure for them.
        text.set_in_layout(False)


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
