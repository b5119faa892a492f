"""What accuracy costs: parameters and training time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.legend_table import (
    LegendTable,
    draw_badge,
    panel_room,
    panels_above_table,
    table_width,
)
from pneumobench.reporting.drawing.style import LIGHT_GREY, page_width, run_styles, wrapped
from pneumobench.reporting.wording import count, duration, millions, percent, row_interval
from pneumobench.statistics.comparison import NOT_LEARNED

_PANEL_HEIGHT = 3.2
_AUC = "out_of_fold_roc_auc"


def draw(inputs: FigureInputs) -> Figure:
    """Draw out-of-fold AUC against parameters and against training time.

    The number in a disc is the run's rank; vertical bars are the intervals of the AUC. Both
    horizontal axes are logarithmic.
    """
    confidence = inputs.json("comparison_details")["confidence"]
    rows = inputs.complete
    notes = inputs.notes(
        *_not_shown(rows),
        "Numbers: rank. Bars: intervals of the AUC (bootstrap over patients). Training time: sum "
        "of all folds, on the machine of this run.",
        inches=table_width(),
    )
    styles = run_styles(list(rows["label"]))
    table = LegendTable(
        [inputs.in_order, "Out-of-fold AUC", "Parameters (M)", "Training time"],
        [
            (
                styles[row["label"]],
                row["label"],
                [
                    row_interval(row, _AUC),
                    millions(row["parameters"]),
                    duration(row["train_seconds"]),
                ],
            )
            for _, row in rows.iterrows()
        ],
        notes,
        badges=[f"{rank:.0f}" for rank in rows["rank"]],
    )
    figure, panels = panels_above_table([_PANEL_HEIGHT], table, sharey=True)
    parameters, seconds = panels[0]
    _draw_scatter(parameters, rows, rows["parameters"] / 1e6, "Parameters (millions)")
    _draw_scatter(seconds, rows, rows["train_seconds"], "Training time, all folds (seconds)")
    parameters.set_ylabel(f"Out-of-fold AUC ({percent(confidence)} interval)")
    return figure


def _draw_scatter(axes: Axes, rows: pd.DataFrame, x: pd.Series, xlabel: str) -> None:
    styles = run_styles(list(rows["label"]))
    shown = rows[rows["learned"].astype(bool)] if rows["learned"].any() else rows
    # The best run is drawn last, on top.
    for index, row in shown[::-1].iterrows():
        style = styles[row["label"]]
        axes.plot(
            [x[index]] * 2, [row[f"{_AUC}_low"], row[f"{_AUC}_high"]],
            color=style.colour, linewidth=1, zorder=2,
        )  # fmt: skip
        draw_badge(axes, x[index], row[_AUC], f"{row['rank']:.0f}", style)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=_tick_steps(shown, x)))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if value < 1e4 else count(value))
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.1, y=0.06)
    axes.grid(color=LIGHT_GREY)
    axes.set_xlabel(wrapped(xlabel, panel_room(), 8))


def _tick_steps(shown: pd.DataFrame, x: pd.Series) -> tuple[float, ...]:
    """Return which multiples of the powers of ten have a number on a logarithmic axis."""
    decades = np.log10(x[shown.index].max() / x[shown.index].min())
    if decades > 1.2:
        return (1.0,) if decades > 2.5 else (1.0, 3.0)
    return (1.0, 2.0, 3.0, 5.0) if page_width() > 6 else (1.0, 2.0, 5.0)


def _not_shown(rows: pd.DataFrame) -> list[str]:
    """Name the runs that did not learn: on the axis of the others they would flatten these."""
    if not rows["learned"].any():
        return []
    return [
        f"Not drawn: {row['label']} ({NOT_LEARNED})"
        for _, row in rows.iterrows()
        if not row["learned"]
    ]
