"""The ranking as a forest plot."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLUE,
    GREY,
    LIGHT_GREY,
    VERMILLION,
    lines_height,
    mark_chance,
    new_figure,
    page_width,
    shade_rows,
    stand_between,
    text_width,
    widest,
    wrapped,
)
from pneumobench.reporting.inputs import DATASET_TITLES, missing_runs
from pneumobench.reporting.plain_text import shown
from pneumobench.reporting.tables import rank_interval
from pneumobench.reporting.wording import count, percent, row_interval
from pneumobench.reporting.words import Words
from pneumobench.statistics.comparison import NOT_LEARNED

_ROW_HEIGHT, _TOP, _BOTTOM = 0.36, 0.25, 0.5  # inches
# Letters in points, and the narrowest room for what is drawn, in inches.
_SIZE, _NARROWEST = 7.5, 0.8
_MARKS = {"out_of_fold": (BLUE, "o", -0.15), "test": (VERMILLION, "s", 0.15)}


def draw(inputs: FigureInputs) -> Figure:
    """Draw every run's AUC with its interval, best run at the top, and its rank with its interval.

    Filled circles: out-of-fold, by which runs are ranked. Hollow squares: test set. Missing runs
    are named at the bottom. A dashed line stands at the out-of-fold AUC of the best baseline.
    """
    facts = inputs.json("comparison_details")
    complete, missing = inputs.complete, missing_runs(inputs.comparison)
    baseline = facts["baselines"]["models"][0]
    legend = [
        *(_legend(facts, dataset, inputs.words) for dataset in _MARKS),
        f"Best baseline, out-of-fold: a linear model of the {baseline['baseline']}",
    ]
    legend = [wrapped(text, page_width() - 0.4, _SIZE) for text in legend]
    top = _TOP + sum(lines_height([text], _SIZE) + 0.075 for text in legend)
    height = (len(complete) + len(missing)) * _ROW_HEIGHT + top + _BOTTOM
    figure = new_figure(height, layout=None)
    axes = figure.add_axes((0, _BOTTOM / height, 1, 1 - (top + _BOTTOM) / height))
    for dataset, mark in _MARKS.items():
        _draw_estimates(axes, complete, f"{dataset}_roc_auc", *mark)
    _draw_names(axes, complete, missing)
    stand_between(axes, widest(axes.get_yticklabels()) + 0.15, _figures_width())
    _draw_figures(axes, complete)
    axes.axvline(baseline["out_of_fold_roc_auc"], color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    handles = [*axes.lines[:2], axes.lines[-1]]
    if axes.get_xlim()[0] < 0.52:
        mark_chance(axes)
    # A number at an axis needs half an inch.
    if (numbers := int(axes.get_position().width * page_width() / 0.5)) < 4:
        axes.locator_params(axis="x", nbins=max(2, numbers), min_n_ticks=1)
    axes.set_xlabel(f"AUC with {percent(facts['confidence'])} interval (bootstrap over patients)")
    axes.grid(axis="x", color=LIGHT_GREY)
    figure.legend(
        handles=handles,
        labels=legend,
        loc="upper left", bbox_to_anchor=(0, 1), borderaxespad=0.2, handlelength=1.5,
    )  # fmt: skip
    return figure


def _legend(facts: dict[str, Any], dataset: str, words: Words) -> str:
    counts = facts["datasets"][dataset]
    how = {"out_of_fold": "mean of the folds; the ranking figure", "test": "not used for ranking"}
    return (
        f"{DATASET_TITLES[dataset]} ({how[dataset]}): n = {count(counts['n'])} images of "
        f"{count(counts['patients'])} patients, {count(counts['events'])} with "
        f"{shown(words.positive, 24)}"
    )


def _draw_estimates(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str, marker: str, offset: float
) -> None:
    y = rows.index.to_numpy() + offset
    # The markers first: the legend takes the first line of each data set.
    axes.plot(
        rows[column], y, linestyle="none", marker=marker, color=colour, markersize=5.5,
        markerfacecolor=colour if marker == "o" else "white", markeredgewidth=1.3, zorder=3,
    )  # fmt: skip
    axes.hlines(y, rows[f"{column}_low"], rows[f"{column}_high"], color=colour, linewidth=1.4)


def _draw_names(axes: Axes, complete: pd.DataFrame, missing: pd.DataFrame) -> None:
    room = page_width() - _figures_width() - _NARROWEST - 0.15
    ranks = [f"   {row['rank']:.0f}{_between(row)}" for _, row in complete.iterrows()]
    beside = max(text_width(rank, _SIZE) for rank in ranks)
    names = [
        wrapped(row["label"], room - beside, _SIZE, most=2)
        + rank
        + ("" if row["learned"] else f"\n({NOT_LEARNED})")
        for rank, (_, row) in zip(ranks, complete.iterrows(), strict=True)
    ]
    names += [
        f"{wrapped(row['label'], room, _SIZE, most=2)}\n(missing)" for _, row in missing.iterrows()
    ]
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    shade_rows(axes, len(names))


def _figures_width() -> float:
    """Return the room for two columns of numbers in inches; a narrow page gives only the least."""
    return min(2.6, max(2.48, page_width() - 4.0))


def _between(row: pd.Series) -> str:
    found = rank_interval(row)
    return "" if found == f"{row['rank']:.0f}" else f" ({found})"


def _draw_figures(axes: Axes, rows: pd.DataFrame) -> None:
    for column, dataset in enumerate(_MARKS):
        x = 1 - (_figures_width() - 0.15 - column * _figures_width() / 2) / page_width()
        across = blended_transform_factory(axes.figure.transFigure, axes.transData)
        axes.text(
            x, -0.6, DATASET_TITLES[dataset], transform=across, fontsize=7.5,
            color=_MARKS[dataset][0], va="bottom",
        )  # fmt: skip
        name = f"{dataset}_roc_auc"
        for position, row in rows.iterrows():
            text = row_interval(row, name)
            axes.text(x, position, text, transform=across, fontsize=7.5, va="center")
