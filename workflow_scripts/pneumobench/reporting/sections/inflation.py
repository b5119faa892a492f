"""What bad practice would have added, and how that was measured."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inflation import METRIC_TITLES, read_inflation
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.section import Details, FigureOf, Notice, Section
from pneumobench.reporting.table import Cell, Scaled, Table
from pneumobench.reporting.wording import count, percent, with_interval
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Logits after every epoch, by bad practice", "inflation/.../epochs.csv", "train_inflated"),
    ("What bad practice adds", "inflation/inflation.csv, inflation.json", "measure_inflation"),
)


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where bad practice was not measured."""
    facts = files.json("inflation_details")
    if facts is None:
        return None
    rows = read_inflation(files.one("inflation"))
    missing = [
        f"{row['title']}: not measured, because {row['reason']}."
        for _, row in rows[rows["reason"] != ""].iterrows()
    ]
    return Section(
        name="inflation",
        title="How much would bad practice add?",
        short="Effect of bad practice",
        answer=tuple(_answer(rows[rows["reason"] == ""])),
        blocks=(
            Notice(
                "OPTIMISTIC.",
                "The results that bad practice reports here are wrong on purpose. They help to read "
                "the results of others; no other part of this report uses them.",
            ),
            FigureOf("inflation"),
            Table(
                "inflation",
                "Bad practice against good practice",
                [_cells(row) for _, row in rows.iterrows()],
                notes=(_method(facts, files.facts["confidence"]), *missing),
            ),
            Details(
                "What was done, and what it is compared with",
                (Table("practices", "Practices compared", _practices()),),
            ),
        ),
        origins=ORIGINS,
    )


def _answer(measured: pd.DataFrame) -> list[str]:
    """Say what the practices add, the most first, and which may have added nothing."""
    ordered = measured.sort_values("optimism", ascending=False)
    above, below = ordered["optimism_low"] > 0, ordered["optimism_high"] < 0
    sentences = []
    for lead, rows in (
        ("Added by bad practice, in points", ordered[above]),
        ("Intervals that include 0", ordered[~above & ~below]),
        ("Lower than with good practice", ordered[below]),
    ):
        named = [f"{_name(row)} {_points(row)}" for _, row in rows.iterrows()]
        if named:
            sentences.append(f"{lead}: {'; '.join(named)}.")
    return sentences


def _name(row: pd.Series) -> str:
    return f"{row['title'][0].lower()}{row['title'][1:]} ({METRIC_TITLES[row['metric']]})"


def _points(row: pd.Series) -> str:
    values = (row[f"optimism{bound}"] for bound in ("", "_low", "_high"))
    return with_interval(*values, digits=1, factor=100)


def _cells(row: pd.Series) -> dict[str, Cell]:
    return {
        "Practice": row["title"],
        "Metric": METRIC_TITLES[row["metric"]],
        "Reported (OPTIMISTIC)": Estimate.of_row(row, "reported"),
        "Honest": Estimate.of_row(row, "honest"),
        "Added, in points": Scaled(Estimate.of_row(row, "optimism"), digits=1, factor=100),
        "Images": f"{DATASET_TITLES[row['dataset']]}, n = {count(row['n'])} "
        f"of {count(row['patients'])} patients",
    }


def _practices() -> list[dict[str, Cell]]:
    return [
        {"Practice": entry.title, "What is done": entry.done, "Compared with": entry.instead}
        for entry in PRACTICES.values()
    ]


def _method(facts: dict[str, Any], confidence: float) -> str:
    return (
        f"One architecture, {facts['model']}, was trained by recipe {facts['recipe']} in "
        f"{facts['folds']} folds: honestly, with folds by image, and with copies made before the "
        "split. Networks, copies and recipe are the same; only the assignment to folds differs. In "
        f"brackets: {percent(confidence)} intervals, bootstrap over patients, the same draws for "
        "both results, with the trained networks held fixed; not adjusted for their number. Where "
        "the best of several results is picked, it is picked anew in every draw, and the draws are "
        "moved so that their mean is the estimate: resampled results vary more, so their best "
        "exceeds the best of the original ones. What a choice adds on the images it was made on is "
        "never below 0. Validation on 16 images is drawn anew in every draw, too."
    )
