"""Confusion matrices of all runs."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.matrix import draw_matrix
from pneumobench.reporting.drawing.style import (
    NOTE_HEIGHT,
    class_label,
    name_above,
    new_figure,
    place_grid,
    write_notes,
)
from pneumobench.reporting.inputs import DATASET_TITLES, confusion_counts, read_metrics
from pneumobench.reporting.words import USUAL

_RUNS_PER_ROW = 2
_ROW_HEIGHT = 1.95


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
    names = [class_label(inputs.words, label) for label in reversed(USUAL)]
    grid_rows = -(-len(rows) // _RUNS_PER_ROW)
    bottom = 0.35 + NOTE_HEIGHT * len(notes)
    figure = new_figure(grid_rows * _ROW_HEIGHT + bottom, layout=None)
    panels = place_grid(
        figure, grid_rows, 2 * _RUNS_PER_ROW, top=0.5, bottom=bottom, left=0.35, gap=(0.32, 0.82)
    ).reshape(-1, 2)
    for pair, (label, content) in zip(panels, rows, strict=False):
        for axes, (dataset, title) in zip(pair, DATASET_TITLES.items(), strict=True):
            _draw_matrix(axes, confusion_counts(content, dataset), title, names)
        name_above(pair[0], label, 19, fontsize=8.5)
        pair[0].set_ylabel("reference", fontsize=7)
    for axes in panels[len(rows) :].flat:
        axes.set_axis_off()
    write_notes(figure, notes)
    return figure


def _draw_matrix(axes: Axes, counts: dict[str, int], title: str, names: list[str]) -> None:
    cells = np.array(list(counts.values()), dtype=float).reshape(2, 2)
    draw_matrix(axes, cells, title, digits=1, size=8)
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.tick_params(length=0, labelsize=7)
    axes.set_xlabel("decision", fontsize=7, labelpad=2)
    axes.set_xticks([0.5], minor=True)
    axes.set_yticks([0.5], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
