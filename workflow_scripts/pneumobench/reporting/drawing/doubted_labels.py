"""The images whose labels the networks doubt most."""

import pandas as pd
from matplotlib.figure import Figure

from pneumobench.core.files import read_table
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import draw_radiograph, map_rows, write_below
from pneumobench.reporting.drawing.style import DARK_GREY
from pneumobench.reporting.explained import read_squares
from pneumobench.reporting.words import Words

SHOWN = 6


def draw(inputs: FigureInputs) -> Figure:
    """Draw the most doubtful images of either label."""
    words = inputs.words
    doubted = read_table(
        inputs.one("label_errors"), text=("image_id", "patient", "label", "subtype")
    )
    notes = inputs.notes(
        "Out-of-fold images whose labels the networks doubt most, by confident learning.",
        f"Number: calibrated probability of {words.positive}, mean of all runs.",
        "The label may be wrong, or the networks. The names of the images are in the report.",
    )
    kinds = ("pneumonia", "normal")
    titles = [f"Labelled {words.name(kind)}" for kind in kinds]
    captions = [_caption(row, words) for _, row in doubted.iterrows()]
    figure, rows = map_rows(titles, SHOWN, notes, captions=captions or ["none"])
    for kind, cells in zip(kinds, rows, strict=True):
        own = doubted[doubted["label"] == kind].head(SHOWN)
        squares = read_squares(inputs.one("images"), inputs.one("splits"), own["image_id"])
        for axes, square, (_, row) in zip(cells, squares, own.iterrows(), strict=False):
            draw_radiograph(axes, square)
            write_below(axes, _caption(row, words), color=DARK_GREY)
        for axes in cells[len(own) :]:
            axes.set_axis_off()
        if own.empty:
            cells[0].text(0, 0.9, "none", transform=cells[0].transAxes, color=DARK_GREY, va="top")
    return figure


def _caption(row: pd.Series, words: Words) -> str:
    return f"{row['probability']:.2f} {words.subtype(row['subtype'])}"
