"""Runs against corruptions: what is left of specificity and sensitivity, as numbers on grey."""

import math
from collections.abc import Iterable
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_table
from pneumobench.reporting.inputs import (
    drawn_comparison,
    files_by_run,
    missing_notes,
    paths_in_order,
)
from pneumobench.reporting.style import (
    BLACK,
    NOTE_HEIGHT,
    PAGE_WIDTH,
    luminance,
    new_figure,
    save_figure,
    styled,
    write_notes,
)
from pneumobench.statistics.robustness import WORST

AS_IT_IS = "as it is"
# One hue whose luminance rises steadily: in grey the same order.
_COLOURS = "Blues_r"
_ROW, _HEAD, _RIGHT, _BELOW = 0.22, 0.95, 0.35, 0.15  # inches
# The radiographs as they are stand apart from what is done to them, by this share of a column.
_APART = 0.25


@styled()
def plot_robustness(tables: Iterable[str | Path], comparison: str | Path, stem: str | Path) -> None:
    """Draw specificity and sensitivity of every run under every corruption.

    Saved as `stem`.png and `stem`.pdf. Rows: runs in order of rank. Columns: the images as they are,
    then the corruptions. One panel for each strength and metric; darker is lower, on one scale. A
    frame marks a run's worst of a panel.

    Parameters
    ----------
    tables
        robustness.csv of the runs.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    ranked = drawn_comparison(comparison)
    runs = read_robustness(ranked, tables)
    panels = [
        (f"{metric.capitalize()}, strength {strength}", _values(runs, metric, strength))
        for strength in strengths_of(runs[0][1])
        for metric in WORST
    ]
    lowest = min(values.to_numpy().min() for _, values in panels)
    # Never so narrow a scale that small differences look large.
    lowest_shown = math.floor(10 * min(lowest, 0.8)) / 10
    notes = [
        "Out-of-fold images of all folds, each cut at the frozen threshold of its fold. Frame: the "
        "worst of a run.",
        f"Darker: lower, from 1 to {lowest_shown:.1f}. Intervals stand in robustness.csv.",
        *missing_notes(ranked),
    ]
    panel_height = _HEAD + len(runs) * _ROW + _BELOW
    height = len(panels) * panel_height + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    for position, (title, values) in enumerate(panels):
        top = 1 - position * panel_height / height
        bottom = top - (panel_height - _BELOW) / height
        axes = figure.add_axes((0, bottom, 1, len(runs) * _ROW / height))
        _draw_cells(axes, values, lowest_shown)
        figure.text(0.008, top - 0.05 / height, title, va="top", fontsize=9)
    _fit_width(figure)
    write_notes(figure, notes)
    save_figure(figure, stem)


def read_robustness(
    comparison: pd.DataFrame, tables: Iterable[str | Path]
) -> list[tuple[pd.Series, pd.DataFrame]]:
    """Read robustness.csv of all runs.

    Returns
    -------
    list of tuple
        In order of rank each run's row of the comparison and its table.
    """
    return [
        (row, read_table(path, text=("model", "recipe", "corruption")))
        for row, (path,) in paths_in_order(comparison, files_by_run(tables, depth=1))
    ]


def strengths_of(table: pd.DataFrame) -> list[int]:
    """Return the strengths of robustness.csv in their order; that of images as they are is none."""
    return [int(strength) for strength in table["strength"].unique() if strength]


def at_strength(table: pd.DataFrame, strength: int) -> pd.DataFrame:
    """Return the rows of robustness.csv at one strength, the images as they are first, by title."""
    titles = {"none": AS_IT_IS} | {name: kind.title for name, kind in CORRUPTIONS.items()}
    rows = table[table["strength"].isin((0, strength))]
    return rows.assign(title=rows["corruption"].map(titles)).set_index("title")


def _values(runs: list[tuple[pd.Series, pd.DataFrame]], metric: str, strength: int) -> pd.DataFrame:
    """Return a metric of one strength, a row for each run, a column for each corruption."""
    found = {
        f"{row['rank']:.0f}  {row['label']}": at_strength(table, strength)[metric]
        for row, table in runs
    }
    return pd.DataFrame(found).T


def _draw_cells(axes: Axes, values: pd.DataFrame, lowest_shown: float) -> None:
    colours = matplotlib.colormaps[_COLOURS]
    places = [-_APART, *range(1, values.shape[1])]
    for row, numbers in enumerate(values.to_numpy()):
        worst = 1 + numbers[1:].argmin()
        for column, (place, number) in enumerate(zip(places, numbers, strict=True)):
            colour = colours((number - lowest_shown) / (1 - lowest_shown))
            framed = column == worst
            axes.add_patch(
                Rectangle(
                    (place - 0.46, row - 0.42), 0.92, 0.84, facecolor=colour,
                    edgecolor=BLACK if framed else "none", linewidth=1.4,
                )
            )  # fmt: skip
            axes.text(
                place, row, f"{number:.2f}", ha="center", va="center_baseline", fontsize=6.5,
                color=BLACK if luminance(colour[:3]) > 0.35 else "white",
                fontweight="bold" if framed else "normal",
            )  # fmt: skip
    axes.set_xlim(-0.5 - _APART, places[-1] + 0.5)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xticks(places, values.columns, rotation=40, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(values)), values.index)
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)


def _fit_width(figure: Figure) -> None:
    """Leave the names of the runs as much room as the longest needs, the cells the rest."""
    renderer = figure.canvas.get_renderer()
    widths = [
        label.get_window_extent(renderer).width
        for axes in figure.axes
        for label in axes.get_yticklabels()
    ]
    left = max(widths) / figure.dpi + 0.15
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position(
            (left / PAGE_WIDTH, box.y0, (PAGE_WIDTH - left - _RIGHT) / PAGE_WIDTH, box.height)
        )
