"""Specificity and sensitivity of every run under every corruption, as numbers on blue."""

import math

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLACK,
    NOTE_HEIGHT,
    luminance,
    new_figure,
    page_width,
    stand_between,
    text_width,
    wrapped,
    write_notes,
)
from pneumobench.reporting.robustness import at_strength, read_robustness, strengths_of
from pneumobench.statistics.robustness import WORST

# One hue whose luminance rises steadily: in grey the same order.
_COLOURS = "Blues_r"
_ROW, _TALL_ROW, _HEAD, _RIGHT, _BELOW = 0.22, 0.29, 0.95, 0.35, 0.15  # inches
# Letters of names, in points, a column that is still legible, and one with room for the zero of
# 0.98, in inches.
_NAME, _NARROWEST, _SHORT = 7.5, 0.19, 0.3
# Clean images stand apart from corrupted ones, by this share of a column.
_APART = 0.25


def draw(inputs: FigureInputs) -> Figure:
    """Draw specificity and sensitivity of every run under every corruption.

    Rows: runs in order of rank. Columns: the clean images, then the corruptions. One panel for each
    strength and metric; darker is lower, on one scale. A frame marks a run's worst of a panel.
    """
    runs = read_robustness(inputs.comparison, inputs.all("robustness"))
    panels = [
        (f"{metric.capitalize()}, strength {strength}", _values(runs, metric, strength))
        for strength in strengths_of(runs[0][1])
        for metric in WORST
    ]
    lines = "\n".join(panels[0][1].index).split("\n")
    left = max(text_width(line, _NAME) for line in lines) + 0.15
    lowest = min(values.to_numpy().min() for _, values in panels)
    # Never so narrow a scale that small differences look large.
    lowest_shown = math.floor(10 * min(lowest, 0.8)) / 10
    notes = inputs.notes(
        "Out-of-fold images of all folds, each fold at its frozen threshold. Frame: the worst of a "
        "run.",
        f"Darker: lower, from 1 to {lowest_shown:.1f}. Intervals stand in robustness.csv.",
    )
    # A column in inches.
    step = (page_width() - _RIGHT - left) / (panels[0][1].shape[1] + _APART)
    row = _ROW if len(lines) == len(runs) else _TALL_ROW
    panel_height = _HEAD + len(runs) * row + _BELOW
    height = len(panels) * panel_height + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    for position, (title, values) in enumerate(panels):
        top = 1 - position * panel_height / height
        bottom = top - (panel_height - _BELOW) / height
        axes = figure.add_axes((0, bottom, 1, len(runs) * row / height))
        _draw_cells(axes, values, lowest_shown, short=step < _SHORT)
        figure.text(0.008, top - 0.05 / height, title, va="top", fontsize=9)
    for axes in figure.axes:
        stand_between(axes, left, _RIGHT)
    write_notes(figure, notes)
    return figure


def _values(runs: list[tuple[pd.Series, pd.DataFrame]], metric: str, strength: int) -> pd.DataFrame:
    """Return a metric of one strength, a row for each run, a column for each corruption."""
    found = {
        f"{row['rank']:.0f}  {row['label']}": at_strength(table, strength)[metric]
        for row, table in runs
    }
    values = pd.DataFrame(found).T
    room = page_width() - _RIGHT - 0.15 - values.shape[1] * _NARROWEST
    values.index = [wrapped(name, room, _NAME, most=2) for name in values.index]
    return values


def _draw_cells(axes: Axes, values: pd.DataFrame, lowest_shown: float, *, short: bool) -> None:
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
                place, row, _number(number, short=short), ha="center", va="center_baseline",
                fontsize=6 if short else 6.5,
                color=BLACK if luminance(colour[:3]) > 0.35 else "white",
                fontweight="bold" if framed else "normal",
            )  # fmt: skip
    axes.set_xlim(-0.5 - _APART, places[-1] + 0.5)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xticks(places, values.columns, rotation=40, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(values)), values.index)
    axes.tick_params(length=0, pad=3, labelsize=_NAME)
    axes.spines[:].set_visible(False)


def _number(value: float, *, short: bool) -> str:
    """Return a share with two digits; short: without what every other number has in common."""
    text = f"{value:.2f}"
    return {"1.00": "1"}.get(text, text.removeprefix("0")) if short else text
