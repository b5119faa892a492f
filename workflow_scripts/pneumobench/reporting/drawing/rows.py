"""Panels side by side whose rows are runs, ensembles and baselines."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.style import (
    LEGEND_LINE,
    LIGHT_GREY,
    NOTE_HEIGHT,
    legend_lines,
    new_figure,
    page_width,
    text_width,
    wrapped,
    write_notes,
)

# Letters of the names in points, and the narrowest panel in inches: longer names are broken.
_NAME, _NARROWEST = 7.5, 0.75


def row_panels(
    names: Sequence[str],
    panels: int,
    notes: Sequence[str],
    *,
    legend: Sequence[str],
    row: float,
    head: float,
    foot: float,
    numbers: float,
    gap: float,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with empty panels, the names of the rows at the left of the first.

    Parameters
    ----------
    names
        Names of the rows, from above.
    panels
        How many panels.
    notes
        Lines at the foot.
    legend
        Names of the marks, which `legend_above` writes.
    row, head, foot
        Height of a row, and of what stands above and below the panels, notes apart, in inches.
    numbers, gap
        Room right of each panel for numbers, and between panels, in inches.
    """
    below = foot + NOTE_HEIGHT * len(notes)
    head += LEGEND_LINE * (legend_lines(legend) - 1)
    height = head + len(names) * row + below
    figure = new_figure(height, layout=None)
    room = page_width() - panels * (_NARROWEST + numbers) - (panels - 1) * gap - 0.1
    names = [wrapped(name, room, _NAME, most=2) for name in names]
    left = max(text_width(line, _NAME) for name in names for line in name.split("\n")) + 0.1
    width = (page_width() - left - (panels - 1) * gap) / panels - numbers
    size = (width / page_width(), len(names) * row / height)
    made = []
    for column in range(panels):
        x = left + column * (width + numbers + gap)
        axes = figure.add_axes((x / page_width(), below / height, *size))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), names if column == 0 else [])
        axes.tick_params(axis="y", length=0, pad=4, labelsize=_NAME)
        axes.spines["left"].set_visible(False)
        for edge in range(1, len(names)):
            axes.axhline(edge - 0.5, color=LIGHT_GREY, linewidth=0.6, zorder=0)
        made.append(axes)
    write_notes(figure, notes)
    return figure, made


def write_right(axes: Axes, row: int, text: str) -> None:
    """Write a number right of a row."""
    axes.annotate(
        text, (1, row), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        va="center_baseline", fontsize=7.5,
    )  # fmt: skip


def span(axes: Axes, reach: Sequence[float]) -> None:
    """Let the horizontal axis hold all these values, with a margin of 4 %."""
    margin = 0.04 * (max(reach) - min(reach)) or 0.01
    axes.set_xlim(min(reach) - margin, max(reach) + margin)
