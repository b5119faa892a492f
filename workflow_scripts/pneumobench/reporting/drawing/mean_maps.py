"""The mean map of every run, class and subtype."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.core.explained import read_maps
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import (
    explained_of,
    figure_without_maps,
    map_grid,
    write_below,
)
from pneumobench.reporting.drawing.style import DARK_GREY, LIGHT_GREY, class_label
from pneumobench.reporting.explained import SUBTYPES, cells_note
from pneumobench.reporting.wording import count, percent

# Classes and their subtypes; normal radiographs are both.
_GROUPS = ("normal", "pneumonia", *SUBTYPES[1:])


class _Means(NamedTuple):
    """Mean maps of a run, float32 [h, w], and how many maps each is the mean of."""

    maps: dict[str, np.ndarray]
    counts: dict[str, int]

    @property
    def largest(self) -> float:
        return max(
            (float(self.maps[name].max()) for name in self.maps if self.counts[name]), default=0.0
        )


def draw(inputs: FigureInputs) -> Figure:
    """Draw the mean map of each class, subtype and run.

    The mean is that over the sample, without empty maps. Each map counts equally: it was scaled to
    a sum of 1 before averaging. Cells are drawn as the network has them. The colours of a run span
    0 to its largest cell in any row.
    """
    explained, others = explained_of(inputs)
    if not explained:
        return figure_without_maps(others)
    runs = [(run.label, _read_means(run.maps)) for run in explained]
    found = {name for _, means in runs for name in means.maps}
    if not found & set(SUBTYPES[1:]):
        # All radiographs of one class: its row shows them.
        found.discard("unknown")
    groups = [*(name for name in _GROUPS if name in found), *sorted(found - set(_GROUPS))]
    notes = [
        "Mean of maps that were scaled to a sum of 1; empty maps do not count. n: number of maps. "
        "Cells as the network has them.",
        "Where maps speak for the predicted class, wrong answers are left out: every map then "
        "speaks for the class of its row.",
        "Colours of a run: 0 to its largest cell, whose share of the map is named above it; in an "
        "even map every cell has the share in brackets.",
        *others,
    ]
    rows = [class_label(inputs.words, name) for name in groups]
    titles = [f"{label}\n{_spread(means)}" for label, means in runs]
    figure, blocks = map_grid(titles, rows, notes, leading=0, captions=["n = 1"])
    for block in blocks:
        for cells, run in zip(block.cells.T, block.runs, strict=True):
            for axes, name in zip(cells, groups, strict=True):
                _draw_mean(axes, runs[run][1], name, inputs.colour_map)
    return figure


def _read_means(path: Path) -> _Means:
    with read_maps(path) as arrays:
        names = [name.removeprefix("mean_") for name in arrays.files if name.startswith("mean_")]
        return _Means(
            {name: arrays[f"mean_{name}"] for name in names},
            {name: int(arrays[f"count_{name}"]) for name in names},
        )


def _spread(means: _Means) -> str:
    shape = next(iter(means.maps.values())).shape
    even = 1 / (shape[0] * shape[1])
    return f"{cells_note(shape)}\n{percent(means.largest)} ({percent(even)})"


def _draw_mean(axes: Axes, means: _Means, name: str, colour_map: str) -> None:
    if not means.counts.get(name):
        axes.set_facecolor(LIGHT_GREY)
        write_below(axes, "no map", color=DARK_GREY)
        return
    axes.imshow(means.maps[name], cmap=colour_map, vmin=0, vmax=means.largest)
    write_below(axes, f"n = {count(means.counts[name])}", color=DARK_GREY)
