"""The layout that the ROC and the precision-recall figure share."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.core.files import read_table
from pneumobench.reporting.curves import Curve, image_counts
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.legend_table import (
    LegendTable,
    panel_room,
    panels_above_table,
    table_width,
)
from pneumobench.reporting.drawing.style import LIGHT_GREY, RunStyle, run_styles, wrapped
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.wording import count, percent, row_interval
from pneumobench.reporting.words import Words

_PANEL_HEIGHT = 3.1
_MARKER_NOTE = (
    "Markers: decisions at the out-of-fold threshold; they need not lie on a mean curve. "
    "Intervals: bootstrap over patients."
)
_SUBTITLES = {
    "out_of_fold": "mean of the fold curves",
    "test": "mean prediction of the fold models",
}


@dataclass(frozen=True)
class CurveKind:
    """What distinguishes one kind of curve from another.

    Attributes
    ----------
    curve
        Computes the curve of a run (scores, dataset) -> `Curve`.
    metric, metric_title
        The comparison's metric that is the area under it, and its name for people.
    xlabel, ylabel
        Axis titles.
    reference
        Draws what chance would give (axes, counts).
    reference_note
        Says what was drawn.
    corner
        x and y limits of the enlarged second row of panels.
    drawstyle
        How points are joined: `default` (straight) or `steps-pre`.
    enlarge_from
        The second row is drawn when the best out-of-fold area reaches this value.
    """

    curve: Callable[[pd.DataFrame, str], Curve]
    metric: str
    metric_title: str
    xlabel: str
    ylabel: str
    reference: Callable[[Axes, dict[str, int]], None]
    reference_note: str
    corner: tuple[tuple[float, float], tuple[float, float]]
    drawstyle: str = "default"
    enlarge_from: float = 0.9


def draw_curves(kind: CurveKind, inputs: FigureInputs) -> Figure:
    """Draw the curves of all complete runs, out-of-fold at the left and test at the right."""
    confidence = inputs.json("comparison_details")["confidence"]
    runs = [
        (row, read_table(path, text=("image_id", "patient", "label", "subtype")))
        for row, (path,) in inputs.of_runs("scores")
    ]
    styles = run_styles([row["label"] for row, _ in runs])
    best = max(row[f"out_of_fold_{kind.metric}"] for row, _ in runs)
    panel_rows = 2 if best >= kind.enlarge_from else 1
    area = f"{kind.metric_title} ({percent(confidence)} interval)"
    table = LegendTable(
        [inputs.in_order, *(f"{title} {area}" for title in ("Out-of-fold", "Test"))],
        [
            (
                styles[row["label"]],
                row["label"],
                [row_interval(row, f"{dataset}_{kind.metric}") for dataset in DATASET_TITLES],
            )
            for row, _ in runs
        ],
        inputs.notes(f"Dotted: {kind.reference_note}.", _MARKER_NOTE, inches=table_width()),
    )
    figure, panels = panels_above_table(panel_rows * [_PANEL_HEIGHT], table)
    for column, dataset in enumerate(DATASET_TITLES):
        for panel, axes in enumerate(panels[:, column]):
            _draw_panel(axes, kind, dataset, runs, styles)
            if panel == 0:
                _title(axes, dataset, image_counts(runs[0][1], dataset), inputs.words)
            if panel == 1:
                axes.set(xlim=kind.corner[0], ylim=kind.corner[1])
                axes.set_title("the corner above, enlarged", fontsize=8)
    return figure


def _draw_panel(
    axes: Axes,
    kind: CurveKind,
    dataset: str,
    runs: list[tuple[pd.Series, pd.DataFrame]],
    styles: dict[str, RunStyle],
) -> None:
    kind.reference(axes, image_counts(runs[0][1], dataset))
    # The best run is drawn last, on top.
    for depth, (row, table) in enumerate(reversed(runs)):
        style = styles[row["label"]]
        curve = kind.curve(table, dataset)
        order = 2 + depth * 0.01 + style.highlighted
        axes.plot(
            curve.x, curve.y, color=style.colour, linestyle=style.line,
            linewidth=1.5 if style.highlighted else 0.8, zorder=order, drawstyle=kind.drawstyle,
        )  # fmt: skip
        axes.plot(
            *curve.point, marker=style.marker, color=style.colour, markeredgecolor="white",
            markersize=6.5 if style.highlighted else 4, markeredgewidth=0.7, zorder=order + 2,
            linestyle="none",
        )  # fmt: skip
    axes.grid(color=LIGHT_GREY)
    # Curves run along the borders; a little air keeps them and their markers visible.
    axes.set(
        xlabel=wrapped(kind.xlabel, panel_room(), 8), ylabel=kind.ylabel,
        xlim=(-0.015, 1.015), ylim=(-0.015, 1.015),
    )  # fmt: skip


def _title(axes: Axes, dataset: str, counts: dict[str, int], words: Words) -> None:
    lines = (
        f"{DATASET_TITLES[dataset]}: {_SUBTITLES[dataset]}",
        f"n = {count(counts['n'])} images of {count(counts['patients'])} patients, "
        f"{count(counts['events'])} with {words.positive}",
    )
    axes.set_title("\n".join(wrapped(line, panel_room(), 8) for line in lines), fontsize=8)
