"""The report's section on bad practice: what it would have added, and how that was measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.inflation import METRIC_TITLES, read_inflation
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.wording import EMPTY, count, with_interval

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Logits after every epoch, by bad practice", "inflation/.../epochs.csv", "train_inflated"),
    ("What bad practice adds", "inflation/inflation.csv, inflation.json", "measure_inflation"),
)


@dataclass(frozen=True)
class InflationInputs:
    """inflation.csv and inflation.json."""

    table: str | Path
    details: str | Path


def inflation_section(inputs: InflationInputs | None) -> dict[str, Any]:
    """Return what the template shows; without rows where bad practice was not measured."""
    if inputs is None:
        return {"rows": [], "origins": ()}
    rows, facts = read_inflation(inputs.table), read_json(inputs.details)
    return {
        "answer": _answer(rows[rows["reason"] == ""]),
        "rows": [_cells(row) for _, row in rows.iterrows()],
        "missing": [
            f"{row['title']}: not measured, because {row['reason']}."
            for _, row in rows[rows["reason"] != ""].iterrows()
        ],
        "practices": [
            {"Practice": entry.title, "What is done": entry.done, "Held against": entry.instead}
            for entry in PRACTICES.values()
        ],
        "model": facts["model"],
        "recipe": facts["recipe"],
        "folds": facts["folds"],
        "origins": ORIGINS,
    }


def _answer(measured: pd.DataFrame) -> str:
    """Say what the practices add, the most first, and which might as well have added nothing."""
    ordered = measured.sort_values("optimism", ascending=False)
    above, below = ordered["optimism_low"] > 0, ordered["optimism_high"] < 0
    sentences = []
    for lead, rows in (
        ("Added by bad practice, in points", ordered[above]),
        ("With intervals that reach 0", ordered[~above & ~below]),
        ("Lower than with good practice", ordered[below]),
    ):
        named = [f"{_name(row)} {_points(row)}" for _, row in rows.iterrows()]
        if named:
            sentences.append(f"{lead}: {'; '.join(named)}.")
    return " ".join(sentences)


def _name(row: pd.Series) -> str:
    return f"{row['title'][0].lower()}{row['title'][1:]} ({METRIC_TITLES[row['metric']]})"


def _points(row: pd.Series) -> str:
    values = (row[f"optimism{bound}"] for bound in ("", "_low", "_high"))
    return with_interval(*values, digits=1, factor=100)


def _cells(row: pd.Series) -> dict[str, str]:
    bounds = ("", "_low", "_high")
    figures = {
        title: with_interval(*(row[f"{name}{bound}"] for bound in bounds))
        for name, title in (("reported", "Reported (OPTIMISTIC)"), ("honest", "Honest"))
    }
    return {
        "Practice": row["title"],
        "Metric": METRIC_TITLES[row["metric"]],
        **figures,
        "Added, in points": EMPTY if row["reason"] else _points(row),
        "Images": f"{DATASET_TITLES[row['dataset']]}, n = {count(row['n'])} "
        f"of {count(row['patients'])} patients",
    }
