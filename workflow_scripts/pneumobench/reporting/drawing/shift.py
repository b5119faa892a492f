"""Scores of every run, ensemble and baseline on development and test images, class by class."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.rows import row_panels, span, write_right
from pneumobench.reporting.drawing.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    GREY,
    NOTE_HEIGHT,
    VERMILLION,
    legend_above,
    lines_height,
    page_width,
    text_width,
    wrapped,
)
from pneumobench.reporting.measures import RIGHT
from pneumobench.reporting.plain_text import shown
from pneumobench.reporting.shift import Shifted, name_scored

# Of a row's height: how far the two sets stand apart, and how thick their bars are.
_APART, _BAR = 0.2, 0.26
# The narrowest panel, in inches, and the letters above it, in points.
_PANEL, _TITLE, _SCALE = 1.15, 9, 8
_MARKS = {"out_of_fold": (BLUE, "o"), "test": (VERMILLION, "s")}


def draw(inputs: FigureInputs) -> Figure:
    """Draw where the scores of either class lie on both data sets.

    Rows: runs in order of rank, then ensembles, then baselines. Panels: the two classes. In each
    row the upper bar is development (out of fold), the lower one the test set.
    """
    rows = name_scored(inputs.json("shift")["scored"], inputs.comparison)
    notes = inputs.notes(
        "Line: 5 to 95 % of the images; bar: 25 to 75 %; mark: median. Numbers: development, then "
        "test set."
    )
    titles = [wrapped(inputs.words.name(name.capitalize()), _PANEL, _TITLE) for name in RIGHT]
    scale = wrapped(
        "Distance from the frozen threshold, in standard deviations of the development scores",
        page_width() - 2.2, _SCALE,
    )  # fmt: skip
    threshold = f"frozen threshold: {shown(inputs.words.positive, 24)} to the right"
    legend = ["development, out of fold", "test set", threshold]
    figure, panels = row_panels(
        [row.label for row in rows], len(RIGHT), notes,
        legend=legend, row=0.3, head=0.35 + lines_height(titles, _TITLE),
        foot=0.28 + lines_height([scale], _SCALE),        numbers=0.92, gap=0.12,
    )  # fmt: skip
    for axes, title, (label, metric) in zip(panels, titles, RIGHT.items(), strict=True):
        _draw_panel(axes, rows, label, metric)
        axes.set_title(title, pad=4, fontsize=_TITLE)
    half = max(text_width(line, _SCALE) for line in scale.split("\n")) / 2 + 0.05
    middle = min((panels[0].get_position().x0 + 1) / 2, 1 - half / page_width())
    bottom = (NOTE_HEIGHT * len(notes) + 0.08) / figure.get_figheight()
    figure.text(middle, bottom, scale, ha="center", va="bottom", fontsize=_SCALE)
    samples = [
        Line2D([], [], color=BLUE, marker="o", markeredgecolor=BLACK, markersize=4.5),
        Line2D([], [], color=VERMILLION, marker="s", markerfacecolor="white", markersize=4.5),
        Line2D([], [], color=GREY, linestyle=(0, (4, 2))),
    ]
    legend_above(figure, samples, legend)
    return figure


def _draw_panel(axes: Axes, rows: list[Shifted], label: str, metric: str) -> None:
    axes.axvline(0, color=DARK_GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    reach = [0.0]
    for row, shifted in enumerate(rows):
        for dataset, side in (("out_of_fold", -1), ("test", 1)):
            quantiles = shifted.distribution(dataset, label)
            _draw_distribution(axes, row + side * _APART, quantiles, *_MARKS[dataset])
            reach += quantiles
        numbers = shifted.transfer(metric)
        values = [numbers[dataset]["value"] for dataset in _MARKS]
        write_right(axes, row, " \N{RIGHTWARDS ARROW} ".join(f"{value:.2f}" for value in values))
    span(axes, reach)
    axes.annotate(
        metric, (1, 1), (5, 4), xycoords="axes fraction", textcoords="offset points", fontsize=7.5,
        color=DARK_GREY, va="bottom",
    )  # fmt: skip


def _draw_distribution(
    axes: Axes, y: float, quantiles: list[float], colour: str, marker: str
) -> None:
    lowest, lower, median, upper, highest = np.asarray(quantiles)
    axes.plot([lowest, highest], [y, y], color=colour, linewidth=1, zorder=2)
    axes.barh(y, upper - lower, _BAR, left=lower, color=colour, alpha=0.45, zorder=2)
    axes.plot(
        median, y, marker=marker, color=colour if marker == "o" else "white",
        markeredgecolor=colour if marker == "s" else BLACK, markeredgewidth=0.8, markersize=4.2,
        linestyle="none", zorder=3,
    )  # fmt: skip
