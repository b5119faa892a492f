"""What the ranking can tell apart: bars join runs that no test separates."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import complete_runs, drawn_comparison, missing_notes
from pneumobench.reporting.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    PAGE_WIDTH,
    inch_axes,
    new_figure,
    save_figure,
    styled,
    write_notes,
)
from pneumobench.reporting.wording import percent

_TOP, _ROW, _BAR, _NUMBER, _BELOW = 0.34, 0.22, 0.16, 0.55, 0.12  # inches
# All bars together are no wider.
_GROUPS = 2.4


@styled()
def plot_critical_difference(
    differences_json: str | Path, comparison: str | Path, stem: str | Path
) -> None:
    """Draw the ranking with a bar for each group of runs that are not distinguishable.

    Saved as `stem`.png and `stem`.pdf. It is the critical-difference diagram of Demsar (Journal of
    Machine Learning Research 2006;7:1-30), stood upright: with a dozen runs of nearly equal areas
    bars along the scale would not show whom they join. A bar joins a longest stretch of the
    ranking in which no pair is distinguishable.

    Parameters
    ----------
    differences_json
        The groups of runs.
    comparison
        comparison.csv, for areas and names.
    stem
        Path of the figure without a suffix.
    """
    ranked, facts = drawn_comparison(comparison), read_json(differences_json)
    rows, groups = complete_runs(ranked), facts["ranking"]["groups"]
    notes = [
        "A bar joins runs of which no pair is distinguishable: whole patients' scores exchanged, out of "
        "fold, adjusted over all pairs (Holm),",
        f"level {percent(1 - facts['confidence'])}. Runs that no bar joins may still be "
        "indistinguishable, if a third between them is not: the matrix of all pairs shows it.",
        *missing_notes(ranked),
    ]
    height = _TOP + len(rows) * _ROW + _BELOW + NOTE_HEIGHT * len(notes)
    figure = new_figure(height, layout=None)
    axes = inch_axes(figure)
    left = _draw_names(axes, rows)
    step = min(_BAR, _GROUPS / len(groups))
    end = PAGE_WIDTH - 0.12 - max(step * len(groups), 0.35)
    _draw_areas(axes, rows, left, end - 0.2)
    axes.text(end, 0.06, "Groups", va="top", ha="left", fontsize=7.5, color=DARK_GREY)
    for position, group in enumerate(groups):
        x = end + (position + 0.5) * step
        span = [_TOP + (group[0] - 1 + 0.14) * _ROW, _TOP + (group[-1] - 0.14) * _ROW]
        axes.plot([x, x], span, color=BLACK, linewidth=25 * step, solid_capstyle="butt")
    write_notes(figure, notes)
    save_figure(figure, stem)


def _draw_names(axes: Axes, rows: pd.DataFrame) -> float:
    """Write the names, every other row on grey; return where they end."""
    renderer, widths = axes.figure.canvas.get_renderer(), []
    for position, row in rows.iterrows():
        y = _TOP + (position + 0.5) * _ROW
        if position % 2 == 0:
            axes.axhspan(y - _ROW / 2, y + _ROW / 2, color="#F6F6F6", zorder=0)
        name = f"{row['rank']:.0f}  {row['label']}"
        text = axes.text(0.06, y, name, va="center_baseline", fontsize=7.5)
        widths.append(text.get_window_extent(renderer).width / axes.figure.dpi)
    return 0.06 + max(widths) + 0.15


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
