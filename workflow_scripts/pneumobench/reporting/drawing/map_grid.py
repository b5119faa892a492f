"""Grids of small images: a column for each run, in blocks that stay legible, or a row for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    NOTE_HEIGHT,
    lines_height,
    new_figure,
    note_lines,
    page_width,
    wrapped,
    write_notes,
)
from pneumobench.reporting.explained import (
    SMALLEST_SIDE,
    ExplainedRun,
    cells_note,
    notes_without_maps,
    read_explained_runs,
)
from pneumobench.reporting.wording import listing

_COLUMNS = 8  # in a block, at 0.8 inch
_LARGEST_CELL, _TALLEST_BLOCK = 1.6, 9.0  # inches
_LEFT, _RIGHT, _GAP, _TITLE_LINE = 0.13, 0.08, 0.06, 0.125
FONT, _ROW_FONT = 6.5, 7.5
FINER = (
    f"Fewer than {SMALLEST_SIDE} x {SMALLEST_SIDE} cells say nothing about places inside a lung; "
    "larger images give finer maps."
)


@dataclass(frozen=True)
class Block:
    """Runs beside each other: their positions in the list of all, and their cells."""

    runs: range
    cells: np.ndarray  # Axes [rows, leading columns + runs]


def explained_of(
    inputs: FigureInputs, *, coarse: bool = False
) -> tuple[list[ExplainedRun], list[str]]:
    """Return the runs with maps in order of rank, and notes on the others for a figure's foot.

    Parameters
    ----------
    inputs
        What the figure is drawn of.
    coarse
        Whether runs belong to it whose maps have too few cells for any claim about places.
    """
    maps = inputs.all("maps")
    runs = read_explained_runs(inputs.comparison, inputs.all("explained"), maps)
    left_out = [] if coarse else [run for run in runs if run.coarse]
    notes = [*notes_without_maps(inputs.comparison, maps), *inputs.notes()]
    if left_out:
        names = [f"{run.label} ({cells_note(run.joint.shape[1:])})" for run in left_out]
        notes.insert(0, f"Maps too coarse to be drawn: {listing(names)}. {FINER}")
    return [run for run in runs if run not in left_out], notes


def figure_without_maps(notes: Sequence[str]) -> Figure:
    """Return a figure that says that there are no maps to draw, with notes at its foot."""
    notes = note_lines(notes)
    height = 0.45 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    figure.text(0.008, 1 - 0.1 / height, "There are no maps to draw.", va="top", fontsize=9)
    write_notes(figure, notes)
    return figure


def map_grid(
    titles: Sequence[str],
    row_names: Sequence[str],
    notes: Sequence[str],
    *,
    leading: int,
    captions: Sequence[str],
) -> tuple[Figure, list[Block]]:
    """Return a figure of empty square cells, runs as columns, with the titles on top.

    Parameters
    ----------
    titles
        Names of the runs; lines that are too long are broken, as are all other texts.
    row_names
        Names of the rows, written at their left.
    notes
        Lines at the foot.
    leading
        Columns before those of the runs, in every block.
    captions
        What is written below cells, or what takes as much room.
    """
    notes, most = note_lines(notes), _COLUMNS - leading
    count = -(-len(titles) // most)
    # Blocks of nearly equal numbers of runs: 13 become 7 and 6.
    per_block = -(-len(titles) // count)
    columns = per_block + leading
    # The widest that cells can be: what fits is found for it, or for a little less.
    names = [_row_name(name, _side(columns, len(row_names), 0.1, _LEFT)) for name in row_names]
    left = _LEFT + lines_height(names, _ROW_FONT)
    side = _side(columns, len(row_names), 0.1, left)
    caption = lines_height([_fitted(text, side) for text in captions], FONT) + 0.08
    side = _side(columns, len(row_names), caption, left)
    heads = [_fitted(title, side) for title in titles]
    head = max(title.count("\n") + 1 for title in heads) * _TITLE_LINE + 0.13
    block_height = head + len(row_names) * (side + caption)
    height = count * block_height + 0.1 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    blocks = []
    for block in range(count):
        runs = range(block * per_block, min((block + 1) * per_block, len(titles)))
        top = height - block * block_height - head
        cells = np.empty((len(row_names), leading + len(runs)), dtype=object)
        for row, column in np.ndindex(cells.shape):
            x = left + column * (side + _GAP)
            y = top - side - row * (side + caption)
            cells[row, column] = _cell(figure, x, y, side)
        for axes, run in zip(cells[0, leading:], runs, strict=True):
            write_title(axes, heads[run])
        for axes, name in zip(cells[:, 0], names, strict=True):
            axes.set_ylabel(name, fontsize=_ROW_FONT, labelpad=3)
        blocks.append(Block(runs, cells))
    write_notes(figure, notes)
    return figure, blocks


def map_rows(
    names: Sequence[str],
    columns: int,
    notes: Sequence[str],
    *,
    captions: Sequence[str],
    titles: Sequence[str] = (),
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
    captions, titles
        What is written below cells, and above them, below the name.
    """
    notes = note_lines(notes)
    room = page_width() - 2 * _RIGHT - (columns - 1) * _GAP
    side = min(room / columns, _LARGEST_CELL)
    lines = max((_fitted(text, side).count("\n") + 1 for text in titles), default=0)
    head = lines * _TITLE_LINE + 0.2
    caption = lines_height([_fitted(text, side) for text in captions], FONT) + 0.08
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
    axes.set_title(_fitted(text, _width(axes)), fontsize=FONT, loc="left", pad=2.5, linespacing=1.1)


def write_below(axes: Axes, text: str, **style: str) -> None:
    """Write below a cell."""
    axes.set_xlabel(
        _fitted(text, _width(axes)), fontsize=FONT, loc="left", labelpad=2, linespacing=1.1, **style
    )


def _width(axes: Axes) -> float:
    return axes.get_position().width * axes.get_figure().get_figwidth()


def _fitted(text: str, inches: float) -> str:
    """Break every line of a text to fit above or below a cell."""
    return "\n".join(wrapped(line, inches, FONT) for line in text.split("\n"))


def _row_name(text: str, side: float) -> str:
    return wrapped(text, side, _ROW_FONT, most=2)


def _side(columns: int, rows: int, caption: float, left: float) -> float:
    """Return the side of a cell in inches."""
    room = page_width() - left - _RIGHT - (columns - 1) * _GAP
    return min(room / columns, _LARGEST_CELL, _TALLEST_BLOCK / rows - caption)


def _cell(figure: Figure, x: float, y: float, side: float) -> Axes:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((x / width, y / height, side / width, side / height))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes
