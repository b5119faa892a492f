"""Decision curves of all runs: whether acting on a probability does more good than harm."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pneumobench.reporting.inputs import (
    DATASET_TITLES,
    drawn_comparison,
    missing_notes,
    read_details,
)
from pneumobench.reporting.legend_table import draw_legend_table, legend_height
from pneumobench.reporting.style import (
    DARK_GREY,
    LIGHT_GREY,
    RunStyle,
    new_figure,
    run_styles,
    save_figure,
    styled,
)
from pneumobench.reporting.wording import EN_DASH, percent

NOWHERE = "nowhere"

_PANEL_HEIGHT = 2.5
_XLABEL = "Treated from this probability on"


@styled()
def plot_decision_curves(
    calibrations: Iterable[str | Path], comparison: str | Path, stem: str | Path
) -> None:
    """Draw the net benefit of treating by each run's probabilities.

    Saved as `stem`.png and `stem`.pdf. Above the net benefit beside that of treating all and none,
    below what a run adds to the better of these two; out of fold at the left, test set at the
    right.

    Parameters
    ----------
    calibrations
        calibration.json of the runs.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    ranked = drawn_comparison(comparison)
    runs = read_details(ranked, calibrations)
    styles = run_styles([row["label"] for row, _ in runs])
    confidence = percent(runs[0][1]["interval"]["confidence"])
    notes = [
        "Dotted: treat all (falling) and treat none (0). Net benefit: pneumonias found for each "
        "radiograph, after false alarms are paid for.",
        "Below: difference to the better of both; all holds at these images' share of pneumonia. "
        f"Helps: its {confidence} interval is above 0.",
        *missing_notes(ranked),
    ]
    table_height = legend_height(len(runs), len(notes))
    figure = new_figure(2 * _PANEL_HEIGHT + table_height)
    ratios = [_PANEL_HEIGHT, _PANEL_HEIGHT, table_height]
    grid = figure.add_gridspec(3, 2, height_ratios=ratios)
    for column, dataset in enumerate(DATASET_TITLES):
        curves = [(styles[row["label"]], curve_of(content, dataset)) for row, content in runs]
        above, below = (figure.add_subplot(grid[line, column]) for line in (0, 1))
        _draw_benefit(above, curves)
        above.set_title(DATASET_TITLES[dataset])
        _draw_added(below, curves)
    draw_legend_table(
        figure.add_subplot(grid[2, :]),
        [
            "Run, in order of out-of-fold AUC",
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
    save_figure(figure, stem)


def curve_of(content: dict[str, Any], dataset: str) -> pd.DataFrame:
    """Return a decision curve of calibration.json, a row for each probability to treat from."""
    (found,) = [curve for curve in content["decision_curves"] if curve["dataset"] == dataset]
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    return pd.DataFrame(lists).astype(float)


def useful_range(curve: pd.DataFrame) -> str:
    """Say where a run adds to the better of treating all and none, by the interval's lower end.

    Where this is so in several parts, the longest is named.
    """
    useful = (curve["added_low"] > 0).to_numpy()
    # Where it begins and where it ends: the places at which neighbours differ.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], useful, [False]])))
    threshold = curve["threshold"].to_numpy()
    parts = edges.reshape(-1, 2)
    if len(parts) == 0:
        return NOWHERE
    first, last = parts[np.argmax(parts[:, 1] - parts[:, 0])]
    longest = f"{threshold[first]:.2f}{EN_DASH}{threshold[last - 1]:.2f}"
    return f"{longest} (of {len(parts)} parts)" if len(parts) > 1 else longest


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
    axes.set(xlabel=_XLABEL, ylabel="Added net benefit", ylim=(-0.25 * most, 1.1 * most))


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
