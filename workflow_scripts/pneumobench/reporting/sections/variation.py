"""How much results vary between trainings: these trained models, and the recipe."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import read_table
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import Details, Section
from pneumobench.reporting.table import Cell, Number, Scaled, Table
from pneumobench.reporting.wording import count, percent, plural
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Folds of repeats", "dataset/repeat*/splits.csv", "split_repeat"),
    ("Spread between trainings", "comparison/variation.csv, variation.json", "measure_variation"),
)


# Fewer trainings of an architecture than this say little about their spread.
FEW = 5
_FEW_TRAININGS = "So few trainings say little about how another one would turn out."


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where every architecture was trained once by each recipe."""
    facts = files.json("variation_details")
    if facts is None:
        return None
    rows = read_table(files.one("variation"), text=("model", "recipe", "between"))
    names = _names(rows, files.comparison)
    blocks = [
        Table(
            "variation",
            "Out-of-fold AUC of all trainings",
            [_cells(row, name) for name, (_, row) in zip(names, rows.iterrows(), strict=True)],
            notes=_notes(rows, facts),
        )
    ]
    if facts["differences"]:
        blocks.append(_differences(names, facts["differences"]))
    return Section(
        name="variation",
        title="Would another training give the same result?",
        short="Another training",
        answer=_answer(rows, names),
        blocks=tuple(blocks),
        origins=ORIGINS,
    )


def _names(rows: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """Return what each architecture with its recipe is called."""
    titles = {row["model"]: row["title"] or row["model"] for _, row in comparison.iterrows()}
    several = rows["recipe"].nunique() > 1
    return [
        titles.get(row["model"], row["model"]) + several * f" ({row['recipe']})"
        for _, row in rows.iterrows()
    ]


def _answer(rows: pd.DataFrame, names: list[str]) -> tuple[str, ...]:
    """Say how far trainings of one architecture and recipe lie apart."""
    several = rows[rows["between"] != ""]
    if several.empty:
        return ("Every architecture was trained once.",)
    widest = several["spread"].idxmax()
    low, high = (f"{several.loc[widest, end]:.3f}" for end in ("lowest", "highest"))
    few = [_FEW_TRAININGS] if int((several["seeds"] * several["repeats"]).min()) < FEW else []
    if low == high:
        text = f"Trainings that differ in nothing but chance have the same AUC here, {high}."
        return (text, *few)
    spreads = dict.fromkeys(f"{several['spread'].agg(end):.3f}" for end in ("min", "max"))
    text = (
        "Trainings that differ in nothing but chance differ in their AUC: standard deviation "
        f"{' to '.join(spreads)}. Those of {names[widest]} reached {low} to {high}."
    )
    return (text, *few)


def _cells(row: pd.Series, name: str) -> dict[str, Cell]:
    single = row["between"] == ""
    recipe = None if single else Estimate(row["roc_auc"], row["recipe_low"], row["recipe_high"])
    return {
        "Architecture": name,
        "Seeds": int(row["seeds"]),
        "Repeats": int(row["repeats"]),
        "AUC, these trained models": Estimate.of_row(row, "roc_auc"),
        "AUC, this recipe": recipe,
        "Standard deviation between trainings": Number(None if single else row["spread"], 4),
        "Lowest": Number(row["lowest"]),
        "Highest": Number(row["highest"]),
    }


def _notes(rows: pd.DataFrame, facts: dict[str, Any]) -> tuple[str, ...]:
    first, level = rows.iloc[0], percent(facts["confidence"])
    repeats = facts["repeats"]
    divided = (
        f"The development set was divided into {facts['folds']} folds {count(repeats)} times, and "
        "every network trained on each division. "
        if repeats > 1
        else "All seeds have the same folds: what another division would change is not in it. "
    )
    return (
        f"{divided}A training is one cross-validation with one seed; its AUC is the mean of its "
        f"folds. n = {count(int(first['n']))} images of "
        f"{plural(int(first['patients']), 'patient')}. All else in this report is of the first "
        "division.",
        f"In brackets: {level} intervals. These trained models: patients drawn, networks held "
        "fixed. This recipe: what another training by the same recipe can be expected to reach, "
        "patients and trainings both a sample. With two or three trainings it is wide, because so "
        "few say little about their spread.",
        "Not in either interval: training on other patients.",
    )


def _differences(names: list[str], differences: list[dict[str, Any]]) -> Details:
    rows = [
        {
            "Architecture": name,
            "Lower by, these trained models": Scaled(Estimate.of(each, "difference")),
            "Lower by, this recipe": None
            if each["recipe_low"] is None
            else Scaled(Estimate(each["difference"], each["recipe_low"], each["recipe_high"])),
        }
        for name, each in zip(names[1:], differences, strict=True)
    ]
    return Details(
        f"Differences from {names[0]}",
        (
            Table(
                "variation_differences",
                f"Differences from {names[0]}",
                rows,
                notes=(
                    "Of the mean AUC over all trainings; the same patients drawn for both. An "
                    "interval that includes 0: a difference was not shown. Not adjusted for the "
                    "number of comparisons, nor for the fact that the highest was picked by its "
                    "result.",
                ),
            ),
        ),
    )
