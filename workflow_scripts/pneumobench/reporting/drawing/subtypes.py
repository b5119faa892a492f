"""Confusion of the best runs between three classes, and the AUC of each class of all runs."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.core.task import SUBTYPES
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.matrix import draw_matrix
from pneumobench.reporting.drawing.style import (
    BLUE,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    VERMILLION,
    name_above,
    new_figure,
    wrapped,
    write_notes,
)
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.subtypes import AREAS, in_rank
from pneumobench.reporting.wording import percent
from pneumobench.statistics.subtypes import runs_of, shown, table_of

_MARKS = {"out_of_fold": (BLUE, "o", -0.16), "test": (VERMILLION, "s", 0.16)}
# The best runs are shown in detail: two of them on a page of so many inches, else one.
_BEST, _TWO = 2, 6
_MATRIX, _ROW, _TOP, _BETWEEN, _AXIS = 1.25, 0.34, 0.55, 1.0, 0.62  # inches
# Letters of names in points.
_NAME = 7
# A character of a run's name, and the most that names may take.
_CHARACTER, _NAMES = 0.058, 2.9

Entries = list[tuple[str, dict[str, Any]]]


def draw(inputs: FigureInputs) -> Figure:
    """Draw how well runs distinguish the subtypes.

    Above, for the runs that rank first, which class is taken for which, out of fold and on the test
    set; cells are shaded by their share of the row. Below, for every run, the AUC of each class
    against the rest, their mean, and bacterial against viral, with intervals; dashed lines are the
    baseline of thumbnails, out of fold.
    """
    content = inputs.json("subtypes")
    entries = in_rank(inputs.comparison, content)
    notes = inputs.notes(
        "Above: rows reference standard, each 100 %; columns the class with the largest logit.",
        f"Below: {percent(content['confidence'])} intervals, bootstrap over patients. Dashed: "
        "linear model of thumbnails, out of fold; dotted: chance.",
    )
    forest = max(2, len(entries)) * _ROW
    foot = NOTE_HEIGHT * len(notes) + 0.1
    figure = new_figure(_TOP + _MATRIX + _BETWEEN + forest + _AXIS + foot, layout=None)
    _draw_matrices(figure, entries)
    _draw_forest(figure, entries, runs_of(content, "baseline")[0], foot + _AXIS, forest)
    write_notes(figure, notes)
    return figure


def _place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes whose place is given in inches."""
    page, whole = figure.get_size_inches()
    return figure.add_axes((left / page, bottom / whole, width / page, height / whole))


def _draw_matrices(figure: Figure, entries: Entries) -> None:
    bottom = figure.get_size_inches()[1] - _TOP - _MATRIX
    width = figure.get_size_inches()[0]
    best = _BEST if width > _TWO else 1
    step = (width - 0.75) / (2 * best)
    for place, (label, entry) in enumerate(entries[:best]):
        for side, dataset in enumerate(DATASET_TITLES):
            left = 0.75 + (2 * place + side) * step
            axes = _place(figure, left, bottom, step - 0.2, _MATRIX)
            draw_matrix(axes, table_of(entry, dataset), DATASET_TITLES[dataset], digits=0, size=6.5)
            axes.set_xticks(range(3), SUBTYPES)
            axes.tick_params(length=0, labelsize=6.5)
            axes.set_yticks(range(3), SUBTYPES if place + side == 0 else [""] * 3)
            if side == 0:
                name_above(axes, label, 19, fontsize=8.5)


def _draw_forest(
    figure: Figure, entries: Entries, baseline: dict[str, Any], bottom: float, height: float
) -> None:
    page = figure.get_size_inches()[0]
    names = min(
        _NAMES, 0.35 + _CHARACTER * max(len(label) for label, _ in entries), 0.4 * page - 0.5
    )
    labels = [wrapped(label, names - 0.15, _NAME, most=2) for label, _ in entries]
    step = (page - names - 0.1) / len(AREAS)
    limits = _limits(entries, baseline)
    for place, (metric, title) in enumerate(AREAS.items()):
        axes = _place(figure, names + place * step, bottom, step - 0.12, height)
        for row, (_, entry) in enumerate(entries):
            for dataset, mark in _MARKS.items():
                _draw_estimate(axes, shown(entry, dataset, metric), row, mark)
        level = shown(baseline, "out_of_fold", metric)["value"]
        if level is not None:
            axes.axvline(level, color=GREY, linestyle=(0, (4, 2)), linewidth=1, zorder=1)
        axes.axvline(0.5, color=GREY, linestyle=(0, (1, 2)), linewidth=1, zorder=1)
        axes.set_xlim(*limits)
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.set_yticks(range(len(entries)), labels if not place else [])
        axes.tick_params(axis="y", length=0, labelsize=_NAME)
        axes.tick_params(axis="x", labelsize=6.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=LIGHT_GREY)
        axes.set_title(wrapped(title, step - 0.12, 7.5), fontsize=7.5)
        axes.set_xlabel("AUC", fontsize=7)
    handles = [
        Line2D([], [], color=colour, marker=marker, linewidth=1.4, markersize=5,
               markeredgewidth=1.2, markerfacecolor=colour if marker == "o" else "white")
        for colour, marker, _ in _MARKS.values()
    ]  # fmt: skip
    whole = figure.get_size_inches()[1]
    figure.legend(
        handles=handles, labels=list(DATASET_TITLES.values()), ncols=2, loc="lower left",
        bbox_to_anchor=(0, (bottom + height + 0.3) / whole), borderaxespad=0.2, handlelength=1.5,
    )  # fmt: skip


def _draw_estimate(
    axes: Axes, record: dict[str, Any], row: int, mark: tuple[str, str, float]
) -> None:
    colour, marker, offset = mark
    if record["value"] is None:
        return
    if record["low"] is not None:
        axes.hlines(row + offset, record["low"], record["high"], color=colour, linewidth=1.4)
    axes.plot(
        record["value"], row + offset, marker=marker, color=colour, markersize=4.5,
        markerfacecolor=colour if marker == "o" else "white", markeredgewidth=1.2, zorder=3,
    )  # fmt: skip


def _limits(entries: Entries, baseline: dict[str, Any]) -> tuple[float, float]:
    """Return one scale for all panels, wide enough for every interval."""
    records = [
        shown(entry, dataset, metric)
        for entry in (*(entry for _, entry in entries), baseline)
        for dataset in _MARKS
        for metric in AREAS
    ]
    lows = [record["low"] for record in records if record["low"] is not None]
    return max(0.0, min([0.48, *lows]) - 0.02), 1.02
