"""Recipes as mitigations: what each does to one network's figures, as they are and on worse images."""

from typing import Any

import pandas as pd

from pneumobench.core.run import Run
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.run_records import flatten
from pneumobench.reporting.robustness_section import (
    RobustnessInputs,
    read_worst_pairs,
    worst_difference,
)
from pneumobench.reporting.wording import EMPTY, listing, row_interval, with_interval

# Names and origins of recipes are no settings.
_NO_SETTINGS = ("name", "based_on")


def mitigations(
    comparison: pd.DataFrame, inputs: RobustnessInputs | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return what the template shows; without rows where no recipe is a reference.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    inputs
        What the section on radiographs made worse is made of, or None.
    settings
        The configuration: `robustness.reference_recipe` and the recipes.
    """
    reference = settings.get("robustness", {}).get("reference_recipe")
    rows = complete_runs(comparison)
    own = rows[rows["recipe"] == reference]
    if inputs is None or reference is None or own.empty:
        return {"rows": [], "readings": []}
    pairs = read_worst_pairs(inputs.pairs)
    strength = int(pairs["strength"].max()) if len(pairs) else 0
    shown, readings = [], []
    for _, first in own.iterrows():
        others = rows[
            (rows["model"] == first["model"])
            & (rows["seed"] == first["seed"])
            & (rows["recipe"] != reference)
        ]
        if others.empty:
            continue
        found = {
            row["recipe"]: worst_difference(pairs, strength, first["run"], row["run"])
            for _, row in others.iterrows()
        }
        shown.append(_row(first, strength, "the reference", None))
        shown += [
            _row(row, strength, _differs(settings, reference, row["recipe"]), found[row["recipe"]])
            for _, row in others.iterrows()
        ]
        readings.append(_reading(first["run"], found))
    return {"rows": shown, "readings": readings, "strength": strength}


def _row(
    row: pd.Series, strength: int, differs: str, difference: dict[str, Any] | None
) -> dict[str, str]:
    return {
        "Run": row["label"],
        "What differs": differs,
        "AUC, out-of-fold": row_interval(row, "out_of_fold_roc_auc"),
        "Specificity, out-of-fold": row_interval(row, "out_of_fold_specificity"),
        "Worst specificity": row_interval(row, f"worst_specificity_strength_{strength}"),
        "Less the reference's": EMPTY
        if difference is None
        else with_interval(difference["value"], difference["low"], difference["high"]),
        "Worst sensitivity": row_interval(row, f"worst_sensitivity_strength_{strength}"),
        "Test specificity (chooses nothing)": row_interval(row, "test_specificity"),
        "Test sensitivity (chooses nothing)": row_interval(row, "test_sensitivity"),
    }


def _differs(settings: dict[str, Any], reference: str, recipe: str) -> str:
    """Return the settings of a recipe that are not the reference's."""
    plain, other = (
        dict(flatten({key: value for key, value in settings["recipes"][name].items()
                      if key not in _NO_SETTINGS}))
        for name in (reference, recipe)
    )  # fmt: skip
    changed = [f"{key}: {value}" for key, value in other.items() if plain.get(key) != value]
    return ", ".join(changed) or "nothing"


def _reading(run: Run, found: dict[str, dict[str, Any]]) -> str:
    """Say which recipes raise the worst specificity, and which lower it."""
    sure = {recipe: entry["value"] for recipe, entry in found.items() if entry["excludes_zero"]}
    words = []
    for word, chosen in (
        ("is higher with", [recipe for recipe, value in sure.items() if value > 0]),
        ("is lower with", [recipe for recipe, value in sure.items() if value < 0]),
        ("cannot be told from it with", [recipe for recipe in found if recipe not in sure]),
    ):
        if chosen:
            words.append(f"{word} {listing(chosen)}")
    return f"Against {run.title}, the worst specificity {'; it '.join(words)}."
