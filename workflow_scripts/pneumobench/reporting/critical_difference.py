"""The ranking with its critical differences: bars join runs that no test tells apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import complete_runs, missing_notes, read_comparison
from pneumobench.reporting.style import (
    BLACK,
    DARK_GREY,
    GREY,
    NOTE_HEIGHT,
    PAGE_WIDTH,
    inch_axes,
    new_figure,
    save_figure,
    styled,
    write_notes,
)
from pneumobench.reporting.wording import percent

_AXIS, _BAR, _ROW, _MARGIN = 0.62, 0.1, 0.24, 0.08  # inches


@styled()
def plot_critical_difference(
    differences_json: str | Path, comparison: str | Path, stem: str | Path
) -> None:
    """Draw the runs on a scale of their out-of-fold AUC, joined where they are not separable.

    Saved as `stem`.png and `stem`.pdf, in the manner of Demsar (Journal of Machine Learning
    Research 2006;7:1-30): the better half of the runs is named at the right, the others at the
    left. A bar joins the longest stretches of the ranking in which no pair is separable.

    Parameters
    ----------
    differences_json
        The groups of runs.
    comparison
        comparison.csv, for areas and names.
    stem
        Path of the figure without a suffix.
    """
    ranked, facts = read_comparison(comparison), read_json(differences_json)
    rows = complete_runs(ranked)
    groups = [group for group in facts["ranking"]["groups"] if len(group) > 1]
    notes = [
        "Scale: out-of-fold AUC (mean of the folds). A bar joins runs of which no pair is "
        "separable (exchange of patients'",
        "scores, adjusted over all pairs, level "
        f"{percent(1 - facts['confidence'])}). Runs that no bar joins may be inseparable with a "
        "third between them.",
        *missing_notes(ranked),
    ]
    right = -(-len(rows) // 2)
    top = _AXIS + _BAR * (len(groups) + 1)
    height = top + _ROW * right + 0.12 + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    axes = inch_axes(figure)
    margins = _draw_names(axes, rows, right, top)
    scale = _scale(rows["out_of_fold_roc_auc"].to_numpy(float), margins)
    _draw_scale(axes, scale)
    _draw_leaders(axes, rows, right, top, scale)
    for level, group in enumerate(groups):
        _draw_bar(axes, _AXIS + _BAR * (level + 0.9), rows, group, scale)
    write_notes(figure, notes)
    save_figure(figure, stem)


def _draw_names(axes: Axes, rows: pd.DataFrame, right: int, top: float) -> tuple[float, float]:
    """Write the names at both sides; return the inches that they take at the left and right."""
    widths = [0.35, 0.35]
    renderer = axes.figure.canvas.get_renderer()
    for position, row in rows.iterrows():
        at_right, line = _place(position, right, len(rows))
        text = f"{row['rank']:.0f}  {row['label']}   {row['out_of_fold_roc_auc']:.3f}"
        drawn = axes.text(
            PAGE_WIDTH - _MARGIN if at_right else _MARGIN, top + (line + 0.62) * _ROW, text,
            ha="right" if at_right else "left", va="bottom", fontsize=7.5,
        )  # fmt: skip
        width = drawn.get_window_extent(renderer).width / axes.figure.dpi
        widths[at_right] = max(widths[at_right], width)
    return widths[0] + _MARGIN + 0.1, widths[1] + _MARGIN + 0.1


def _place(position: int, right: int, runs: int) -> tuple[bool, int]:
    """Return whether a run is named at the right, and in which line; the extremes come first."""
    return (True, position) if position < right else (False, runs - 1 - position)


def _scale(areas: np.ndarray, margins: tuple[float, float]) -> dict[str, Any]:
    """Return where areas lie between the names: `low`, `high` and `start`, `end` in inches."""
    room = max(np.ptp(areas), 0.01)
    return {
        "low": areas.min() - 0.06 * room,
        "high": areas.max() + 0.06 * room,
        "start": margins[0],
        "end": PAGE_WIDTH - margins[1],
    }


def _at(area: float, scale: dict[str, Any]) -> float:
    share = (area - scale["low"]) / (scale["high"] - scale["low"])
    return scale["start"] + share * (scale["end"] - scale["start"])


def _draw_scale(axes: Axes, scale: dict[str, Any]) -> None:
    y = _AXIS - 0.12
    axes.plot([scale["start"], scale["end"]], [y, y], color=BLACK, linewidth=0.8)
    ticks = MaxNLocator(5).tick_values(scale["low"], scale["high"])
    inside = [tick for tick in ticks if scale["low"] <= tick <= scale["high"]]
    digits = 2 if all(round(tick, 2) == round(tick, 5) for tick in inside) else 3
    for tick in inside:
        x = _at(tick, scale)
        axes.plot([x, x], [y - 0.05, y], color=BLACK, linewidth=0.8)
        axes.text(x, y - 0.08, f"{tick:.{digits}f}", ha="center", va="bottom", fontsize=7.5)
    middle = (scale["start"] + scale["end"]) / 2
    axes.text(middle, 0.06, "Out-of-fold AUC", ha="center", va="top", fontsize=8, color=DARK_GREY)


def _draw_leaders(
    axes: Axes, rows: pd.DataFrame, right: int, top: float, scale: dict[str, Any]
) -> None:
    for position, row in rows.iterrows():
        at_right, line = _place(position, right, len(rows))
        x, y = _at(row["out_of_fold_roc_auc"], scale), top + (line + 0.68) * _ROW
        end = PAGE_WIDTH - _MARGIN if at_right else _MARGIN
        axes.plot([x, x, end], [_AXIS - 0.12, y, y], color=GREY, linewidth=0.7, zorder=1)


def _draw_bar(
    axes: Axes, y: float, rows: pd.DataFrame, group: list[int], scale: dict[str, Any]
) -> None:
    places = [_at(rows["out_of_fold_roc_auc"][rank - 1], scale) for rank in group]
    axes.plot(
        [min(places) - 0.04, max(places) + 0.04], [y, y], color=BLACK, linewidth=3.2,
        solid_capstyle="butt", zorder=2,
    )  # fmt: skip
