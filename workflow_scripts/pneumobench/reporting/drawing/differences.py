"""All pairs of runs in one matrix: out of fold below the diagonal, the test set above it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLACK,
    DARK_GREY,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    inch_axes,
    luminance,
    new_figure,
    page_width,
    text_width,
    widest,
    wrapped,
    write_notes,
)
from pneumobench.reporting.wording import percent

# One hue whose luminance falls steadily: in grey the same order.
_CLASSES = ((0.01, "#1F5FA8"), (1.0, "#BBD7EE"))
_TOP, _BELOW, _RIGHT, _CELL, _ROW, _LINE = 0.5, 0.3, 0.1, 0.62, 0.27, 0.2  # inches
# The narrowest cell that holds a number, and one with its decimal, in inches.
_SMALLEST, _DECIMAL = 0.2, 0.27
# Letters of the legend, in points.
_LEGEND = 7
# Of more runs than this, numbers would be too small to be read.
_NUMBERED = 20


def draw(inputs: FigureInputs) -> Figure:
    """Draw the difference of every pair of runs, and whether it is significant.

    Rows and columns: runs in order of rank. A number is the AUC of the higher-ranked run minus that
    of the other, in points (hundredths). The darker a cell, the smaller its adjusted p; white cells
    are not significant, hatched ones are one model trained twice.
    """
    rows, facts = inputs.complete, inputs.json("differences_details")
    names = [f"{row['rank']:.0f}  {row['label']}" for _, row in rows.iterrows()]
    notes = inputs.notes(*_notes(facts, len(names)))
    legend = _legend(1 - facts["confidence"])
    below = _TOP + len(names) * _ROW
    foot = _BELOW + _LINE * max(line for line, *_ in legend) + NOTE_HEIGHT * len(notes) + 0.05
    figure = new_figure(below + foot, layout=None)
    matrix = _matrix(inch_axes(figure), names, rows["rank"])
    place = {run: position for position, run in enumerate(rows["run"])}
    for _, pair in read_differences(inputs.one("differences")).iterrows():
        if not {pair["first"], pair["second"]} <= place.keys():
            continue
        corner = sorted((place[pair["first"]], place[pair["second"]]), reverse=True)
        matrix.draw_pair(pair, *(corner if pair["dataset"] == "out_of_fold" else corner[::-1]))
    matrix.axes.text(
        0.06, 0.06, "Below the diagonal: out of fold. Above: test set.", fontsize=9, va="top"
    )
    _draw_legend(matrix.axes, below + 0.1, legend)
    write_notes(figure, notes)
    return figure


@dataclass(frozen=True)
class _Matrix:
    """Where cells lie, in inches of the figure."""

    axes: Axes
    left: float
    width: float
    numbered: bool

    def draw_cell(self, row: int, column: int, colour: str, *, hatched: bool = False) -> None:
        """Fill a cell."""
        x, y = self.left + column * self.width, _TOP + row * _ROW
        self.axes.add_patch(
            Rectangle(
                (x + 0.01, y + 0.01), self.width - 0.02, _ROW - 0.02, facecolor=colour, linewidth=0,
                edgecolor=GREY if hatched else "none", hatch="////" if hatched else None,
            )
        )  # fmt: skip

    def draw_pair(self, pair: pd.Series, row: int, column: int) -> None:
        """Draw one pair of differences.csv."""
        colour, hatched = _colour(pair), bool(pair["noise_floor"])
        self.draw_cell(row, column, colour, hatched=hatched)
        if not self.numbered:
            return
        holds = bool(pair["distinguishable"])
        self.axes.text(
            self.left + (column + 0.5) * self.width, _TOP + (row + 0.5) * _ROW,
            _points(pair["difference"], 1 if self.width > _DECIMAL else 0),
            ha="center", va="center_baseline",
            fontsize=6.5 if self.width > 0.36 else 5.5,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8} if hatched else None,
            color=("white" if luminance(colour) < 0.35 else BLACK) if holds else DARK_GREY,
            fontweight="bold" if holds else "normal",
        )  # fmt: skip


def _matrix(axes: Axes, names: Sequence[str], ranks: Iterable[float]) -> _Matrix:
    """Write the names at the left and their ranks above, fill the diagonal, and return the rest."""
    room = page_width() - _RIGHT - 0.16 - len(names) * _SMALLEST
    names = [wrapped(name, room, 7.5, most=1) for name in names]
    texts = [
        axes.text(0.06, _TOP + (row + 0.5) * _ROW, name, va="center_baseline", fontsize=7.5)
        for row, name in enumerate(names)
    ]
    left = widest(texts) + 0.16
    width = min(_CELL, (page_width() - left - _RIGHT) / len(names))
    matrix = _Matrix(axes, left, width, numbered=len(names) <= _NUMBERED)
    for position, rank in enumerate(ranks):
        matrix.draw_cell(position, position, LIGHT_GREY)
        axes.text(
            left + (position + 0.5) * width, _TOP - 0.06, f"{rank:.0f}",
            ha="center", va="bottom", fontsize=7.5,
        )  # fmt: skip
    return matrix


def _points(difference: float, digits: int) -> str:
    return f"{100 * difference:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _colour(pair: pd.Series) -> str:
    if not pair["distinguishable"]:
        return "#FFFFFF"
    return next(colour for bound, colour in _CLASSES if pair["permutation_p_holm"] < bound)


def _legend(level: float) -> list[tuple[int, float, str, str, bool]]:
    """Return line, place in inches, text, colour, and whether hatched, of each entry."""
    bounds = [bound for bound, _ in _CLASSES if bound < level] + [level]
    entries = [
        (f"p < {bound:.3g}", colour, False)
        for bound, (_, colour) in zip(bounds, _CLASSES, strict=False)
    ]
    entries += [
        ("not significant", "#FFFFFF", False),
        ("one model trained twice, or equal predictions", "#FFFFFF", True),
    ]
    placed, line, x = [], 0, 0.06
    for label, colour, hatched in entries:
        width = 0.34 + text_width(label, _LEGEND)
        if x + width > page_width():
            line, x = line + 1, 0.06
        placed.append((line, x, label, colour, hatched))
        x += width + 0.2
    return placed


def _draw_legend(
    axes: Axes, top: float, entries: Sequence[tuple[int, float, str, str, bool]]
) -> None:
    for line, x, label, colour, hatched in entries:
        y = top + line * _LINE
        axes.add_patch(
            Rectangle(
                (x, y), 0.28, 0.13, facecolor=colour, edgecolor=GREY, linewidth=0.6,
                hatch="////" if hatched else None,
            )
        )  # fmt: skip
        axes.text(x + 0.34, y + 0.065, label, fontsize=_LEGEND, va="center_baseline")


def _notes(facts: dict[str, Any], runs: int) -> list[str]:
    if runs == 1:
        return ["Only one run is complete: there is nothing to compare."]
    numbers = "Numbers: " if runs <= _NUMBERED else "Numbers stand in differences.csv: "
    return [
        f"{numbers}AUC of the higher-ranked run minus that of the other, in points (hundredths).",
        "p: permutation test over whole patients, adjusted over all pairs of "
        f"the data set (Holm); level {percent(1 - facts['confidence'])}.",
    ]
