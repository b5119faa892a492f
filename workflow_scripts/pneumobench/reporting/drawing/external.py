"""Every run and baseline out of fold, on the test set and on radiographs of another source."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.rows import row_panels, span, write_right
from pneumobench.reporting.drawing.style import (
    BLUE,
    GREEN,
    VERMILLION,
    legend_above,
    mark_chance,
)
from pneumobench.reporting.external import TITLES, estimate_of
from pneumobench.reporting.measures import METRICS
from pneumobench.reporting.shift import Shifted, name_scored
from pneumobench.reporting.wording import count, percent

# Colour, marker, how far from the middle of the row (in rows), and whether the marker is filled.
_MARKS = {
    "out_of_fold": (BLUE, "o", -0.25, True),
    "test": (VERMILLION, "s", 0.0, False),
    "external": (GREEN, "D", 0.25, True),
}


def draw(inputs: FigureInputs) -> Figure:
    """Draw AUC, sensitivity and specificity with their intervals.

    Rows: runs in order of rank, then baselines. Panels: the metrics. In each row from above: out of
    fold, test set, external radiographs. Numbers: external radiographs.
    """
    content = inputs.json("external")
    rows = name_scored(content["judged"], inputs.comparison)
    notes = inputs.notes(
        f"{percent(content['interval']['confidence'])} intervals, bootstrap over patients. "
        "Sensitivity and specificity: at the frozen out-of-fold thresholds. Numbers: external."
    )
    datasets = content["datasets"]
    legend = [f"{TITLES[name]} (n = {count(datasets[name]['n'])})" for name in _MARKS]
    figure, panels = row_panels(
        [row.label for row in rows], len(METRICS), notes, legend=legend,
        row=0.36, head=0.55, foot=0.28, numbers=0.4, gap=0.14,
    )  # fmt: skip
    for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
        _draw_panel(axes, rows, metric)
        axes.set_title(title, pad=4)
    samples = [
        Line2D(
            [], [], color=colour, marker=marker, markersize=4.6, markeredgewidth=1.1,
            markerfacecolor=colour if filled else "white",
        )
        for colour, marker, _, filled in _MARKS.values()
    ]  # fmt: skip
    legend_above(figure, samples, legend)
    return figure


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
        write_right(axes, position, "undefined" if value is None else f"{value:.2f}")
    span(axes, reach)
    if metric == "roc_auc" and axes.get_xlim()[0] < 0.5:
        mark_chance(axes)
    axes.locator_params(axis="x", nbins=5)
