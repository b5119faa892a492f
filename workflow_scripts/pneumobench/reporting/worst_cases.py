"""The most confidently wrong images: where to look for a reason, or for an error in the labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pneumobench.core.files import read_table
from pneumobench.reporting.inputs import files_by_run, paths_in_order
from pneumobench.reporting.words import Words

SHOWN = 6
# The label that was overlooked, and whether the least probable radiograph comes first.
_MISTAKES = (("pneumonia", True), ("normal", False))


@dataclass(frozen=True)
class Cases:
    """Radiographs of one kind of mistake, the worst first.

    Attributes
    ----------
    label
        Their true class: `pneumonia` was missed, `normal` gave a false alarm.
    whose
        Whose mistakes: the name of a run, or that of most runs.
    radiographs
        By image_id: `subtype`, `probability` (calibrated, of the positive class; of several runs
        the mean), `wrong` (number of runs whose decision is wrong), and `runs`, their number.
    """

    label: str
    whose: str
    radiographs: pd.DataFrame

    def title(self, words: Words) -> str:
        """Say whose mistakes, and which."""
        kind = f"{words.Positive} missed" if self.label == "pneumonia" else "False alarms"
        return f"{kind} by {self.whose}"


def worst_cases(comparison: pd.DataFrame, calibrated: Iterable[str | Path]) -> list[Cases]:
    """Return the most confident mistakes of the best run, and of all runs where there are several.

    A radiograph counts as a mistake of all runs if most of them are wrong about it.

    Parameters
    ----------
    comparison
        The ranked table, as `drawn_comparison` returns it.
    calibrated
        calibrated.csv of the runs.
    """
    tables = [
        (row["label"], _read(path))
        for row, (path,) in paths_in_order(comparison, files_by_run(calibrated, depth=1))
    ]
    groups = {tables[0][0]: [tables[0][1]]}
    if len(tables) > 1:
        most = "both runs" if len(tables) == 2 else f"most of the {len(tables)} runs"
        groups[most] = [table for _, table in tables]
    return [
        Cases(label, whose, _worst(group, label, ascending=ascending))
        for whose, group in groups.items()
        for label, ascending in _MISTAKES
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
    return order.head(SHOWN).drop(columns="label")
