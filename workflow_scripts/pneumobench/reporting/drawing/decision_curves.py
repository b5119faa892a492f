"""Decision curves of all runs: whether acting on a probability does more good than harm."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.decision_curves import curve_of, useful_range
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.legend_table import (
    LegendTable,
    panel_room,
    panels_above_table,
    table_width,
)
from pneumobench.reporting.drawing.style import DARK_GREY, LIGHT_GREY, RunStyle, run_styles, wrapped
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.wording import EN_DASH, percent

_PANEL_HEIGHT = 2.5


def draw(inputs: FigureInputs) -> Figure:
    """Draw the net benefit of treating by each run's probabilities.

    Above the net benefit beside that of treating all and none, below what a run adds to the better
    of these two; out of fold at the left, test set at the right.
    """
    runs = inputs.json_of_runs("calibrations")
    styles = run_styles([row["label"] for row, _ in runs])
    confidence = percent(runs[0][1]["interval"]["confidence"])
    notes = inputs.notes(
        "Dotted: treat all (falling) and treat none (0). Net benefit: true positives per image, "
        "less false positives weighted by the threshold.",
        "Below: difference to the better of the two; all holds at the prevalence in these images. "
        f"Helps: its {confidence} interval is above 0.",
        inches=table_width(),
    )
    table = LegendTable(
        [
            inputs.in_order,
            *(f"{title}: helps from{EN_DASH}to" for title in DATASET_TITLES.values()),
        ],
        [
            (
                styles[row["label"]],
                row["label"],
                [useful_range(curve_of(content, dataset)) for dataset in DATASET_TITLES],
            )
            for row, content in runs
        ],
        notes,
    )
    figure, panels = panels_above_table(2 * [_PANEL_HEIGHT], table)
    for (above, below), (dataset, title) in zip(panels.T, DATASET_TITLES.items(), strict=True):
        curves = [(styles[row["label"]], curve_of(content, dataset)) for row, content in runs]
        _draw_benefit(above, curves)
        above.set_title(title)
        _draw_added(below, curves)
    return figure


def _draw_benefit(axes: Axes, curves: Sequence[tuple[RunStyle, pd.DataFrame]]) -> None:
    first = curves[0][1]
    dotted = {"color": DARK_GREY, "linestyle": (0, (1, 1.5)), "linewidth": 1.2, "zorder": 5}
    axes.plot(first["threshold"], first["treat_all"], **dotted)
    axes.axhline(0, **dotted)
    _draw_runs(axes, curves, "net_benefit")
    most = max(curve["net_benefit"].max() for _, curve in curves)
    axes.set(ylabel="Net benefit", ylim=(-0.12 * most, 1.08 * most))


def _draw_added(axes: Axes, curves: Sequence[tuple[RunStyle, pd.DataFrame]]) -> None:
    axes.axhline(0, color=DARK_GREY, linewidth=0.8, zorder=1)
    _draw_runs(axes, curves, "added")
    most = max(max(curve["added"].max() for _, curve in curves), 0.05)
    # What harms is cut off below: how much it harms is no question of this figure.
    axes.set(
        xlabel=wrapped("Threshold probability of treatment", panel_room(), 8),
        ylabel="Added net benefit",
        ylim=(-0.25 * most, 1.1 * most),
    )


def _draw_runs(axes: Axes, curves: Sequence[tuple[RunStyle, pd.DataFrame]], column: str) -> None:
    # The best run is drawn last, on top.
    for depth, (style, curve) in enumerate(reversed(curves)):
        axes.plot(
            curve["threshold"], curve[column], color=style.colour, linestyle=style.line,
            linewidth=1.4 if style.highlighted else 0.8,
            zorder=2 + depth * 0.01 + style.highlighted,
        )  # fmt: skip
    axes.grid(color=LIGHT_GREY)
    axes.set_xlim(0, 1)
