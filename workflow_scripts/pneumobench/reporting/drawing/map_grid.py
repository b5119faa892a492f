"""Grids of small images: a column for each run, in blocks that stay legible, or a row for each."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import NOTE_HEIGHT, new_figure, page_width, write_notes
from pneumobench.reporting.explained import (
    ExplainedRun,
    notes_without_maps,
    read_explained_runs,
)

_COLUMNS = 8  # in a block, at 0.8 inch
_LARGEST_CELL, _TALLEST_BLOCK = 1.6, 9.0  # inches
_LEFT, _RIGHT, _GAP, _TITLE_LINE = 0.25, 0.08, 0.06, 0.125
FONT = 6.5


@dataclass(frozen=True)
class Block:
    """Runs beside each other: their positions in the list of all, and their cells."""

    runs: range
    cells: np.ndarray  # Axes [rows, leading columns + runs]


def explained_of(inputs: FigureInputs) -> tuple[list[ExplainedRun], list[str]]:
    """Return the runs with maps in order of rank, and lines on the others for a figure's foot."""
    maps = inputs.all("maps")
    runs = read_explained_runs(inputs.comparison, inputs.all("explained"), maps)
    return runs, [*notes_without_maps(inputs.comparison, maps), *inputs.notes()]


def figure_without_maps(notes: Sequence[str]) -> Figure:
    """Return a figure that says that there are no maps, with lines at its foot."""
    height = 0.45 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    figure.text(0.008, 1 - 0.1 / height, "No maps are available.", va="top", fontsize=9)
    write_notes(figure, notes)
    return figure


def map_grid(
    titles: Sequence[str],
    row_names: Sequence[str],
    notes: Sequence[str],
    *,
    leading: int,
    caption: float,
) -> tuple[Figure, list[Block]]:
    """Return a figure of empty square cells, runs as columns, with the titles on top.

    Parameters
    ----------
    titles
        Names of the runs; lines that are too long are broken.
    row_names
        Names of the rows, written at their left.
    notes
        Lines at the foot.
    leading
        Columns before those of the runs, in every block.
    caption
        Space below each cell in inches.
    """
    most = _COLUMNS - leading
    count = -(-len(titles) // most)
    # Blocks of nearly equal numbers of runs: 13 become 7 and 6.
    per_block = -(-len(titles) // count)
    columns = per_block + leading
    room = page_width() - _LEFT - _RIGHT - (columns - 1) * _GAP
    side = min(room / columns, _LARGEST_CELL, _TALLEST_BLOCK / len(row_names) - caption)
    letters = int(side / 0.056)
    names = [
        [
            part
            for line in title.split("\n")
            for part in textwrap.wrap(line, letters, break_on_hyphens=False)
        ]
        for title in titles
    ]
    lines = max(map(len, names))
    head = lines * _TITLE_LINE + 0.13
    block_height = head + len(row_names) * (side + caption)
    height = count * block_height + 0.1 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    blocks = []
    for block in range(count):
        runs = range(block * per_block, min((block + 1) * per_block, len(titles)))
        top = height - block * block_height - head
        cells = np.empty((len(row_names), leading + len(runs)), dtype=object)
        for row, column in np.ndindex(cells.shape):
            x = _LEFT + column * (side + _GAP)
            y = top - side - row * (side + caption)
            cells[row, column] = _cell(figure, x, y, side)
        for axes, run in zip(cells[0, leading:], runs, strict=True):
            write_title(axes, "\n".join(names[run]))
        for axes, name in zip(cells[:, 0], row_names, strict=True):
            axes.set_ylabel(name, fontsize=7.5, labelpad=3)
        blocks.append(Block(runs, cells))
    write_notes(figure, notes)
    return figure, blocks


def map_rows(
    names: Sequence[str],
    columns: int,
    notes: Sequence[str],
    *,
    title_lines: int,
    caption_lines: int,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of empty square cells, a row for each run, with its name above the row.

    Parameters
    ----------
    names
        Names of the runs.
    columns
        Cells in every row.
    notes
        Lines at the foot.
    title_lines
        Lines that are written above each cell, below the name.
    caption_lines
        Lines that are written below each cell.
    """
    room = page_width() - 2 * _RIGHT - (columns - 1) * _GAP
    side = min(room / columns, _LARGEST_CELL)
    head, caption = title_lines * _TITLE_LINE + 0.2, caption_lines * _TITLE_LINE + 0.075
    height = len(names) * (head + side + caption) + 0.1 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    rows = []
    for row, name in enumerate(names):
        top = height - row * (head + side + caption)
        x = _RIGHT / figure.get_size_inches()[0]
        figure.text(x, (top - 0.05) / height, name, va="top", fontweight="bold")
        bottom = top - head - side
        rows.append(
            [_cell(figure, _RIGHT + n * (side + _GAP), bottom, side) for n in range(columns)]
        )
    write_notes(figure, notes)
    return figure, rows


def draw_radiograph(axes: Axes, radiograph: np.ndarray) -> None:
    """Draw a radiograph, uint8 [S, S]."""
    axes.imshow(radiograph, cmap="gray", vmin=0, vmax=255)


def write_title(axes: Axes, text: str) -> None:
    """Write above a cell."""
    axes.set_title(text, fontsize=FONT, loc="left", pad=2.5, linespacing=1.1)


def write_below(axes: Axes, text: str, **style: str) -> None:
    """Write below a cell."""
    axes.set_xlabel(text, fontsize=FONT, loc="left", labelpad=2, linespacing=1.1, **style)


def _cell(figure: Figure, x: float, y: float, side: float) -> Axes:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((x / width, y / height, side / width, side / height))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes
