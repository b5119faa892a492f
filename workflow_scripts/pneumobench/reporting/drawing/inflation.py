"""What bad practice adds: each figure beside the honest one, and the difference in points."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLACK,
    DARK_GREY,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    VERMILLION,
    lines_height,
    new_figure,
    note_lines,
    page_width,
    wrapped,
    write_notes,
)
from pneumobench.reporting.inflation import METRIC_TITLES, read_inflation
from pneumobench.reporting.wording import count, percent, with_interval

_ROW, _FRAME = 0.42, 1.0  # inches
_TITLES = ("Results, OPTIMISTIC and honest", "Added, in points")


def draw(inputs: FigureInputs) -> Figure:
    """Draw what each practice reports, the honest figure, and what it adds.

    A row for each practice and metric; where nothing was measured stands the reason.
    """
    rows, facts = read_inflation(inputs.one("inflation")), inputs.json("inflation_details")
    notes = note_lines(
        (
            "Hollow: honest practice. Filled: what bad practice would report, which is OPTIMISTIC. "
            f"{facts['model']}, {facts['folds']} folds;",
            f"bars: {percent(facts['interval']['confidence'])} intervals, bootstrap over patients "
            f"({count(facts['interval']['replicates'])} replicates).",
        )
    )
    # Names, numbers and two panels share the page.
    room = page_width() / 2 - 1.1
    titles = [wrapped(title, room, 9) for title in _TITLES]
    head = lines_height(titles, 9) - lines_height([""], 9)
    figure = new_figure(_FRAME + head + _ROW * len(rows) + NOTE_HEIGHT * len(notes))
    foot = NOTE_HEIGHT * len(notes) / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, foot, 1, 1 - foot), wspace=0.04)
    figures, added = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
    for axes, title in zip((figures, added), titles, strict=True):
        axes.set_title(title)
    for position, row in rows.iterrows():
        if row["reason"]:
            figures.text(
                0.02, position, wrapped(f"not measured: {row['reason']}", room, 6.5),
                fontsize=6.5, color=DARK_GREY, va="center", in_layout=False,
                transform=figures.get_yaxis_transform(),
            )  # fmt: skip
            continue
        _draw_figures(figures, position, row)
        _draw_added(added, position, row)
    names = [
        f"{wrapped(title, 0.3 * page_width(), 7.5, most=2)}\n{METRIC_TITLES[metric]}"
        for title, metric in zip(rows["title"], rows["metric"], strict=True)
    ]
    figures.set_yticks(range(len(rows)), names)
    figures.set_ylim(len(rows) - 0.5, -0.5)
    added.axvline(0, color=BLACK, linewidth=0.8, zorder=1)
    added.margins(x=0.12)
    for axes in (figures, added):
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        for line in range(1, len(rows)):
            axes.axhline(line - 0.5, color=LIGHT_GREY, linewidth=0.6, zorder=0)
    figures.set_xlabel(wrapped("AUC or balanced accuracy", room, 8))
    added.set_xlabel(wrapped("points (hundredths)", room, 8))
    for axes in (figures, added):
        axes.locator_params(axis="x", nbins=min(9, round(4 * room / 1.1)))
    write_notes(figure, notes)
    return figure


def _draw_figures(axes: Axes, position: int, row: pd.Series) -> None:
    # One above the other, so that intervals do not cover each other.
    for name, offset, colour, face in (
        ("honest", 0.13, BLACK, "white"), ("reported", -0.13, VERMILLION, VERMILLION),
    ):  # fmt: skip
        place = position + offset
        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [place] * 2, color=colour, lw=1.2)
        axes.plot(row[name], place, "o", markerfacecolor=face, markeredgecolor=colour, ms=5)


def _draw_added(axes: Axes, position: int, row: pd.Series) -> None:
    value, low, high = (100 * row[f"optimism{bound}"] for bound in ("", "_low", "_high"))
    colour = BLACK if low > 0 or high < 0 else GREY
    axes.plot([low, high], [position] * 2, color=colour, lw=1.6)
    axes.plot(value, position, "D", color=colour, ms=4.5)
    axes.text(
        1.03, position, with_interval(value, low, high, digits=1), fontsize=7, va="center",
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip
