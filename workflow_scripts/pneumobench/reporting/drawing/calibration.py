"""Reliability curves of all runs, small multiples: predicted probability, observed frequency."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.calibration import measured
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLUE,
    DARK_GREY,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    chance_line,
    name_above,
    new_figure,
    page_width,
    place_grid,
    wrapped,
    write_notes,
)
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.wording import percent
from pneumobench.reporting.words import Words

# Two runs beside each other need a page of so many inches.
_TWO = 6.4
_PANEL, _HEAD, _LEFT, _BELOW = 1.5, 0.38, 0.5, 0.4  # inches
_GAP = (0.2, 0.66)


def draw(inputs: FigureInputs) -> Figure:
    """Draw every run's reliability curve, before and after calibration.

    Two panels for each run in order of rank, out of fold at the left and test set at the right.
    """
    runs = inputs.json_of_runs("calibrations")
    notes = inputs.notes(*_explain(runs[0][1]))
    columns = 2 if page_width() >= _TWO else 1
    beside = min(columns, len(runs))
    rows = -(-len(runs) // beside)
    foot = _BELOW + NOTE_HEIGHT * len(notes) + 0.05
    height = _HEAD + rows * _PANEL + (rows - 1) * _GAP[1] + foot
    figure = new_figure(height, layout=None)
    grid = place_grid(figure, rows, 2 * columns, top=_HEAD, bottom=foot, left=_LEFT, gap=_GAP)
    panels = grid.reshape(-1, 2)
    # Bold letters are wider than they are measured.
    room = 0.85 * (page_width() - _LEFT) / columns
    for (row, content), pair in zip(runs, panels, strict=False):
        for axes, dataset in zip(pair, DATASET_TITLES, strict=True):
            _draw_panel(axes, content, dataset)
        name = wrapped(f"{row['rank']:.0f}  {row['label']}", room, 8, most=1)
        name_above(pair[0], name, 16, fontsize=8, fontweight="bold")
    for axes in panels[len(runs) :].ravel():
        axes.remove()
    _label(panels[: len(runs)], inputs.words, columns)
    write_notes(figure, notes)
    return figure


def _explain(content: dict[str, Any]) -> list[str]:
    confidence = percent(content["interval"]["confidence"])
    calibrated = content["calibration"] != "none"
    marks = (
        f"Filled: calibrated ({content['calibration']}), with {confidence} intervals of the share; "
        "hollow, dashed: before."
        if calibrated
        else f"Hollow, dashed: uncalibrated, with {confidence} intervals of the share."
    )
    return [
        f"{marks} Dotted: perfect calibration.",
        f"{content['binning']['bins']} bins of equally many images. Number: mean distance from the "
        f"observed share{', before and after' if calibrated else ''}.",
    ]


def _draw_panel(axes: Axes, content: dict[str, Any], dataset: str) -> None:
    chance_line(axes, (0, 1), (0, 1))
    points = pd.DataFrame(content["reliability"])
    points = points[points["dataset"] == dataset]
    stages = list(points["stage"].unique())
    for stage in stages:
        curve = points[points["stage"] == stage]
        before = stage == "before"
        x, y = curve["mean_probability"], curve["observed_share"]
        if stage == stages[-1]:
            # A percentile interval of a share may leave out the share itself where it is 0 or 1.
            reach = np.maximum([y - curve["low"], curve["high"] - y], 0)
            axes.errorbar(x, y, reach, fmt="none", ecolor=DARK_GREY, elinewidth=0.7, zorder=2)
        axes.plot(
            x, y, marker="o", markersize=3.6 if before else 3.4, linewidth=0.9,
            color=GREY if before else BLUE, linestyle=(0, (3, 1.5)) if before else "solid",
            markerfacecolor="white" if before else BLUE, markeredgewidth=0.8,
            zorder=3 if before else 4,
        )  # fmt: skip
    error = measured(content, dataset, "calibration_error")
    shift = " \N{RIGHTWARDS ARROW} ".join(f"{error[stage]['value']:.3f}" for stage in stages)
    axes.set_title(f"{DATASET_TITLES[dataset]}: {shift}", fontsize=7.5)
    axes.grid(color=LIGHT_GREY)
    ticks = np.linspace(0, 1, 5)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=ticks, yticks=ticks)
    axes.set_xticklabels(["0", "", "0.5", "", "1"])
    axes.set_yticklabels([])


def _label(panels: np.ndarray, words: Words, columns: int) -> None:
    """Name the axes once: at the left of each row and below each column."""
    # A panel is as wide as a short name.
    name = words.positive if len(words.positive) <= 18 else "the finding"
    for position, pair in enumerate(panels):
        if position % columns == 0:
            pair[0].set_ylabel(f"Share with {name}")
            pair[0].set_yticklabels(["0", "", "0.5", "", "1"])
        if position + columns >= len(panels):
            for axes in pair:
                axes.set_xlabel(f"Probability of {name}")
