"""The report's section on radiographs made worse: what is left of each run, and what was done."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import Judged, complete_runs, read_details
from pneumobench.reporting.robustness import (
    AS_IT_IS,
    at_strength,
    read_robustness,
    strengths_of,
)
from pneumobench.reporting.wording import EMPTY, listing, row_interval, with_interval
from pneumobench.statistics.robustness import WORST

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Logits of corrupted images", "runs/.../fold*/corrupted.csv", "predict_corrupted"),
    ("Robustness", "runs/.../robustness.csv, robustness.json", "evaluate_robustness"),
    ("Differences of worst figures", "comparison/robustness.csv", "compare_robustness"),
)

_NAMES = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
_DIFFERENCE = "Difference of the specificity"
# The criterion.
_CRITERION = "specificity"


@dataclass(frozen=True)
class RobustnessInputs:
    """What the section is made of.

    Attributes
    ----------
    tables, details
        robustness.csv and robustness.json of every run, in .../{model}/{recipe}/seed{seed}/.
    pairs
        comparison/robustness.csv, the differences of all pairs of runs.
    """

    tables: Iterable[str | Path]
    details: Iterable[str | Path]
    pairs: str | Path


def robustness_section(comparison: pd.DataFrame, inputs: RobustnessInputs | None) -> dict[str, Any]:
    """Return what the template shows; without rows where nothing was corrupted.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    inputs
        The files, or None.
    """
    if inputs is None:
        return {"overview": [], "origins": ()}
    runs = read_robustness(comparison, inputs.tables)
    strengths = strengths_of(runs[0][1])
    judged = read_details(comparison, inputs.details)
    several = len(strengths) > 1
    found = read_worst_pairs(inputs.pairs)
    return {
        "answer": robustness_sentence(complete_runs(comparison)),
        "several_strengths": several,
        "overview": [
            _name(row, strength, several) | cells
            for strength in strengths
            for (row, _), cells in zip(judged, _overview(judged, strength, found), strict=True)
        ],
        "readings": [_reading(judged, strength, found) for strength in strengths],
        "every": [
            _name(row, strength, several) | cells
            for strength in strengths
            for row, table in runs
            for cells in _every(table, strength)
        ],
        "kinds": [_kind(name, strengths) for name in CORRUPTIONS],
        "origins": ORIGINS,
    }


def robustness_sentence(rows: pd.DataFrame) -> str:
    """Say what the strongest corruptions leave of the first in rank, and which run keeps most.

    Parameters
    ----------
    rows
        The complete runs of the comparison in order of rank. Without worst figures in it there is
        nothing to say.
    """
    start = f"worst_{WORST[0]}_strength_"
    strengths = [int(name[len(start) :]) for name in rows if re.fullmatch(f"{start}[0-9]+", name)]
    if not strengths:
        return ""
    best, strength = rows.iloc[0], max(strengths)
    kept = [_kept(best, metric, strength) for metric in WORST]
    text = (
        f"When out-of-fold images are made worse (strength {strength}), the first in rank keeps "
        f"at worst a {' and a '.join(kept)}."
    )
    column = f"{start}{strength}"
    learned = rows[rows["learned"].astype(bool)].sort_values(column, ascending=False, kind="stable")
    if learned.empty or learned.iloc[0]["run"] == best["run"]:
        return text
    other = learned.iloc[0]
    return f"{text} {other['label']} keeps more, a {_kept(other, WORST[0], strength)}."


def _kept(row: pd.Series, metric: str, strength: int) -> str:
    name = f"{metric}_strength_{strength}"
    left = row_interval(row, f"worst_{name}")
    before = with_interval(row[f"out_of_fold_{metric}"], None, None)
    return (
        f"{metric} of {left} instead of {before} ({CORRUPTIONS[row[f'hardest_on_{name}']].title})"
    )


def _name(row: pd.Series, strength: int, several: bool) -> dict[str, str]:
    return {"Run": row["label"]} | ({"Strength": str(strength)} if several else {})


def _overview(judged: Judged, strength: int, pairs: pd.DataFrame) -> list[dict[str, str]]:
    """Return the cells of every run at one strength."""
    held = _by_criterion(judged, strength)
    rows = []
    for row, content in judged:
        worst = {metric: _record(content["worst"], strength, metric) for metric in WORST}
        cells = {f"Hardest on {metric}": _title(worst[metric]) for metric in WORST}
        for metric in WORST:
            cells[metric.capitalize()] = _text(content["uncorrupted"][metric])
            cells[f"Worst {metric}"] = _text(worst[metric])
        apart = None
        if held and held[0][0]["run"] != row["run"]:
            apart = worst_difference(pairs, strength, held[0][0]["run"], row["run"])
        cells["Worst specificity minus the highest"] = _text(apart) if apart else EMPTY
        cells["Mean AUC"] = _text(_record(content["mean"], strength, "roc_auc"))
        rows.append(cells)
    return rows


def _reading(judged: Judged, strength: int, pairs: pd.DataFrame) -> str:
    """Say which runs hold best and worst, by the criterion, and which hold as well."""
    held = _by_criterion(judged, strength)
    if not held:
        return f"Strength {strength}: no run learned, so none can be said to hold."
    (first, content), *others = held
    best = _record(content["worst"], strength, _CRITERION)
    missed = _record(content["worst"], strength, "sensitivity")
    text = (
        f"Strength {strength}: the highest worst specificity is that of {first['label']}, "
        f"{_text(best)} ({_title(best)}); its worst sensitivity is {_text(missed)} "
        f"({_title(missed)}); by its out-of-fold AUC it is ranked {first['rank']:.0f}."
    )
    if not others:
        return text
    alike = [
        row["label"]
        for row, _ in others
        if not worst_difference(pairs, strength, first["run"], row["run"])["excludes_zero"]
    ]
    text += (
        f" Not to be told from it: {listing(alike)}."
        if alike
        else " The interval of its paired difference to every other run that learned excludes 0."
    )
    last, content = others[-1]
    least = _record(content["worst"], strength, _CRITERION)
    return f"{text} The lowest is that of {last['label']}, {_text(least)} ({_title(least)})."


def _by_criterion(judged: Judged, strength: int) -> Judged:
    """Return the runs that learned, the highest worst specificity first; equal ones by rank."""
    learned = [(row, content) for row, content in judged if row["learned"]]
    return sorted(
        learned,
        key=lambda pair: -_record(pair[1]["worst"], strength, _CRITERION)["value"],
    )


def read_worst_pairs(path: str | Path) -> pd.DataFrame:
    """Read the pairs' differences of the criterion, with the runs as `first` and `second`."""
    table = read_table(
        path, text=("first_model", "first_recipe", "second_model", "second_recipe", "metric")
    )
    for side in ("first", "second"):
        names = (table[f"{side}_{key}"] for key in ("model", "recipe", "seed"))
        table[side] = [
            Run(model, recipe, int(seed)) for model, recipe, seed in zip(*names, strict=True)
        ]
    return table[table["metric"] == _CRITERION]


