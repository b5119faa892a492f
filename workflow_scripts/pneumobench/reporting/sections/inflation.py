"""What bad practice would have added, and how that was measured."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inflation import METRIC_TITLES, read_inflation
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.section import Details, FigureOf, Notice, Section
from pneumobench.reporting.table import Cell, Scaled, Table
from pneumobench.reporting.wording import count, percent, plural
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Logits after every epoch, by bad practice", "inflation/.../epochs.csv", "train_inflated"),
    ("What bad practice adds", "inflation/inflation.csv, inflation.json", "measure_inflation"),
)


def build(files: ReportFiles, words: Words) -> Section | None:
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
        answer=(
            *_answer(rows[rows["reason"] == ""]),
            *few_sentence(files.facts["datasets"], DATASET_TITLES, words),
        ),
        blocks=(
            Notice(
                "OPTIMISTIC.",
                "The figures that bad practice reports here are wrong on purpose. They help to "
                "read the figures of others, enter no other part of this report and choose "
                "nothing.",
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


def _answer(measured: pd.DataFrame) -> tuple[str, ...]:
    """Say what the practices add, the most first, and which might have added nothing."""
    ordered = measured.sort_values("optimism", ascending=False)
    above, below = ordered["optimism_low"] > 0, ordered["optimism_high"] < 0
    sentences = []
    for lead, rows in (
        ("Bad practice adds, in points", ordered[above]),
        ("Not shown to add anything (intervals that include 0)", ordered[~above & ~below]),
        ("Lower than with good practice", ordered[below]),
    ):
        named = [f"{_name(row)} {_points(row)}" for _, row in rows.iterrows()]
        if named:
            sentences.append(f"{lead}: {'; '.join(named)}.")
    return tuple(sentences)


def _name(row: pd.Series) -> str:
    return f"{row['title'][0].lower()}{row['title'][1:]} ({METRIC_TITLES[row['metric']]})"


def _points(row: pd.Series) -> Scaled:
    return Scaled(Estimate.of_row(row, "optimism"), digits=1, factor=100)


def _cells(row: pd.Series) -> dict[str, Cell]:
    return {
        "Practice": row["title"],
        "Metric": METRIC_TITLES[row["metric"]],
        "Reported (OPTIMISTIC)": Estimate.of_row(row, "reported"),
        "Honest": Estimate.of_row(row, "honest"),
        "Added, in points": None if row["reason"] else _points(row),
        "Images": f"{DATASET_TITLES[row['dataset']]}, n = {count(row['n'])} "
        f"of {plural(row['patients'], 'patient')}",
    }


def _method(facts: dict[str, Any], confidence: float) -> str:
    return (
        f"One architecture, {facts['model']}, was trained with recipe {facts['recipe']} in "
        f"{facts['folds']} folds: honestly, with folds by image, and with copies made before the "
        "split. Networks, copies and recipe are the same; only the split differs. In brackets: "
        f"{percent(confidence)} intervals, bootstrap over patients, the same draws for both "
        "figures, trained networks held fixed, not adjusted for their number. Where the best of "
        "several figures is picked, it is picked anew in every draw, and the draws are shifted so "
        "that their mean is the estimate: resampled figures vary more, so their best exceeds the "
        "best of the original ones. What a choice adds on the images on which it was made is never "
        "below 0. The 16 validation images are drawn anew in every draw, too."
    )


def _practices() -> list[dict[str, Cell]]:
    return [
        {"Practice": entry.title, "What is done": entry.done, "Compared with": entry.instead}
        for entry in PRACTICES.values()
    ]
