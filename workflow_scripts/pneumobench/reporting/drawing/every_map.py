"""One radiograph, all that is known of where each network looks: a row for each run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.core.explained import read_maps
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import (
    FINER,
    draw_radiograph,
    explained_of,
    figure_without_maps,
    map_rows,
    write_below,
    write_title,
)
from pneumobench.reporting.drawing.painting import enlarge, overlay
from pneumobench.reporting.drawing.style import DARK_GREY
from pneumobench.reporting.explained import ExplainedRun, is_coarse, read_squares, shared_sample
from pneumobench.reporting.words import Words

# A lesion is there to be found; bacterial pneumonia has the densest.
SUBTYPES = ("bacterial", "viral", "normal")
TITLES = {
    "joint": "Class map",
    "integrated_gradients": "Integr. gradients",
    "occlusion": "Occlusion",
}
_BRANCH, _ATTENTION = "layer_", "attention_"


@dataclass(frozen=True)
class _Cell:
    """A map to draw: `lowest` to `highest` span the colours; nothing is painted without a span."""

    title: str
    grid: np.ndarray
    lowest: float
    highest: float
    below: str


def draw(inputs: FigureInputs) -> Figure:
    """Draw every map of one radiograph by every run.

    The image is the first of the sample with second opinions, bacterial before viral. A row is a
    run: the class activation map, those of its branches, integrated gradients, occlusion, and what
    attends in it (CBAM's gates, weights of an LSTM's tokens).

    Raises
    ------
    UserError
        If no radiograph of the sample was explained by all runs.
    """
    # Other methods than class activation maps need no fine layer.
    runs, others = explained_of(inputs, coarse=True)
    if not runs:
        return figure_without_maps(others)
    words, row = inputs.words, _radiograph_of_all(runs)
    (radiograph,) = read_squares(inputs.one("images"), inputs.one("splits"), [row.name])
    every = [_cells(run, row.name) for run in runs]
    cells = [[cell for cell in found if not is_coarse(cell.grid.shape)] for found in every]
    coarse = any(is_coarse(cell.grid.shape) for found in every for cell in found)
    truth = dict.fromkeys((words.name(row["label"]), words.subtype(row["subtype"])))
    notes = [
        f"{Path(row['path']).name}: {', '.join(truth)}. Below it: the class explained, and p, the "
        f"probability of {words.positive}.",
        "By the fold's model that was not trained on this image. Colours: 0 to the peak of each "
        "single map. Empty: nothing speaks for the class.",
        "Gates and tokens: colours between the numbers below; they show where signals pass, not "
        "what speaks for a class.",
        *([f"Maps with too few cells are left out. {FINER}"] if coarse else []),
        *others,
    ]
    said = [_said(run.table.loc[row.name], words) for run in runs]
    columns = 1 + max(map(len, cells))
    titles = [cell.title for found in cells for cell in found]
    figure, grid = map_rows(
        [run.label for run in runs], columns, notes, titles=titles, captions=said
    )
    for axes, answer, found in zip(grid, said, cells, strict=True):
        write_title(axes[0], "Radiograph")
        draw_radiograph(axes[0], radiograph)
        write_below(axes[0], answer, color=DARK_GREY)
        for one, cell in zip(axes[1:], found, strict=False):
            _draw(one, radiograph, cell, inputs.colour_map)
        for unused in axes[1 + len(found) :]:
            unused.set_axis_off()
    return figure


def _radiograph_of_all(runs: list[ExplainedRun]) -> pd.Series:
    """Return the row of the radiograph to draw."""
    radiographs = shared_sample(runs)
    with read_maps(runs[0].maps) as arrays:
        asked = radiographs.index.isin(arrays["second_opinion_ids"])
    places = {subtype: place for place, subtype in enumerate(SUBTYPES)}
    order = radiographs["subtype"].map(places).fillna(len(SUBTYPES)) + 2 * len(SUBTYPES) * ~asked
    return radiographs.loc[order.idxmin()]


def _said(row: pd.Series, words: Words) -> str:
    return f"{words.name(row['target'])}, p = {row['probability']:.2f}"


def _cells(run: ExplainedRun, image_id: str) -> list[_Cell]:
    """Return a run's maps of a radiograph in the order in which they are drawn."""
    position = run.table.loc[image_id, "position"]
    with read_maps(run.maps) as arrays:
        cells = [_of_class(TITLES["joint"], run.joint[position])]
        for name in arrays.files:
            if name.startswith(_BRANCH):
                title = f"Branch {name.removeprefix(_BRANCH)}"
                cells.append(_of_class(title, arrays[name][position]))
        asked = arrays["second_opinion_ids"].tolist()
        for name in ("integrated_gradients", "occlusion"):
            if image_id in asked:
                # What speaks against the class is cut off, as class activation maps have it.
                opinion = np.maximum(arrays[name][asked.index(image_id)], 0)
                cells.append(_of_class(TITLES[name], opinion))
        for name in arrays.files:
            if name.startswith(_ATTENTION):
                cells.append(_of_attention(name, arrays[name][position]))
    return cells


def _of_class(title: str, grid: np.ndarray) -> _Cell:
    return _Cell(title, grid, 0.0, float(grid.max()), "")


def _of_attention(name: str, grid: np.ndarray) -> _Cell:
    words = name.removeprefix(_ATTENTION).split("_")
    kind = "Gate" if words[0] == "stage" else "Tokens"
    lowest, highest = float(grid.min()), float(grid.max())
    return _Cell(f"{kind} {words[-1]}", grid, lowest, highest, f"{lowest:.3g} to {highest:.3g}")


def _draw(axes: Axes, radiograph: np.ndarray, cell: _Cell, colour_map: str) -> None:
    write_title(axes, cell.title)
    span = cell.highest - cell.lowest
    if span > 0:
        placed = enlarge(cell.grid - cell.lowest, len(radiograph))
        axes.imshow(overlay(radiograph, placed, span, colour_map))
    else:
        draw_radiograph(axes, radiograph)
    write_below(axes, cell.below if span > 0 else "empty", color=DARK_GREY)
