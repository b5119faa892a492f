"""Confusion matrices of all runs."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from pneumobench.reporting.inputs import (
    DATASET_TITLES,
    complete_runs,
    confusion_counts,
    drawn_comparison,
    missing_notes,
    read_metrics,
)
from pneumobench.reporting.style import (
    NOTE_HEIGHT,
    luminance,
    new_figure,
    place_grid,
    save_figure,
    styled,
    write_notes,
)
from pneumobench.reporting.wording import count, percent

_RUNS_PER_ROW = 2
_ROW_HEIGHT = 1.95


@styled()
def plot_confusion(metrics: Iterable[str | Path], comparison: str | Path, stem: str | Path) -> None:
    """Draw two confusion matrices of every run, out-of-fold and test, as `stem`.png and `stem`.pdf.

    Rows are the reference standard, columns what the model says at the out-of-fold threshold. A
    cell gives the number of images and its share of the row; the shade follows the share, so that
    the two classes can be compared although one has more images.

    Parameters
    ----------
    metrics
        metrics.json of every complete run.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    table = drawn_comparison(comparison)
    by_folder = read_metrics(metrics)
    rows = [
        (row["label"], by_folder[row["run"].folder])
        for _, row in complete_runs(table).iterrows()
        if row["run"].folder in by_folder
    ]
    notes = [
        "Rows: reference standard, each 100 %. Columns: decision at the out-of-fold threshold.",
        "Out-of-fold: all folds together. Test set: mean prediction of the fold models.",
        *missing_notes(table),
    ]
    grid_rows = -(-len(rows) // _RUNS_PER_ROW)
    bottom = 0.35 + NOTE_HEIGHT * len(notes)
    figure = new_figure(grid_rows * _ROW_HEIGHT + bottom, layout=None)
    panels = place_grid(
        figure, grid_rows, 2 * _RUNS_PER_ROW, top=0.5, bottom=bottom, left=0.35, gap=(0.32, 0.82)
    ).reshape(-1, 2)
    for pair, (label, content) in zip(panels, rows, strict=False):
        for axes, dataset in zip(pair, DATASET_TITLES, strict=True):
            _draw_matrix(axes, confusion_counts(content, dataset), DATASET_TITLES[dataset])
        pair[0].annotate(
            label,
            (0, 1),
            (0, 19),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8.5,
        )
        pair[0].set_ylabel("reference", fontsize=7)
    for axes in panels[len(rows) :].flat:
        axes.set_axis_off()
    write_notes(figure, notes)
    save_figure(figure, stem)


def _draw_matrix(axes: Axes, counts: dict[str, int], title: str) -> None:
    cells = np.array(list(counts.values()), dtype=float).reshape(2, 2)
    totals = cells.sum(axis=1, keepdims=True)
    share = np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)
    colours = matplotlib.colormaps["Blues"]
    axes.imshow(share, cmap=colours, vmin=0, vmax=1.15, aspect="auto")
    for (row, column), value in np.ndenumerate(cells):
        dark = luminance(colours(share[row, column] / 1.15)) < 0.3
        axes.text(
            column, row, f"{count(value)}\n{percent(share[row, column], 1)}",
            ha="center", va="center", fontsize=8, color="white" if dark else "black",
        )  # fmt: skip
    axes.set_title(f"{title}, n = {count(cells.sum())}", fontsize=7.5)
    axes.set_xticks([0, 1], ["normal", "pneumonia"])
    axes.set_yticks([0, 1], ["normal", "pneumonia"], rotation=90, va="center")
    axes.tick_params(length=0, labelsize=7)
    axes.set_xlabel("decision", fontsize=7, labelpad=2)
    axes.spines[:].set_visible(False)
    axes.set_xticks([0.5], minor=True)
    axes.set_yticks([0.5], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
