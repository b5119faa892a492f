"""The most confidently wrong images: where to look for a reason, or for an error in the labels."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import draw_radiograph, map_rows, write_below
from pneumobench.reporting.drawing.style import DARK_GREY
from pneumobench.reporting.explained import read_squares
from pneumobench.reporting.words import Words
from pneumobench.reporting.worst_cases import SHOWN, worst_cases


def draw(inputs: FigureInputs) -> Figure:
    """Draw the most confidently wrong out-of-fold radiographs."""
    words = inputs.words
    found = worst_cases(inputs.comparison, inputs.all("calibrated"))
    notes = inputs.notes(
        "Out-of-fold images on the wrong side of the frozen threshold, the most confident error "
        "first.",
        f"Number: calibrated probability of {words.positive} (of several runs the mean), then how "
        "many of them are wrong.",
        "The networks may be wrong, or the label. The names of the images are in the report and in "
        "calibrated.csv.",
    )
    captions = [_caption(row, words) for cases in found for _, row in cases.radiographs.iterrows()]
    figure, rows = map_rows(
        [cases.title(words) for cases in found], SHOWN, notes, captions=captions or ["none"]
    )
    for cases, cells in zip(found, rows, strict=True):
        radiographs = read_squares(
            inputs.one("images"), inputs.one("splits"), cases.radiographs.index
        )
        for axes, radiograph, (_, row) in zip(
            cells, radiographs, cases.radiographs.iterrows(), strict=False
        ):
            draw_radiograph(axes, radiograph)
            write_below(axes, _caption(row, words), color=DARK_GREY)
        for axes in cells[len(radiographs) :]:
            axes.set_axis_off()
        if not radiographs:
            _say_none(cells[0])
    return figure


def _caption(row: pd.Series, words: Words) -> str:
    shown = f"{row['probability']:.2f} {words.subtype(row['subtype'])}"
    return shown + (f"\n{row['wrong']} of {row['runs']}" if row["runs"] > 1 else "")


def _say_none(axes: Axes) -> None:
    axes.text(0, 0.9, "none", transform=axes.transAxes, color=DARK_GREY, va="top")
