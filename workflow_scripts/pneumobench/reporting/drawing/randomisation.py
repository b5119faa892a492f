"""How similar the maps stay while the networks lose their weights, stage by stage."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pneumobench.core.files import read_table
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import figure_without_maps
from pneumobench.reporting.drawing.style import (
    BLUE,
    DARK_GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    VERMILLION,
    lines_height,
    new_figure,
    page_width,
    place_grid,
    wrapped,
    write_notes,
)
from pneumobench.reporting.explained import notes_without_maps

# A panel needs so many inches.
_WIDTH = 1.7
_PANEL, _LEFT, _GAP = 1.25, 0.65, 0.25  # inches
_TITLE = 7.5
_MEASURES = {
    "spearman": ("rank correlation", BLUE, "solid", "o"),
    "ssim": ("structural similarity", VERMILLION, (0, (4, 1.5)), "s"),
}


def draw(inputs: FigureInputs) -> Figure:
    """Draw the cascading randomisation of every run.

    Adebayo et al., 2018 (https://arxiv.org/abs/1810.03292, figure 4): similarity to the trained
    network's maps over the number of stages that have lost their weights, from the logits down.
    """
    similarity = read_table(inputs.one("randomisation"), text=("run", "layer"))
    runs = [
        (row["label"], similarity[similarity["run"] == row["run"].folder])
        for _, row in inputs.complete.iterrows()
    ]
    runs = [(label, rows) for label, rows in runs if len(rows)]
    without = notes_without_maps(inputs.comparison, inputs.all("maps"))
    if not runs:
        return figure_without_maps(inputs.notes(*without))
    notes = inputs.notes(
        "Means over the radiographs of the sample; bands: intervals of a bootstrap over patients. "
        "1: as the trained network's map; 0: no relation.",
        "Maps that hardly change when the weights are random show the image, not what was learnt.",
        *without,
    )
    columns = min(int(page_width() / _WIDTH), len(runs))
    rows = -(-len(runs) // columns)
    width = (page_width() - _LEFT - columns * _GAP) / columns
    runs = [(wrapped(label, width, _TITLE), found) for label, found in runs]
    top = lines_height([label for label, _ in runs], _TITLE) + 0.13
    bottom, between = 0.5 + NOTE_HEIGHT * len(notes), top + 0.25
    height = top + rows * _PANEL + (rows - 1) * between + bottom
    figure = new_figure(height, layout=None)
    panels = place_grid(
        figure, rows, columns, top=top, bottom=bottom, left=_LEFT, gap=(_GAP, between)
    ).ravel()
    for position, (axes, (label, found)) in enumerate(zip(panels, runs, strict=False)):
        _draw_run(axes, label, found)
        if position % columns:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("Similarity")
        # The panel below it may be missing.
        if position + columns >= len(runs):
            axes.set_xlabel("Randomised stages")
    for axes in panels[len(runs) :]:
        axes.set_visible(False)
    handles = [
        Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=3.5, label=title)
        for title, colour, line, marker in _MEASURES.values()
    ]
    panels[0].legend(handles=handles, fontsize=6.5, handlelength=2.4, loc="best")
    write_notes(figure, notes)
    return figure


def _draw_run(axes: Axes, label: str, rows: pd.DataFrame) -> None:
    axes.set_title(label, fontsize=_TITLE)
    axes.axhline(0, color=DARK_GREY, linewidth=0.7)
    order = {number: place for place, number in enumerate(sorted(set(rows["layer_order"])), 1)}
    for measure, (_, colour, line, marker) in _MEASURES.items():
        found = rows[rows["measure"] == measure].sort_values("layer_order")
        places = [0, *found["layer_order"].map(order)]
        axes.plot(
            places, [1, *found["value"]], color=colour, linestyle=line, marker=marker, markersize=3
        )
        axes.fill_between(
            places, [1, *found["low"]], [1, *found["high"]], color=colour, alpha=0.18, linewidth=0
        )
    axes.set_ylim(-1.08, 1.08)
    axes.set_xlim(-0.3, len(order) + 0.3)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color=LIGHT_GREY)
