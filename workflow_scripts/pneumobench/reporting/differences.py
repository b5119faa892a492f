"""All pairs of runs in one matrix: out of fold below the diagonal, the test set above it."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import complete_runs, drawn_comparison, missing_notes
from pneumobench.reporting.style import (
    BLACK,
    DARK_GREY,
    GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    PAGE_WIDTH,
    inch_axes,
    luminance,
    new_figure,
    save_figure,
    styled,
    write_notes,
)
from pneumobench.reporting.wording import percent

# One hue whose luminance falls steadily: in grey the same order.
_CLASSES = ((0.01, "#1F5FA8"), (1.0, "#BBD7EE"))
_TOP, _BELOW, _RIGHT, _CELL, _ROW = 0.5, 0.3, 0.1, 0.62, 0.27  # inches
# Of more runs than this, numbers would be too small to be read.
_NUMBERED = 20
_SIDES = ("first", "second")


@styled()
def plot_differences(
    differences_csv: str | Path,
    differences_json: str | Path,
    comparison: str | Path,
    stem: str | Path,
) -> None:
    """Draw the difference of every pair of runs, and whether it holds.

    Saved as `stem`.png and `stem`.pdf. Rows and columns: runs in order of rank. A number is the AUC
    of the run that ranks higher minus that of the other, in points (hundredths). The darker a cell,
    the smaller its adjusted p; white cells do not hold, hatched ones are one model trained twice.

    Parameters
    ----------
    differences_csv, differences_json
        The tests of all pairs, and what they follow from.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """  # fmt: skip
    ranked = drawn_comparison(comparison)
    rows, facts = complete_runs(ranked), read_json(differences_json)
    pairs = read_differences(differences_csv)
    names = [f"{row['rank']:.0f}  {row['label']}" for _, row in rows.iterrows()]
    notes = _notes(facts, len(names)) + missing_notes(ranked)
    height = _TOP + len(names) * _ROW + _BELOW + NOTE_HEIGHT * len(notes) + 0.05
    figure = new_figure(height, layout=None)
    axes = inch_axes(figure)
    texts = [
        axes.text(0.06, _TOP + (row + 0.5) * _ROW, name, va="center_baseline", fontsize=7.5)
        for row, name in enumerate(names)
    ]
    renderer = figure.canvas.get_renderer()
    left = max(text.get_window_extent(renderer).width for text in texts) / figure.dpi + 0.16
    width = min(_CELL, (PAGE_WIDTH - left - _RIGHT) / len(names))
    place = {run: position for position, run in enumerate(rows["run"])}
    for position in range(len(names)):
        _draw_cell(axes, left, width, position, position, None)
        axes.text(
            left + (position + 0.5) * width, _TOP - 0.06, f"{position + 1}",
            ha="center", va="bottom", fontsize=7.5,
        )  # fmt: skip
    for _, pair in pairs.iterrows():
        corner = place[pair["second"]], place[pair["first"]]
        row, column = corner if pair["dataset"] == "out_of_fold" else corner[::-1]
        _draw_cell(axes, left, width, row, column, pair, numbered=len(names) <= _NUMBERED)
    axes.text(0.06, 0.06, "Below the diagonal: out of fold. Above: test set.", fontsize=9, va="top")
    _draw_legend(axes, _TOP + len(names) * _ROW + 0.1, 1 - facts["confidence"])
    write_notes(figure, notes)
    save_figure(figure, stem)


def read_differences(path: str | Path) -> pd.DataFrame:
    """Read differences.csv, with the runs of each pair as `first` and `second`."""
    text = tuple(f"{side}_{key}" for side in _SIDES for key in ("model", "recipe"))
    table = read_table(path, text=(*text, "dataset", "noise_floor"))
    for side in _SIDES:
        keys = (table[f"{side}_{key}"] for key in ("model", "recipe", "seed"))
        table[side] = [
            Run(model, recipe, int(seed)) for model, recipe, seed in zip(*keys, strict=True)
        ]
    return table


def _draw_cell(
    axes: Axes,
    left: float,
    width: float,
    row: int,
    column: int,
    pair: pd.Series | None,
    *,
    numbered: bool = True,
) -> None:
    """Draw one pair; without a pair a cell of the diagonal."""  # fmt: skip
    x, y = left + column * width, _TOP + row * _ROW
    colour = LIGHT_GREY if pair is None else _colour(pair)
    hatched = pair is not None and bool(pair["noise_floor"])
    axes.add_patch(
        Rectangle(
            (x + 0.01, y + 0.01), width - 0.02, _ROW - 0.02, facecolor=colour,
            edgecolor=GREY if hatched else "none", hatch="////" if hatched else None, linewidth=0,
        )
    )  # fmt: skip
    if pair is None or not numbered:
        return
    holds = bool(pair["distinguishable"])
    box = {"facecolor": colour, "edgecolor": "none", "pad": 0.8} if hatched else None
    axes.text(
        x + width / 2, y + _ROW / 2, _points(pair["difference"]), ha="center",
        va="center_baseline", fontsize=6.5 if width > 0.36 else 5.5, bbox=box,
        color=("white" if luminance(colour) < 0.35 else BLACK) if holds else DARK_GREY,
        fontweight="bold" if holds else "normal",
    )  # fmt: skip


def _points(difference: float) -> str:
    text = f"{100 * difference:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def _colour(pair: pd.Series) -> str:
    if not pair["distinguishable"]:
        return "#FFFFFF"
    return next(colour for bound, colour in _CLASSES if pair["permutation_p_holm"] < bound)


def _draw_legend(axes: Axes, y: float, level: float) -> None:
    bounds = [bound for bound, _ in _CLASSES if bound < level] + [level]
    entries = [
        (f"p < {bound:.3g}", colour, False)
        for bound, (_, colour) in zip(bounds, _CLASSES, strict=False)
    ]
    entries += [
        ("does not hold", "#FFFFFF", False),
        ("one model trained twice, or equal predictions", "#FFFFFF", True),
    ]
    x = 0.06
    for label, colour, hatched in entries:
        axes.add_patch(
            Rectangle(
                (x, y), 0.28, 0.13, facecolor=colour, edgecolor=GREY, linewidth=0.6,
                hatch="////" if hatched else None,
            )
        )  # fmt: skip
        axes.text(x + 0.34, y + 0.065, label, fontsize=7, va="center_baseline")
        x += 0.62 + 0.062 * len(label)


def _notes(facts: dict[str, Any], runs: int) -> list[str]:
    if runs == 1:
        return ["Only one run is complete: there is nothing to compare."]
    numbers = "Numbers: " if runs <= _NUMBERED else "Numbers stand in differences.csv: "
    return [
        f"{numbers}AUC of the run that ranks higher minus the other's, in points (hundredths).",
        "p: exchange of whole patients' scores between the two runs, adjusted over all pairs of "
        f"the data set (Holm); level {percent(1 - facts['confidence'])}.",
    ]
