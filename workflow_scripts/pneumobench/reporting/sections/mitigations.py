"""Recipes as mitigations: what each does to one network, on clean and on corrupted images."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.run import Run
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.run_records import flatten
from pneumobench.reporting.section import Paragraph, Points, Section
from pneumobench.reporting.sections.robustness import read_worst_pairs, worst_difference
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import listing
from pneumobench.reporting.words import Words

# Names and origins of recipes are no settings.
_NO_SETTINGS = ("name", "based_on")


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where no recipe is held against a reference."""
    reference = files.settings.get("robustness", {}).get("reference_recipe")
    rows = complete_runs(files.comparison)
    pairs = read_worst_pairs(files)
    if pairs is None or reference is None:
        return None
    strength = int(pairs["strength"].max()) if len(pairs) else 0
    shown, readings = [], []
    for _, first in rows[rows["recipe"] == reference].iterrows():
        same = (rows["model"] == first["model"]) & (rows["seed"] == first["seed"])
        others = rows[same & (rows["recipe"] != reference)]
        if others.empty:
            continue
        shown.append(_cells(first, strength, "the reference", None))
        found = {}
        for _, row in others.iterrows():
            recipe = row["recipe"]
            found[recipe] = worst_difference(pairs, strength, first["run"], row["run"])
            differs = _differs(files.settings["recipes"], reference, recipe)
            shown.append(_cells(row, strength, differs, found[recipe][0]))
        readings.append(_reading(first["run"], found))
    if not shown:
        return None
    return Section(
        name="mitigations",
        title="Which mitigations improve robustness?",
        short="Mitigations",
        answer=(
            *readings[:1],
            *few_sentence(files.facts["datasets"], ("out_of_fold",), words),
        ),
        blocks=(
            *([Points(tuple(readings[1:]))] if len(readings) > 1 else []),
            Paragraph(
                "Each network was trained by several recipes that never see a label of the test "
                f"set. The criterion is the worst specificity on out-of-fold images (strength "
                f"{strength}), shown beside the figures on clean images."
            ),
            Table(
                "mitigations",
                "Mitigations",
                shown,
                notes=(
                    "Minus the reference's: paired by patient, each recipe's worst figure found "
                    "anew in every resample; not adjusted for the number of recipes.",
                    "Figures on the test set show afterwards whether a mitigation carried over, "
                    "and choose none. A recipe that varies images in training as a corruption does "
                    "has met something like it before. These are single trainings: another seed "
                    "may order them differently.",
                ),
                narrow=True,
            ),
        ),
    )


def _cells(
    row: pd.Series, strength: int, differs: str, difference: Estimate | None
) -> dict[str, Cell]:
    return {
        "Run": row["label"],
        "What differs": differs,
        "AUC, out-of-fold": Estimate.of_row(row, "out_of_fold_roc_auc"),
        "Specificity, out-of-fold": Estimate.of_row(row, "out_of_fold_specificity"),
        "Worst specificity": Estimate.of_row(row, f"worst_specificity_strength_{strength}"),
        "Minus the reference's": difference,
        "Worst sensitivity": Estimate.of_row(row, f"worst_sensitivity_strength_{strength}"),
        "Test specificity (chooses nothing)": Estimate.of_row(row, "test_specificity"),
        "Test sensitivity (chooses nothing)": Estimate.of_row(row, "test_sensitivity"),
    }


def _differs(recipes: dict[str, dict[str, Any]], reference: str, recipe: str) -> str:
    """Return the settings of a recipe that are not the reference's."""
    plain, other = (
        dict(
            flatten({key: value for key, value in recipes[name].items() if key not in _NO_SETTINGS})
        )
        for name in (reference, recipe)
    )
    changed = [f"{key}: {value}" for key, value in other.items() if plain.get(key) != value]
    return ", ".join(changed) or "nothing"


def _reading(run: Run, found: dict[str, tuple[Estimate, bool]]) -> str:
    """Say which recipes raise the worst specificity, and which lower it."""
    verdicts: dict[str, list[str]] = {}
    for recipe, (difference, sure) in found.items():
        verdict = ("higher" if difference.value > 0 else "lower") if sure else "unclear"
        verdicts.setdefault(verdict, []).append(recipe)
    words = [
        f"{text} {listing(verdicts[verdict])}"
        for verdict, text in (
            ("higher", "is higher with"),
            ("lower", "is lower with"),
            ("unclear", "is not distinguishable from the reference's with"),
        )
        if verdict in verdicts
    ]
    return f"Compared with {run.title}, the worst specificity {'; it '.join(words)}."
