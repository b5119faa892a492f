"""What the measures say of the maps: tables and a plain reading of comparison/explanations.csv."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import read_table
from pneumobench.reporting.table import Cell, Number
from pneumobench.reporting.wording import count, is_missing, listing, percent
from pneumobench.statistics.explanations import (
    BETTER,
    CONTROLS,
    RANDOMISED,
    UNCLEAR,
    WORSE,
)
from pneumobench.statistics.intervals import POWER, detectable_effect

# Whether the network's answer hangs on what the map marks; only these decide the verdict.
TESTED = {
    "insertion": "Insertion",
    "deletion": "Deletion",
    "road": "ROAD",
}
# How similar they are to maps made by other means.
OPINIONS = {
    "like_integrated_gradients": "Similar to integrated gradients",
    "like_occlusion": "Similar to occlusion",
}
# Where the maps lie.
PLACES = {
    "energy_inside": "Share inside the lesion",
    "pointing_game": "Peak hits the lesion",
    "iou": "Overlap with the lesion (IoU)",
    "energy_outside_body": "Share outside the body",
    "energy_border": "Share at the border",
    "energy_corners": "Share in the corners",
}
_TITLES = {"random": "random map", "centre": "centred map", RANDOMISED: "map of random weights"}

TRUSTED, UNSHOWN = "better than all three", "not shown to be better"
UNTOLD, UNTESTED = "too few patients to tell", "not tested"
COARSE = "no claim: too coarse"


@dataclass(frozen=True)
class Faithfulness:
    """The rows of explanations.csv.

    Attributes
    ----------
    table
        With `control` (what is compared with: empty in the rows of the run's own maps) and
        `contrast` (whether the value is the difference to it).
    labels
        Names of the runs by folder, in order of rank.
    coarse
        Folders of the runs whose maps have too few cells for any claim.
    confidence
        Level of the intervals.
    """

    table: pd.DataFrame
    labels: dict[str, str]
    coarse: frozenset[str]
    confidence: float

    def verdict(self, folder: str) -> str:
        """Return the verdict on a run's maps in a few words."""
        if folder in self.coarse:
            return COARSE
        rows = self._judged(folder)
        if rows.empty:
            return UNTESTED
        if set(rows["verdict"]) <= {BETTER, UNCLEAR}:
            return TRUSTED if set(rows["verdict"]) == {BETTER} else UNTOLD
        return UNSHOWN

    def sentences(self) -> list[str]:
        """Return the plain reading: which runs' maps hold, which do not and why."""
        by_verdict: dict[str, list[str]] = {}
        by_reason: dict[str, list[str]] = {}
        for folder, label in self.labels.items():
            verdict = self.verdict(folder)
            if verdict == UNSHOWN:
                by_reason.setdefault(self._missed(folder), []).append(label)
            else:
                by_verdict.setdefault(verdict, []).append(label)
        sentences = {
            TRUSTED: "Better than random maps, centred maps and maps of random weights in every "
            "measure",
            UNTOLD: "Too few patients to distinguish the maps from maps that ignore the network",
            UNTESTED: "Not tested",
            COARSE: "No claim, as the maps have too few cells",
        }
        refused = [
            f"Do not rely on the maps of {listing(labels)}: {reason}."
            for reason, labels in by_reason.items()
        ]
        others = [
            f"{text}: {listing(by_verdict[verdict])}."
            for verdict, text in sentences.items()
            if verdict in by_verdict
        ]
        return others[: TRUSTED in by_verdict] + refused + others[TRUSTED in by_verdict :]

    def likeness(self, folder: str) -> Cell:
        """Return how similar the maps are to those of the network with random weights."""
        rows = self.table[self.table["run"] == folder]
        return _cell(rows[rows["map"] == RANDOMISED], measure="spearman", control=RANDOMISED)

    def _missed(self, folder: str) -> str:
        """Say what a run's maps were not shown to beat, of how many, and what would be missed."""
        rows = self._judged(folder)
        worse = _against(rows[rows["verdict"] == WORSE])
        unshown = _against(rows[~rows["verdict"].isin((BETTER, WORSE))])
        parts = [f"they are worse than {worse}"] if worse else []
        parts += [f"they are not shown to be better than {unshown}"] if unshown else []
        patients = int(rows["patients"].min())
        effect = detectable_effect(patients, self.confidence)
        return (
            f"{' and '.join(parts)} (n = {count(patients)} patients; each comparison would "
            f"often miss an effect below {effect:.2f} standard deviations, all of them together a "
            "larger one)"
        )

    def _judged(self, folder: str) -> pd.DataFrame:
        rows = self.table[(self.table["run"] == folder) & self.table["contrast"]]
        return rows[rows["measure"].isin(TESTED) & rows["control"].isin(CONTROLS)]

    def tested_rows(self) -> list[dict[str, Cell]]:
        """Return one row for each run and measure of faithfulness."""
        return [row for folder in self.labels for row in self._rows_of(folder, TESTED)]

    def opinion_rows(self) -> list[dict[str, Cell]]:
        """Return one row for each run and second opinion."""
        return [row for folder in self.labels for row in self._rows_of(folder, OPINIONS)]

    def place_rows(self) -> list[dict[str, Cell]]:
        """Return one row for each run and measure of places; none of coarse maps."""
        return [
            row
            for folder in self.labels
            if folder not in self.coarse
            for row in self._rows_of(folder, PLACES)
        ]

    def _rows_of(self, folder: str, titles: dict[str, str]) -> list[dict[str, Cell]]:
        rows = []
        for measure, title in titles.items():
            part = self.table[(self.table["run"] == folder) & (self.table["measure"] == measure)]
            own = part[(part["control"] == "") & ~part["contrast"]]
            if own.empty:
                continue
            found = [name for name in CONTROLS if name in set(self.table["control"])]
            value = Number(own["value"].iloc[0])
            row = {"Run": self.labels[folder], "Measure": title, "Map": value}
            for control in found:
                row[f"Map minus {_TITLES[control]}"] = _cell(part, control=control, contrast=True)
            missed = part.loc[part["contrast"], "detectable"].max()
            row[f"Detectable with {percent(POWER)} power"] = Number(missed)
            images, patients = (own[name].iloc[0] for name in ("images", "patients"))
            row["Images (patients)"] = f"{count(images)} ({count(patients)})"
            row["Undefined"] = int(own["undefined"].iloc[0])
            rows.append(row)
        return rows


def read_faithfulness(
    path: str | Path, labels: dict[str, str], coarse: Iterable[str], confidence: float
) -> Faithfulness:
    """Read comparison/explanations.csv.

    Parameters
    ----------
    path
        As `pneumobench.statistics.explanations.summarise_explanations` writes it.
    labels
        Names of the explained runs by folder, in order of rank.
    coarse
        Folders of the runs whose maps have too few cells for any claim.
    confidence
        Level of the intervals.
    """
    table = read_table(path, text=("run", "model", "recipe", "measure", "map", "verdict"))
    parts = table["map"].str.split(" - ", n=1)
    last = parts.str[-1]
    table = table.assign(contrast=parts.str.len() == 2, control=last.where(last.isin(CONTROLS), ""))
    return Faithfulness(table, labels, frozenset(coarse), confidence)


def _against(rows: pd.DataFrame) -> str:
    """Name the controls and measures: `a random map in deletion, or than a centred map in ROAD`.

    Empty without any.
    """
    parts = []
    for control in CONTROLS:
        names = [TESTED[measure] for measure in rows["measure"][rows["control"] == control]]
        names = [name if name.isupper() else name.lower() for name in names]
        if names:
            parts.append(f"a {_TITLES[control]} in {listing(names)}")
    return ", or than ".join(parts)


def _cell(
    rows: pd.DataFrame, *, measure: str = "", control: str = "", contrast: bool = False
) -> Cell:
    found = rows[(rows["control"] == control) & (rows["contrast"] == contrast)]
    if measure:
        found = found[found["measure"] == measure]
    if found.empty or is_missing(found.iloc[0]["value"]):
        return None
    value, low, high = (float(found.iloc[0][name]) for name in ("value", "low", "high"))
    return Estimate(value) if is_missing(low) else Estimate(value, low, high)
