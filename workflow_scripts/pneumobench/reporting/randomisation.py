"""How alike the maps stay while the networks lose their weights, stage by stage."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pneumobench.core.files import read_table
from pneumobench.reporting.explained import notes_without_maps
from pneumobench.reporting.inputs import complete_runs, drawn_comparison, missing_notes
from pneumobench.reporting.map_grid import figure_without_maps
from pneumobench.reporting.style import (
    BLUE,
    DARK_GREY,
    LIGHT_GREY,
    NOTE_HEIGHT,
    VERMILLION,
    new_figure,
    place_grid,
    save_figure,
    styled,
    write_notes,
)

_COLUMNS = 4
_ROW_HEIGHT = 1.75
_MEASURES = {
    "spearman": ("rank correlation", BLUE, "solid", "o"),
    "ssim": ("structural similarity", VERMILLION, (0, (4, 1.5)), "s"),
}


@styled()
def plot_randomisation(
    layers: str | Path, maps: Iterable[str | Path], comparison: str | Path, stem: str | Path
) -> None:
    """Draw the cascading randomisation of every run, as `stem`.png and `stem`.pdf.

    Adebayo et al., 2018 (https://arxiv.org/abs/1810.03292, figure 4): likeness with the trained
    network's maps over the number of stages that have lost their weights, from the logits down.

    Parameters
    ----------
    layers
        comparison/randomisation.csv.
    maps
        maps.npz of the runs, for those that have no maps.
    comparison
        comparison.csv, for order and names.
    stem
        Path of the figure without a suffix.
    """
    table, likeness = drawn_comparison(comparison), read_table(layers, text=("run", "layer"))
    runs = [
        (row["label"], likeness[likeness["run"] == row["run"].folder])
        for _, row in complete_runs(table).iterrows()
    ]
    runs = [(label, rows) for label, rows in runs if len(rows)]
    without = notes_without_maps(table, maps)
    if not runs:
        save_figure(figure_without_maps([*without, *missing_notes(table)]), stem)
        return
    notes = [
        "Means over the radiographs of the sample; bands: intervals of a bootstrap over patients. "
        "1: as the trained network's map; 0: no relation.",
        "Maps that stay alike although the weights are gone show the image, not what was learnt.",
        *without,
        *missing_notes(table),
    ]
    columns = min(_COLUMNS, len(runs))
    rows = -(-len(runs) // columns)
    bottom = 0.5 + NOTE_HEIGHT * len(notes)
    figure = new_figure(rows * _ROW_HEIGHT + 0.25 + bottom, layout=None)
    panels = place_grid(
        figure, rows, columns, top=0.35, bottom=bottom, left=0.65, gap=(0.25, 0.5)
    ).ravel()
    for position, (axes, (label, found)) in enumerate(zip(panels, runs, strict=False)):
        _draw_run(axes, label, found)
        if position % columns:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("Likeness")
        # The panel below it may be missing.
        if position + columns >= len(runs):
            axes.set_xlabel("Stages without weights")
    for axes in panels[len(runs) :]:
        axes.set_visible(False)
    handles = [
        Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=3.5, label=title)
        for title, colour, line, marker in _MEASURES.values()
    ]
    panels[0].legend(handles=handles, fontsize=6.5, handlelength=2.4, loc="best")
    write_notes(figure, notes)
    save_figure(figure, stem)


def _draw_run(axes: Axes, label: str, rows: pd.DataFrame) -> None:
    axes.set_title(label, fontsize=7.5)
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
