"""Scores of every run, ensemble and baseline on development and test images, class by class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.baselines import baseline_label
from pneumobench.reporting.ensembles import ensemble_label
from pneumobench.reporting.inputs import complete_runs, drawn_comparison, missing_notes
from pneumobench.reporting.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    PAGE_WIDTH,
    VERMILLION,
    new_figure,
    save_figure,
    styled,
    write_notes,
)

# What a class's images are called right by: above the line for pneumonia, below for normal.
CLASSES = {"normal": "specificity", "pneumonia": "sensitivity"}
_ROW, _HEAD, _FOOT = 0.3, 0.5, 0.42  # inches
_NUMBERS, _GAP = 0.92, 0.12  # inches: room for the numbers right of a panel, and between panels
# Of a row's height: how far the two sets stand apart, and how thick their bars are.
_APART, _BAR = 0.2, 0.26
_MARKS = {"out_of_fold": (BLUE, "o"), "test": (VERMILLION, "s")}


@dataclass(frozen=True)
class Shifted:
    """One run, ensemble or baseline, under its name for people."""

    label: str
    record: dict[str, Any]

    def distribution(self, dataset: str, label: str) -> list[float]:
        """Return the quantiles in standard deviations of the development scores."""
        (found,) = [
            part for part in self.record["distributions"]
            if (part["dataset"], part["label"]) == (dataset, label)
        ]  # fmt: skip
        # Scores that are all equal have no spread: they lie where they lie.
        scale = self.record["standard_deviation"] or 1.0
        return [quantile["value"] / scale for quantile in found["quantiles"]]

    def transfer(self, metric: str) -> dict[str, Any]:
        """Return a metric on both sets."""
        (found,) = [part for part in self.record["transfer"] if part["metric"] == metric]
        return found


def name_scored(scored: list[dict[str, Any]], comparison: pd.DataFrame) -> list[Shifted]:
    """Return the runs in order of rank, then the ensembles, then the baselines.

    Parameters
    ----------
    scored
        Records of runs (`model`, `recipe`, `seed`), of ensembles (`ensemble`), of baselines (`baseline`).
    comparison
        From `inputs.drawn_comparison`.
    """
    runs = {_run_of(record): record for record in scored if "model" in record}
    found = [
        Shifted(f"{row['rank']:.0f}  {row['label']}", runs[row["run"]])
        for _, row in complete_runs(comparison).iterrows()
        if row["run"] in runs
    ]
    return found + [
        Shifted(label(record[kind]), record)
        for kind, label in (("ensemble", ensemble_label), ("baseline", baseline_label))
        for record in scored
        if kind in record
    ]


@styled()
def plot_shift(shift: str | Path, comparison: str | Path, stem: str | Path) -> None:
    """Draw where the scores of either class lie on both data sets; saved as `stem`.png and .pdf.

    Rows: runs in order of rank, then ensembles, then baselines. Panels: normal and pneumonia. In each
    row the upper bar is development (out of fold), the lower one the test set.

    Parameters
    ----------
    shift
        shift.json.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    ranked = drawn_comparison(comparison)
    rows = name_scored(read_json(shift)["scored"], ranked)
    notes = [
        "Line: 5 to 95 % of the images; bar: 25 to 75 %; mark: median. Numbers: development, then "
        "test set.",
        *missing_notes(ranked),
    ]
    below = _FOOT + NOTE_HEIGHT * len(notes)
    height = _HEAD + len(rows) * _ROW + below
    figure = new_figure(height, layout=None)
    left = label_width(figure, rows) + 0.1
    width = (PAGE_WIDTH - left - _GAP) / 2 - _NUMBERS
    for column, (label, metric) in enumerate(CLASSES.items()):
        x = left + column * (width + _NUMBERS + _GAP)
        box = (x / PAGE_WIDTH, below / height, width / PAGE_WIDTH, len(rows) * _ROW / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, rows, label, metric)
        axes.set_yticks(range(len(rows)), [row.label for row in rows] if column == 0 else [])
    middle = (left + PAGE_WIDTH) / 2 / PAGE_WIDTH
    figure.text(
        middle, (NOTE_HEIGHT * len(notes) + 0.08) / height, ha="center", va="bottom", fontsize=8,
        s="Distance from the frozen threshold, in standard deviations of the development scores",
    )  # fmt: skip
    _draw_legend(figure)
    write_notes(figure, notes)
    save_figure(figure, stem)


def _run_of(record: dict[str, Any]) -> Run:
    return Run(record["model"], record["recipe"], int(record["seed"]))


def label_width(figure: Figure, rows: list[Shifted]) -> float:
    """Return the width in inches of the longest name."""
    texts = [figure.text(0, 0, row.label, fontsize=7.5) for row in rows]
    renderer = figure.canvas.get_renderer()
    widest = max(text.get_window_extent(renderer).width for text in texts) / figure.dpi
    for text in texts:
        text.remove()
    return widest


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
        text = " \N{RIGHTWARDS ARROW} ".join(f"{value:.2f}" for value in values)
        axes.annotate(
            text, (1, row), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center_baseline", fontsize=7.5,
        )  # fmt: skip
    margin = 0.04 * (max(reach) - min(reach))
    axes.set_xlim(min(reach) - margin, max(reach) + margin)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, pad=4)
    axes.spines["left"].set_visible(False)
    for edge in range(1, len(rows)):
        axes.axhline(edge - 0.5, color=LIGHT_GREY, linewidth=0.6, zorder=0)
    axes.set_title(label.capitalize(), pad=4)
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


def _draw_legend(figure: Figure) -> None:
    samples = [
        Line2D([], [], color=BLUE, marker="o", markeredgecolor=BLACK, markersize=4.5),
        Line2D([], [], color=VERMILLION, marker="s", markerfacecolor="white", markersize=4.5),
        Line2D([], [], color=GREY, linestyle=(0, (4, 2))),
    ]
    names = ["development, out of fold", "test set", "frozen threshold: pneumonia to the right"]
    figure.legend(
        samples, names, loc="upper left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2,
        handlelength=2.2, columnspacing=1.6,
    )  # fmt: skip
