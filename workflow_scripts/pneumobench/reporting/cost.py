"""What accuracy costs: parameters and training time."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import complete_runs, drawn_comparison, missing_notes
from pneumobench.reporting.legend_table import (
    draw_badge,
    draw_legend_table,
    legend_height,
)
from pneumobench.reporting.style import (
    LIGHT_GREY,
    new_figure,
    run_styles,
    save_figure,
    styled,
)
from pneumobench.reporting.wording import count, duration, millions, percent, with_interval

_PANEL_HEIGHT = 3.2
_AUC = "out_of_fold_roc_auc"


@styled()
def plot_cost(comparison_csv: str | Path, comparison_json: str | Path, stem: str | Path) -> None:
    """Draw out-of-fold AUC against parameters and against training time.

    Saved as `stem`.png and `stem`.pdf. The number in a disc is the run's rank; vertical bars are
    the intervals of the AUC. Both horizontal axes are logarithmic.

    Parameters
    ----------
    comparison_csv, comparison_json
        The comparison, and the level of its intervals.
    stem
        Path of the figure without a suffix.
    """
    comparison = drawn_comparison(comparison_csv)
    confidence = read_json(comparison_json)["confidence"]
    rows = complete_runs(comparison)
    notes = [
        *_not_shown(rows),
        *missing_notes(comparison),
        "Numbers: rank. Bars: intervals of the AUC (bootstrap over patients). Training time: sum "
        "of all folds, on the machine of this run.",
    ]
    height = legend_height(len(rows), len(notes))
    figure = new_figure(_PANEL_HEIGHT + height)
    grid = figure.add_gridspec(2, 2, height_ratios=[_PANEL_HEIGHT, height])
    parameters = figure.add_subplot(grid[0, 0])
    seconds = figure.add_subplot(grid[0, 1], sharey=parameters)
    _draw_scatter(parameters, rows, rows["parameters"] / 1e6, "Parameters (millions)")
    _draw_scatter(seconds, rows, rows["train_seconds"], "Training time, all folds (seconds)")
    parameters.set_ylabel(f"Out-of-fold AUC ({percent(confidence)} interval)")
    styles = run_styles(list(rows["label"]))
    draw_legend_table(
        figure.add_subplot(grid[1, :]),
        ["Run, in order of rank", "Out-of-fold AUC", "Parameters (M)", "Training time"],
        [
            (
                styles[row["label"]],
                row["label"],
                [
                    with_interval(row[_AUC], row[f"{_AUC}_low"], row[f"{_AUC}_high"]),
                    millions(row["parameters"]),
                    duration(row["train_seconds"]),
                ],
            )
            for _, row in rows.iterrows()
        ],
        notes,
        badges=[f"{rank:.0f}" for rank in rows["rank"]],
    )
    save_figure(figure, stem)


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
    axes.set_xlabel(xlabel)


def _tick_steps(shown: pd.DataFrame, x: pd.Series) -> tuple[float, ...]:
    """Return which multiples of the powers of ten have a number on a logarithmic axis."""
    decades = np.log10(x[shown.index].max() / x[shown.index].min())
    return (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 3.0, 5.0)


def _not_shown(rows: pd.DataFrame) -> list[str]:
    """Name the runs that did not learn: on the axis of the others they would flatten these."""
    if not rows["learned"].any():
        return []
    return [
        f"Not drawn: {row['label']} (did not learn)"
        for _, row in rows.iterrows()
        if not row["learned"]
    ]
