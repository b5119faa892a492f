"""The report's section on films made worse: what is left of each run, and what was done."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.robustness import (
    AS_IT_IS,
    at_strength,
    read_robustness,
    strengths_of,
)
from pneumobench.reporting.wording import EMPTY, with_interval
from pneumobench.statistics.robustness import WORST

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Logits of corrupted images", "runs/.../fold*/corrupted.csv", "predict_corrupted"),
    ("Robustness", "runs/.../robustness.csv, robustness.json", "evaluate_robustness"),
)

_NAMES = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
_DIFFERENCE = "Difference of the specificity"


@dataclass(frozen=True)
class RobustnessInputs:
    """What the section is made of.

    Attributes
    ----------
    tables, details
        robustness.csv and robustness.json of every run, in .../{model}/{recipe}/seed{seed}/.
    """

    tables: Iterable[str | Path]
    details: Iterable[str | Path]


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
    details = {_folder(content): content for content in map(read_json, inputs.details)}
    judged = [(row, details[row["run"].folder]) for row, _ in runs]
    several = len(strengths) > 1
    return {
        "several_strengths": several,
        "overview": [
            _name(row, strength, several) | _overview(content, strength)
            for strength in strengths
            for row, content in judged
        ],
        "readings": [_reading(judged, strength) for strength in strengths],
        "every": [
            _name(row, strength, several) | cells
            for strength in strengths
            for row, table in runs
            for cells in _every(table, strength)
        ],
        "kinds": [_kind(name, strengths) for name in CORRUPTIONS],
        "origins": ORIGINS,
    }


def _folder(content: dict[str, Any]) -> str:
    return Run(content["model"], content["recipe"], int(content["seed"])).folder


def _name(row: pd.Series, strength: int, several: bool) -> dict[str, str]:
    return {"Run": row["label"]} | ({"Strength": str(strength)} if several else {})


def _overview(content: dict[str, Any], strength: int) -> dict[str, str]:
    worst = {metric: _record(content["worst"], strength, metric) for metric in WORST}
    cells = {f"Hardest on {metric}": _title(worst[metric]) for metric in WORST}
    for metric in WORST:
        cells[metric.capitalize()] = _text(content["uncorrupted"][metric])
        cells[f"Worst {metric}"] = _text(worst[metric])
    return cells | {"Mean AUC": _text(_record(content["mean"], strength, "roc_auc"))}


def _reading(judged: list[tuple[pd.Series, dict[str, Any]]], strength: int) -> str:
    """Say which runs hold best and worst, by the criterion."""
    found = [
        (_record(content["worst"], strength, "specificity"), row)
        for row, content in judged
        if row["learned"]
    ]
    if not found:
        return f"Strength {strength}: no run learned, so none can be said to hold."
    best, first = max(found, key=lambda pair: pair[0]["value"])
    text = (
        f"Strength {strength}: the highest worst specificity is that of {first['label']}, "
        f"{_text(best)} ({_title(best)}); by its out-of-fold AUC it is ranked {first['rank']:.0f}."
    )
    if len(found) > 1:
        least, last = min(found, key=lambda pair: pair[0]["value"])
        text += f" The lowest is that of {last['label']}, {_text(least)} ({_title(least)})."
    return text


def _every(table: pd.DataFrame, strength: int) -> list[dict[str, str]]:
    rows = []
    for title, row in at_strength(table, strength).iterrows():
        columns = {**_NAMES, "specificity_difference": _DIFFERENCE}
        numbers = {
            name: with_interval(*(row[f"{column}{bound}"] for bound in ("", "_low", "_high")))
            for column, name in columns.items()
        }
        if title == AS_IT_IS:
            numbers[_DIFFERENCE] = EMPTY
        rows.append({"Films": title, **numbers})
    return rows


def _kind(name: str, strengths: list[int]) -> dict[str, str]:
    kind = CORRUPTIONS[name]
    return {
        "Films": kind.title,
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
