"""The layout that the ROC and the precision-recall figure share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pneumobench.core.files import read_json, read_table
from pneumobench.reporting.curves import Curve, image_counts
from pneumobench.reporting.inputs import (
    DATASET_TITLES,
    drawn_comparison,
    files_by_run,
    missing_notes,
    paths_in_order,
)
from pneumobench.reporting.legend_table import draw_legend_table, legend_height
from pneumobench.reporting.style import (
    GREY,
    LIGHT_GREY,
    RunStyle,
    new_figure,
    run_styles,
    save_figure,
)
from pneumobench.reporting.wording import count, percent, with_interval

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


def plot_curves(
    kind: CurveKind,
    scores: Iterable[str | Path],
    comparison_csv: str | Path,
    comparison_json: str | Path,
    stem: str | Path,
) -> None:
    """Draw the curves of all complete runs, out-of-fold at the left and test at the right."""
    comparison = drawn_comparison(comparison_csv)
    confidence = read_json(comparison_json)["confidence"]
    runs = [
        (row, read_table(paths[0], text=("image_id", "patient", "label", "subtype")))
        for row, paths in paths_in_order(comparison, files_by_run(scores, depth=1))
    ]
    styles = run_styles([row["label"] for row, _ in runs])
    best = max(row[f"out_of_fold_{kind.metric}"] for row, _ in runs)
    panel_rows = 2 if best >= kind.enlarge_from else 1
    notes = [*missing_notes(comparison), f"Dotted: {kind.reference_note}.", _MARKER_NOTE]
    table_height = legend_height(len(runs), len(notes))
    figure = new_figure(panel_rows * _PANEL_HEIGHT + table_height)
    grid = figure.add_gridspec(
        panel_rows + 1, 2, height_ratios=[_PANEL_HEIGHT] * panel_rows + [table_height]
    )
    for column, dataset in enumerate(DATASET_TITLES):
        for panel in range(panel_rows):
            axes = figure.add_subplot(grid[panel, column])
            _draw_panel(axes, kind, dataset, runs, styles)
            if panel == 0:
                _title(axes, dataset, image_counts(runs[0][1], dataset))
            if panel == 1:
                axes.set(xlim=kind.corner[0], ylim=kind.corner[1])
                axes.set_title("the corner above, enlarged", fontsize=8)
    draw_legend_table(
        figure.add_subplot(grid[panel_rows, :]),
        [
            "Run, in order of out-of-fold AUC",
            *(
                f"{title} {kind.metric_title} ({percent(confidence)} interval)"
                for title in ("Out-of-fold", "Test")
            ),
        ],
        [
            (
                styles[row["label"]],
                row["label"],
                [_area(row, f"{dataset}_{kind.metric}") for dataset in DATASET_TITLES],
            )
            for row, _ in runs
        ],
        notes,
    )
    save_figure(figure, stem)


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
    axes.set(xlabel=kind.xlabel, ylabel=kind.ylabel, xlim=(-0.015, 1.015), ylim=(-0.015, 1.015))


def _title(axes: Axes, dataset: str, counts: dict[str, int]) -> None:
    axes.set_title(
        f"{DATASET_TITLES[dataset]}: {_SUBTITLES[dataset]}\n"
        f"n = {count(counts['n'])} images of {count(counts['patients'])} patients, "
        f"{count(counts['events'])} with pneumonia",
        fontsize=8,
    )


def _area(row: pd.Series, column: str) -> str:
    return with_interval(row[column], row[f"{column}_low"], row[f"{column}_high"])


def chance_line(axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Draw the thin dotted grey line of a classifier that guesses."""
    axes.plot(x, y, color=GREY, linestyle=(0, (1, 2)), linewidth=1.0, zorder=1)
