"""The most confidently wrong images: where to look for a reason, or for an error in the labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pneumobench.core.files import read_table
from pneumobench.reporting.explained import read_squares
from pneumobench.reporting.inputs import (
    drawn_comparison,
    files_by_run,
    missing_notes,
    paths_in_order,
)
from pneumobench.reporting.map_grid import map_rows, write_below
from pneumobench.reporting.style import DARK_GREY, save_figure, styled
from pneumobench.reporting.words import Words

_SHOWN = 6


@dataclass(frozen=True)
class Cases:
    """Radiographs of one kind of mistake, the worst first.

    Attributes
    ----------
    title
        Whose mistakes, and which.
    radiographs
        By image_id: `subtype`, `probability` (calibrated, of pneumonia; of several runs the mean),
        `wrong` (number of runs whose decision is wrong), and `runs`, their number.
    """

    title: str
    radiographs: pd.DataFrame


@styled()
def plot_worst_cases(
    calibrated: Iterable[str | Path],
    comparison: str | Path,
    images: str | Path,
    splits: str | Path,
    stem: str | Path,
) -> None:
    """Draw the most confidently wrong out-of-fold radiographs, as `stem`.png and `stem`.pdf.

    Parameters
    ----------
    calibrated
        calibrated.csv of the runs.
    comparison
        comparison.csv, for order and names.
    images
        The packed images, uint8 [N, S, S].
    splits
        splits.csv, whose rows are those of the packed images.
    stem
        Path of the figure without a suffix.
    """
    ranked = drawn_comparison(comparison)
    found = worst_cases(ranked, calibrated, Words())
    notes = [
        "Out-of-fold images on the wrong side of the frozen threshold, the most confident mistake "
        "first. Number: calibrated probability of pneumonia",
        "(of several runs the mean), then how many of them are wrong.",
        "The networks may be wrong, or the label. The names of the images stand in the report and "
        "in calibrated.csv.",
        *missing_notes(ranked),
    ]
    figure, rows = map_rows(
        [cases.title for cases in found], _SHOWN, notes, title_lines=0, caption_lines=2
    )
    for cases, cells in zip(found, rows, strict=True):
        radiographs = read_squares(images, splits, cases.radiographs.index)
        for axes, radiograph, (_, row) in zip(
            cells, radiographs, cases.radiographs.iterrows(), strict=False
        ):
            axes.imshow(radiograph, cmap="gray", vmin=0, vmax=255)
            write_below(axes, _caption(row), color=DARK_GREY)
        for axes in cells[len(radiographs) :]:
            axes.set_axis_off()
        if not radiographs:
            _say_none(cells[0])
    save_figure(figure, stem)


def worst_cases(
    comparison: pd.DataFrame, calibrated: Iterable[str | Path], words: Words
) -> list[Cases]:
    """Return the most confident mistakes of the best run, and of all runs where there are several.

    A radiograph counts as a mistake of all runs if most of them are wrong about it.

    Parameters
    ----------
    comparison
        The ranked table, as `drawn_comparison` returns it.
    calibrated
        calibrated.csv of the runs.
    words
        The words for the data.
    """
    tables = [
        (row["label"], _read(path))
        for row, (path,) in paths_in_order(comparison, files_by_run(calibrated, depth=1))
    ]
    # The label that was overlooked, the heading, and whether the least probable image comes first.
    mistakes = (
        ("pneumonia", f"Missed {words.positives}", True),
        ("normal", "False alarms", False),
    )
    groups = {f"of {tables[0][0]}": [tables[0][1]]}
    if len(tables) > 1:
        groups[f"of most of the {len(tables)} runs"] = [table for _, table in tables]
    return [
        Cases(f"{heading} {whose}", _worst(group, label, ascending=ascending))
        for whose, group in groups.items()
        for label, heading, ascending in mistakes
    ]


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, text=("dataset", "image_id", "patient", "label", "subtype"))
    table = table[table["dataset"] == "out_of_fold"].set_index("image_id")
    called = table["decision_selected"] == 1
    return table.assign(wrong=called != (table["label"] == "pneumonia"))


def _worst(tables: list[pd.DataFrame], label: str, *, ascending: bool) -> pd.DataFrame:
    radiographs = tables[0][["label", "subtype"]].copy()
    radiographs["probability"] = sum(table["probability"] for table in tables) / len(tables)
    radiographs["wrong"] = sum(table["wrong"].astype(int) for table in tables)
    radiographs["runs"] = len(tables)
    chosen = radiographs[(radiographs["label"] == label) & (2 * radiographs["wrong"] > len(tables))]
    # A stable sort: of equal radiographs the first by name.
    order = chosen.sort_values("probability", kind="stable", ascending=ascending)
    return order.head(_SHOWN).drop(columns="label")


def _caption(row: pd.Series) -> str:
    shown = f"{row['probability']:.2f} {row['subtype']}"
    return shown + (f"\n{row['wrong']} of {row['runs']}" if row["runs"] > 1 else "")


def _say_none(axes: Axes) -> None:
    axes.text(0, 0.9, "none", transform=axes.transAxes, color=DARK_GREY, va="top")