def worst_difference(pairs: pd.DataFrame, strength: int, best: Run, run: Run) -> dict[str, Any]:
    """Return a run's worst specificity minus the best one's, with its interval."""
    for _, row in pairs[pairs["strength"] == strength].iterrows():
        value, low, high = (row[f"difference{bound}"] for bound in ("", "_low", "_high"))
        if (row["first"], row["second"]) == (best, run):
            found = {"value": -value, "low": -high, "high": -low}
        elif (row["first"], row["second"]) == (run, best):
            found = {"value": value, "low": low, "high": high}
        else:
            continue
        return found | {"excludes_zero": bool(row["excludes_zero"])}
    raise UserError(
        f"the difference between {best.title} and {run.title} is missing",
        where=f"comparison/robustness.csv, strength {strength}",
        expected="a row for every pair of runs",
        remedy="remove the file and run snakemake again: rule compare_robustness writes it",
    )


def _every(table: pd.DataFrame, strength: int) -> list[dict[str, str]]:
    rows = []
    for title, row in at_strength(table, strength).iterrows():
        columns = {**_NAMES, "specificity_difference": _DIFFERENCE}
        numbers = {name: row_interval(row, column) for column, name in columns.items()}
        if title == AS_IT_IS:
            numbers[_DIFFERENCE] = EMPTY
        rows.append({"Radiographs": title, **numbers})
    return rows


def _kind(name: str, strengths: list[int]) -> dict[str, str]:
    kind = CORRUPTIONS[name]
    return {
        "Radiographs": kind.title,
        "What is done": kind.done,
        "Stands for": kind.stands_for,
        **{f"Strength {strength}": kind.amounts[strength - 1] for strength in strengths},
    }


def _record(records: list[dict[str, Any]], strength: int, metric: str) -> dict[str, Any]:
    (found,) = [
        record for record in records
        if (record["strength"], record["metric"]) == (strength, metric)
    ]  # fmt: skip
    return found


def _title(record: dict[str, Any]) -> str:
    return CORRUPTIONS[record["corruption"]].title


def _text(record: dict[str, Any]) -> str:
    return with_interval(record["value"], record["low"], record["high"])
