"""Which runs the ranking distinguishes: bars join runs that no test separates."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.core.run import Run
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    inch_axes,
    new_figure,
    page_width,
    shade_rows,
    widest,
    wrapped,
    write_notes,
)
from pneumobench.reporting.wording import percent
from pneumobench.statistics.pair_tests import distinguishable_matrix, indistinguishable_groups

_TOP, _ROW, _BAR, _NUMBER, _BELOW = 0.34, 0.22, 0.16, 0.55, 0.12  # inches
# All bars together are no wider.
_GROUPS = 2.4
# Width of what stands above them.
_HEADING = 1.1


def draw(inputs: FigureInputs) -> Figure:
    """Draw the ranking with a bar for each group of runs that are not distinguishable.

    It is the critical-difference diagram of Demsar (Journal of Machine Learning Research
    2006;7:1-30), stood upright: with a dozen runs of nearly equal areas bars along the scale would
    not show whom they join. A bar joins a longest stretch of the ranking in which no pair is
    distinguishable.
    """
    # Whatever order is asked for: bars join neighbours in rank.
    rows = inputs.complete.sort_values("rank", ignore_index=True)
    facts = inputs.json("differences_details")
    # A run that is distinguishable from its neighbours is a group of its own: nothing to join.
    groups = [group for group in _groups(inputs, list(rows["run"])) if len(group) > 1]
    test = (
        "permutation test over whole patients, out of fold, adjusted over all pairs (Holm), level "
        f"{percent(1 - facts['confidence'])}."
    )
    notes = inputs.notes(
        f"A bar joins runs of which no pair is distinguishable: {test} Runs that no bar joins may "
        "still be indistinguishable, if a third between them is not: the matrix of all pairs shows "
        "it."
        if groups
        else f"There is no bar: every run is distinguishable from its neighbours ({test[:-1]})."
    )
    figure = new_figure(_TOP + len(rows) * _ROW + _BELOW + NOTE_HEIGHT * len(notes), layout=None)
    axes = inch_axes(figure)
    left = _draw_names(axes, rows)
    step = min(_BAR, _GROUPS / max(len(groups), 1))
    end = page_width() - 0.12 - (max(step * len(groups), _HEADING) if groups else 0)
    _draw_areas(axes, rows, left, end - 0.2)
    if groups:
        heading = "Not distinguishable"
        axes.text(end, 0.06, heading, va="top", ha="left", fontsize=7.5, color=DARK_GREY)
    for position, group in enumerate(groups):
        x = end + (position + 0.5) * step
        span = [_TOP + (group[0] + 0.14) * _ROW, _TOP + (group[-1] + 0.86) * _ROW]
        axes.plot([x, x], span, color=BLACK, linewidth=25 * step, solid_capstyle="butt")
    write_notes(figure, notes)
    return figure


def _groups(inputs: FigureInputs, order: list[Run]) -> list[list[int]]:
    """Return positions of the shown runs in groups of which no pair is distinguishable."""
    pairs = read_differences(inputs.one("differences"))
    ours = pairs["first"].isin(order) & pairs["second"].isin(order)
    return indistinguishable_groups(
        distinguishable_matrix(pairs[ours & (pairs["dataset"] == "out_of_fold")], order)
    )


def _draw_names(axes: Axes, rows: pd.DataFrame) -> float:
    """Write the names, every other row on grey; return where they end."""
    shade_rows(axes, len(rows), _TOP, _ROW)
    room = page_width() - _GROUPS
    names = [
        axes.text(
            0.06, _TOP + (position + 0.5) * _ROW,
            wrapped(f"{row['rank']:.0f}  {row['label']}", room, 7.5, most=1),
            va="center_baseline", fontsize=7.5,
        )
        for position, row in rows.iterrows()
    ]  # fmt: skip
    return 0.06 + widest(names) + 0.15


def _draw_areas(axes: Axes, rows: pd.DataFrame, left: float, right: float) -> None:
    """Draw every area as a number and as a dot between the lowest and the highest."""
    areas = rows["out_of_fold_roc_auc"].to_numpy(float)
    axes.text(left, 0.06, "Out-of-fold AUC", va="top", fontsize=7.5, color=DARK_GREY)
    start = left + _NUMBER
    # Never so narrow a scale that small differences look large.
    share = (areas - areas.max()) / max(np.ptp(areas), 0.02)
    x = right + share * (right - start)
    y = _TOP + (np.arange(len(areas)) + 0.5) * _ROW
    axes.hlines(y, start, x, color=LIGHT_GREY, linewidth=1)
    axes.plot(x, y, linestyle="none", marker="o", color=BLUE, markersize=5)
    for place, area in zip(y, areas, strict=True):
        axes.text(left, place, f"{area:.3f}", va="center_baseline", fontsize=7.5)
