"""How training went: one row of panels a run."""

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.core.ownership import read_fold_table
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    GREEN,
    LIGHT_GREY,
    NOTE_HEIGHT,
    ORANGE,
    VERMILLION,
    new_figure,
    place_grid,
    write_notes,
)

_ROW_HEIGHT = 1.5
_SHARE_COLOURS = (GREEN, ORANGE, BLACK)
_TRAINING = (BLUE, "solid")
_HELD_OUT = (VERMILLION, (0, (4, 1.5)))


def draw(inputs: FigureInputs) -> Figure:
    """Draw loss, accuracy and held-out AUC over the epochs.

    Thin lines are the folds, the thick line is their mean. Blue, solid: training side. Vermillion,
    dashed: the held-out part of the training side that early stopping watches. Models with branches
    have a fourth panel: each branch's share of the norm of the features.

    Raises
    ------
    UserError
        If a history is of another run or fold than its folder.
    """
    runs = [
        (row["label"], [read_fold_table(path) for path in paths])
        for row, paths in inputs.of_runs("histories", depth=2)
    ]
    notes = inputs.notes(
        "Thin lines (dots after a single epoch): folds; thick lines (large dots): their mean.",
        "The held-out part of the training side is what early stopping watches.",
    )
    with_shares = any(_shares(folds[0]) for _, folds in runs)
    columns = 4 if with_shares else 3
    bottom = 0.5 + NOTE_HEIGHT * len(notes)
    figure = new_figure(len(runs) * _ROW_HEIGHT + 0.2 + bottom, layout=None)
    panels = place_grid(
        figure, len(runs), columns, top=0.55, bottom=bottom, left=0.4, gap=(0.42, 0.48)
    )
    for row, (label, folds) in zip(panels, runs, strict=True):
        _draw_run(row, label, folds)
    for axes, title in zip(
        panels[0], ("Loss", "Accuracy", "Held-out AUC", "Branch shares"), strict=False
    ):
        axes.annotate(
            title, (0.5, 1.0), (0, 22), xycoords="axes fraction", textcoords="offset points",
            ha="center", fontsize=9,
        )  # fmt: skip
    for axes in panels[-1]:
        axes.set_xlabel("Epoch")
    marker = "o" if all(_single_epoch(folds) for _, folds in runs) else None
    handles = [
        Line2D([], [], color=colour, linestyle="none" if marker else line, marker=marker)
        for colour, line in (_TRAINING, _HELD_OUT)
    ]
    panels[0, 0].legend(
        handles, ["training side", "held-out part"], fontsize=6.5, handlelength=2.4, loc="best"
    )
    write_notes(figure, notes)
    return figure


def _draw_run(row: Iterable[Axes], label: str, folds: list[pd.DataFrame]) -> None:
    loss, accuracy, auc, *shares = row
    loss.set_title(f"{label} ({len(folds)} folds)", fontsize=8.5)
    for axes, columns in (
        (loss, ("train_loss", "inner_loss")),
        (accuracy, ("train_accuracy", "inner_accuracy")),
    ):
        _draw_folds(axes, folds, columns[0], *_TRAINING)
        _draw_folds(axes, folds, columns[1], *_HELD_OUT)
    _draw_folds(auc, folds, "inner_auc", *_HELD_OUT)
    # Room above, so that no dot is cut.
    loss.set_ylim(0, 1.12 * loss.dataLim.y1)
    for axes in (accuracy, auc):
        axes.set_ylim(min(0.45, axes.get_ylim()[0]), 1.04)
    if all(fold["inner_auc"].isna().all() for fold in folds):
        auc.set_yticks([])
        auc.text(
            0.5, 0.5, "no held-out part", ha="center", fontsize=7.5, color=DARK_GREY,
            transform=auc.transAxes,
        )  # fmt: skip
    for axes in shares:
        _draw_shares(axes, folds)
    for axes in (loss, accuracy, auc, *shares):
        axes.grid(color=LIGHT_GREY)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.margins(x=0.02)
        if _single_epoch(folds):
            axes.set_xlim(0.5, 1.5)


def _draw_folds(
    axes: Axes, folds: list[pd.DataFrame], column: str, colour: str, line: str | tuple
) -> None:
    series = [fold.set_index("epoch")[column] for fold in folds]
    # A line needs two epochs; one epoch shows as dots.
    dot = "o" if _single_epoch(folds) else None
    thin = {"linewidth": 0.5, "alpha": 0.45, "marker": dot, "markersize": 2.5}
    thick = {"linestyle": line, "linewidth": 1.6, "marker": dot, "markersize": 6}
    for values in series:
        axes.plot(values.index, values, color=colour, **thin)
    # Early stopping ends folds at different epochs; the mean is over the folds still training.
    mean = pd.concat(series, axis=1).mean(axis=1)
    axes.plot(mean.index, mean, color=colour, **thick)


def _single_epoch(folds: list[pd.DataFrame]) -> bool:
    return all(len(fold) == 1 for fold in folds)


def _shares(history: pd.DataFrame) -> list[str]:
    return [column for column in history.columns if column.startswith("share_")]


def _draw_shares(axes: Axes, folds: list[pd.DataFrame]) -> None:
    columns = _shares(folds[0])
    if not columns:
        axes.set_visible(False)
        return
    for column, colour, line in zip(
        columns, _SHARE_COLOURS, ("solid", (0, (4, 1.5)), (0, (1, 1))), strict=False
    ):
        _draw_folds(axes, folds, column, colour, line)
        axes.lines[-1].set_label(column.removeprefix("share_"))
    axes.set_ylim(0, 1)
    axes.legend(loc="best", fontsize=6.5, handlelength=2.2)
