"""What all networks look at: the same radiographs side by side."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pneumobench.reporting.explained import (
    SUBTYPES,
    ExplainedRun,
    cells_note,
    notes_without_maps,
    read_explained_runs,
    read_squares,
    shared_sample,
)
from pneumobench.reporting.inputs import drawn_comparison, missing_notes
from pneumobench.reporting.map_grid import figure_without_maps, map_grid, write_below, write_title
from pneumobench.reporting.painting import OPACITY, enlarge, overlay
from pneumobench.reporting.style import DARK_GREY, VERMILLION, save_figure, styled

_SHOWN_PER_SUBTYPE = 2
_MISTAKES = {"false_negative": "missed", "false_positive": "false alarm"}


@styled()
def plot_explanations(
    explained: Iterable[str | Path],
    maps: Iterable[str | Path],
    comparison: str | Path,
    images: str | Path,
    splits: str | Path,
    stem: str | Path,
    *,
    colour_map: str,
) -> None:
    """Draw every run's map of the same radiographs, as `stem`.png and `stem`.pdf.

    Rows: the first two images of each subtype in the sample that all runs explained. Columns: the
    image as networks see it, then each run's overlay in order of rank, in blocks of up to seven
    runs. Colours span 0 to the peak of each single map; a white line surrounds what lies above half
    of it, so that the figure can be read in grey.

    Parameters
    ----------
    explained, maps
        explained.csv and maps.npz of the runs.
    comparison
        comparison.csv, for order and names.
    images
        The packed images, uint8 [N, S, S].
    splits
        splits.csv, whose rows are those of the packed images.
    stem
        Path of the figure without a suffix.
    colour_map
        Name of a colour map of matplotlib.

    Raises
    ------
    UserError
        If no radiograph of the sample was explained by all runs.
    """
    table = drawn_comparison(comparison)
    maps = list(maps)
    runs, without = read_explained_runs(table, explained, maps), notes_without_maps(table, maps)
    if not runs:
        save_figure(figure_without_maps([*without, *missing_notes(table)]), stem)
        return
    shown = _first_of_subtypes(shared_sample(runs))
    radiographs = read_squares(images, splits, shown.index)
    several_classes = (
        len({target for run in runs for target in run.table.loc[shown.index, "target"]}) > 1
    )
    notes = [
        f"Overlay: opacity {OPACITY}, colours from 0 to the peak of each single map; white line: "
        "half the peak. Magnitudes of two networks have no common scale.",
        "Number: probability of pneumonia by the fold's model that was not trained on the image."
        + (
            " Below: the class explained; empty: no region speaks for it."
            if several_classes
            else ""
        ),
        *without,
        *missing_notes(table),
    ]
    titles = [f"{run.label}\n{cells_note(run.joint.shape[1:])}" for run in runs]
    figure, blocks = map_grid(titles, shown["subtype"].tolist(), notes, leading=1, caption=0.32)
    for block in blocks:
        write_title(block.cells[0, 0], "Radiograph")
        for (_, row), radiograph, cells in zip(
            shown.iterrows(), radiographs, block.cells, strict=True
        ):
            _draw_radiograph(cells[0], radiograph)
            write_below(cells[0], row["label"], color=DARK_GREY)
            for axes, run in zip(cells[1:], block.runs, strict=True):
                _draw_overlay(axes, radiograph, runs[run], row.name, colour_map, several_classes)
    save_figure(figure, stem)


def _first_of_subtypes(radiographs: pd.DataFrame) -> pd.DataFrame:
    """Return the radiographs to show, in file order inside each subtype."""
    order = [*SUBTYPES, *sorted(set(radiographs["subtype"]) - set(SUBTYPES))]
    return pd.concat(
        [
            radiographs[radiographs["subtype"] == subtype].head(_SHOWN_PER_SUBTYPE)
            for subtype in order
        ]
    )


def _draw_radiograph(axes: Axes, radiograph: np.ndarray) -> None:
    axes.imshow(radiograph, cmap="gray", vmin=0, vmax=255)


def _draw_overlay(
    axes: Axes,
    radiograph: np.ndarray,
    run: ExplainedRun,
    image_id: str,
    colour_map: str,
    named: bool,
) -> None:
    row = run.table.loc[image_id]
    if row["empty"]:
        _draw_radiograph(axes, radiograph)
    else:
        placed = enlarge(run.joint[row["position"]], len(radiograph))
        axes.imshow(overlay(radiograph, placed, row["peak"], colour_map))
        axes.contour(placed, levels=[row["peak"] / 2], colors="white", linewidths=0.5)
    mistake = _MISTAKES.get(row["outcome"], "")
    explained = [row["target"]] * named + ["empty" if named else "empty map"] * bool(row["empty"])
    write_below(
        axes, f"{row['probability']:.2f} {mistake}\n{': '.join(explained)}",
        color=VERMILLION if mistake else DARK_GREY,
    )  # fmt: skip
