"""What all networks look at: the same radiographs side by side."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.map_grid import (
    draw_radiograph,
    explained_of,
    figure_without_maps,
    map_grid,
    write_below,
    write_title,
)
from pneumobench.reporting.drawing.painting import OPACITY, enlarge, overlay
from pneumobench.reporting.drawing.style import DARK_GREY, VERMILLION, class_label
from pneumobench.reporting.explained import (
    SUBTYPES,
    ExplainedRun,
    cells_note,
    read_squares,
    shared_sample,
)
from pneumobench.reporting.words import Words

_SHOWN_PER_SUBTYPE = 2
# Where the class explained is not named.
_LONG = "0.00 false alarm\nempty map"
_MISTAKES = {"false_negative": "missed", "false_positive": "false alarm"}


def draw(inputs: FigureInputs) -> Figure:
    """Draw every run's map of the same radiographs.

    Rows: the first two images of each subtype in the sample that all runs explained. Columns: the
    image as networks see it, then each run's overlay in order of rank, in blocks of up to seven
    runs. Colours span 0 to the peak of each single map; a white line surrounds what lies above half
    of it, so that the figure can be read in grey.

    Raises
    ------
    UserError
        If no radiograph of the sample was explained by all runs.
    """
    runs, others = explained_of(inputs)
    if not runs:
        return figure_without_maps(others)
    words = inputs.words
    shown = _first_of_subtypes(shared_sample(runs))
    radiographs = read_squares(inputs.one("images"), inputs.one("splits"), shown.index)
    targets = {target for run in runs for target in run.table.loc[shown.index, "target"]}
    named = words if len(targets) > 1 else None
    meaning = ["Below it: the class explained; empty: no region speaks for it."] if named else []
    notes = [
        f"Overlay: opacity {OPACITY}, colours from 0 to the peak of each single map; white line: "
        "half the peak. Networks have no common scale.",
        f"Number: probability of {words.positive} by the fold's model that was not trained on the "
        "image.",
        *meaning,
        *_thresholds_note(runs, shown.index, words),
        *others,
    ]
    captions = [f"0.00\n{named.name(target)}: empty" for target in targets] if named else [_LONG]
    titles = [f"{run.label}\n{cells_note(run.joint.shape[1:])}" for run in runs]
    rows = [class_label(words, subtype) for subtype in shown["subtype"]]
    figure, blocks = map_grid(titles, rows, notes, leading=1, captions=captions)
    for block in blocks:
        write_title(block.cells[0, 0], "Radiograph")
        for (_, row), radiograph, cells in zip(
            shown.iterrows(), radiographs, block.cells, strict=True
        ):
            draw_radiograph(cells[0], radiograph)
            write_below(cells[0], class_label(words, row["label"]), color=DARK_GREY)
            for axes, run in zip(cells[1:], block.runs, strict=True):
                _draw_overlay(axes, radiograph, runs[run], row.name, inputs.colour_map)
                _write_answer(axes, runs[run].table.loc[row.name], named)
    return figure


def _first_of_subtypes(radiographs: pd.DataFrame) -> pd.DataFrame:
    """Return the radiographs to show, in file order inside each subtype."""
    order = [*SUBTYPES, *sorted(set(radiographs["subtype"]) - set(SUBTYPES))]
    return pd.concat(
        [
            radiographs[radiographs["subtype"] == subtype].head(_SHOWN_PER_SUBTYPE)
            for subtype in order
        ]
    )


def _thresholds_note(runs: list[ExplainedRun], image_ids: pd.Index, words: Words) -> list[str]:
    """Explain why one probability is called positive and another, higher one is not."""
    cuts = np.concatenate([run.table.loc[image_ids, "threshold"] for run in runs])
    low, high = (f"{cut:.2f}" for cut in (cuts.min(), cuts.max()))
    if low == high:
        return []
    return [
        f"Each fold's model has its own threshold (here {low} to {high}), so that one image is "
        f"called {words.negative} at a probability at which another is called {words.positive}."
    ]


def _draw_overlay(
    axes: Axes, radiograph: np.ndarray, run: ExplainedRun, image_id: str, colour_map: str
) -> None:
    row = run.table.loc[image_id]
    if row["empty"]:
        draw_radiograph(axes, radiograph)
        return
    placed = enlarge(run.joint[row["position"]], len(radiograph))
    axes.imshow(overlay(radiograph, placed, row["peak"], colour_map))
    axes.contour(placed, levels=[row["peak"] / 2], colors="white", linewidths=0.5)


def _write_answer(axes: Axes, row: pd.Series, named: Words | None) -> None:
    """Write what the network says, and the class explained in these words, if any."""
    mistake = _MISTAKES.get(row["outcome"], "")
    explained = [named.name(row["target"])] if named else []
    explained += ["empty" if named else "empty map"] * bool(row["empty"])
    write_below(
        axes, f"{row['probability']:.2f} {mistake}\n{': '.join(explained)}",
        color=VERMILLION if mistake else DARK_GREY,
    )  # fmt: skip
