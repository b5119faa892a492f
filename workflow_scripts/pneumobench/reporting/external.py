"""Every run and baseline out of fold, on the test set and on radiographs of another source."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import DATASET_TITLES, drawn_comparison, missing_notes
from pneumobench.reporting.shift import Shifted, label_width, name_scored
from pneumobench.reporting.style import (
    BLUE,
    DARK_GREY,
    GREEN,
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
from pneumobench.reporting.wording import count, percent

METRICS = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
TITLES = DATASET_TITLES | {"external": "External radiographs"}
_ROW, _HEAD, _FOOT = 0.36, 0.55, 0.28  # inches
_NUMBERS, _GAP = 0.4, 0.14  # inches: room for the numbers right of a panel, and between panels
# Colour, marker, how far from the middle of the row (in rows), and whether the marker is filled.
_MARKS = {
    "out_of_fold": (BLUE, "o", -0.25, True),
    "test": (VERMILLION, "s", 0.0, False),
    "external": (GREEN, "D", 0.25, True),
}


@styled()
def plot_external(details: str | Path, comparison: str | Path, stem: str | Path) -> None:
    """Draw AUC, sensitivity and specificity with their intervals; saved as `stem`.png and .pdf.

    Rows: runs in order of rank, then baselines. Panels: the metrics. In each row from above: out of
    fold, test set, external radiographs. Numbers: external radiographs.

    Parameters
    ----------
    details
        external.json.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    ranked, content = drawn_comparison(comparison), read_json(details)
    rows = name_scored(content["judged"], ranked)
    notes = [
        f"{percent(content['interval']['confidence'])} intervals, bootstrap over patients. "
        "Sensitivity and specificity: at the frozen out-of-fold thresholds. Numbers: external.",
        *missing_notes(ranked),
    ]  # fmt: skip
    below = _FOOT + NOTE_HEIGHT * len(notes)
    height = _HEAD + len(rows) * _ROW + below
    figure = new_figure(height, layout=None)
    left = label_width(figure, rows) + 0.1
    width = (PAGE_WIDTH - left - 2 * _GAP) / 3 - _NUMBERS
    for column, (metric, title) in enumerate(METRICS.items()):
        x = left + column * (width + _NUMBERS + _GAP)
        box = (x / PAGE_WIDTH, below / height, width / PAGE_WIDTH, len(rows) * _ROW / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, rows, metric)
        axes.set_title(title, pad=4)
        axes.set_yticks(range(len(rows)), [row.label for row in rows] if column == 0 else [])
    _draw_legend(figure, content["datasets"])
    write_notes(figure, notes)
    save_figure(figure, stem)


def estimate_of(row: Shifted, metric: str) -> dict:
    """Return a metric of one run or baseline: out_of_fold, test, external and difference."""
    (found,) = [part for part in row.record["estimates"] if part["metric"] == metric]
    return found


def _draw_panel(axes: Axes, rows: list[Shifted], metric: str) -> None:
    reach = [1.0]
    for position, row in enumerate(rows):
        found = estimate_of(row, metric)
        for dataset, (colour, marker, offset, filled) in _MARKS.items():
            value, low, high = (found[dataset][key] for key in ("value", "low", "high"))
            if value is None:
                continue
            y = position + offset
            axes.plot(
                value, y, linestyle="none", marker=marker, color=colour, markersize=4.4,
                markerfacecolor=colour if filled else "white", markeredgewidth=1.1, zorder=3,
            )  # fmt: skip
            reach.append(value)
            if low is not None:
                axes.hlines(y, low, high, color=colour, linewidth=1.2, zorder=2)
                reach += [low, high]
        value = found["external"]["value"]
        axes.annotate(
            "undefined" if value is None else f"{value:.2f}", (1, position), (5, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center_baseline",
            fontsize=7.5,
        )  # fmt: skip
    margin = 0.04 * (max(reach) - min(reach)) or 0.01
    axes.set_xlim(min(reach) - margin, max(reach) + margin)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    if metric == "roc_auc" and axes.get_xlim()[0] < 0.5:
        axes.axvline(0.5, color=GREY, linestyle=(0, (1, 2)), linewidth=1)
        axes.annotate(
            "chance", (0.5, 0), (2, 2), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", fontsize=7, color=DARK_GREY,
        )  # fmt: skip
    axes.tick_params(axis="y", length=0, pad=4)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    for edge in range(1, len(rows)):
        axes.axhline(edge - 0.5, color=LIGHT_GREY, linewidth=0.6, zorder=0)


def _draw_legend(figure: Figure, datasets: dict[str, dict[str, int]]) -> None:
    samples = [
        Line2D(
            [], [], color=colour, marker=marker, markersize=4.6, markeredgewidth=1.1,
            markerfacecolor=colour if filled else "white",
        )
        for colour, marker, _, filled in _MARKS.values()
    ]  # fmt: skip
    names = [f"{TITLES[name]} (n = {count(datasets[name]['n'])})" for name in _MARKS]
    figure.legend(
        samples, names, loc="upper left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2,
        handlelength=2.2, columnspacing=1.6,
    )  # fmt: skip
