"""Confusion matrices of all runs."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.matrix import draw_matrix
from pneumobench.reporting.drawing.style import (
    NOTE_HEIGHT,
    class_label,
    lines_height,
    name_above,
    new_figure,
    page_width,
    place_grid,
    wrapped,
    write_notes,
)
from pneumobench.reporting.inputs import DATASET_TITLES, confusion_counts, read_metrics
from pneumobench.reporting.words import USUAL

# Two runs beside each other need a page of so many inches.
_TWO = 5.9
_PANEL, _HEAD, _LABEL = 1.2, 0.5, 7  # inches, inches, points
# What stands at the left of a panel and below it, beside the names of the classes, and
# between the two panels of a run.
_LEFT, _BELOW, _INSIDE = 0.25, 0.22, 0.15  # inches


def draw(inputs: FigureInputs) -> Figure:
    """Draw two confusion matrices of every run, out-of-fold and test.

    Rows are the reference standard, columns what the model says at the out-of-fold threshold. A
    cell gives the number of images and its share of the row.
    """
    by_folder = read_metrics(inputs.all("metrics"))
    rows = [
        (row["label"], by_folder[row["run"].folder])
        for _, row in inputs.complete.iterrows()
        if row["run"].folder in by_folder
    ]
    notes = inputs.notes(
        "Rows: reference standard, each 100 %. Columns: decision at the out-of-fold threshold.",
        "Out-of-fold: all folds together. Test set: mean prediction of the fold models.",
    )
    # The columns of a panel are as wide as its rows are high, or a little wider.
    names = [
        wrapped(class_label(inputs.words, label), _PANEL / 2, _LABEL, most=4)
        for label in reversed(USUAL)
    ]
    beside = 2 if page_width() >= _TWO else 1
    grid_rows = -(-len(rows) // beside)
    lines = lines_height(names, _LABEL)
    bottom = lines + _BELOW + 0.05 + NOTE_HEIGHT * len(notes)
    between = _HEAD + lines + _BELOW
    height = grid_rows * _PANEL + (grid_rows - 1) * between + _HEAD + bottom
    figure = new_figure(height, layout=None)
    left = _LEFT + lines
    # The two panels of a run stand close together: one name of each row is enough.
    gap = (2 * _INSIDE + left) / 3 if beside == 2 else _INSIDE
    shifts = (0, _INSIDE - gap, _INSIDE + left - 2 * gap, 0) if beside == 2 else (0, 0)
    grid = place_grid(
        figure, grid_rows, 2 * beside, top=_HEAD, bottom=bottom, left=left, gap=(gap, between)
    )
    for column, shift in enumerate(shifts):
        for axes in grid[:, column]:
            box = axes.get_position()
            axes.set_position((box.x0 + shift / page_width(), box.y0, box.width, box.height))
    panels = grid.reshape(-1, 2)
    for pair, (label, content) in zip(panels, rows, strict=False):
        for axes, (dataset, title) in zip(pair, DATASET_TITLES.items(), strict=True):
            _draw_matrix(axes, confusion_counts(content, dataset), title, names)
        pair[1].set_yticklabels([])
        room = page_width() / beside - _LEFT - lines
        name_above(pair[0], wrapped(label, room, 8.5, most=1), 19, fontsize=8.5)
        pair[0].set_ylabel("reference", fontsize=_LABEL, labelpad=2)
    for axes in panels[len(rows) :].flat:
        axes.set_axis_off()
    write_notes(figure, notes)
    return figure


def _draw_matrix(axes: Axes, counts: dict[str, int], title: str, names: list[str]) -> None:
    cells = np.array(list(counts.values()), dtype=float).reshape(2, 2)
    draw_matrix(axes, cells, title, digits=1, size=8)
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.tick_params(length=0, labelsize=_LABEL)
    axes.set_xlabel("decision", fontsize=_LABEL, labelpad=2)
    axes.set_xticks([0.5], minor=True)
    axes.set_yticks([0.5], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
