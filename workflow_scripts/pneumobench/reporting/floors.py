"""The floors in tables and words: the simplest models, none of them a network."""

from typing import Any

import pandas as pd

from pneumobench.core.floors import FLOORS
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import listing, with_interval

# Status of a floor's row in tables, beside those of runs.
FLOOR = "floor"
NO_NETWORK = "no network"
NOT_ABOVE = "does not beat the floors"


def with_floors(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with a row for each floor below the runs, best first.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    """
    floors = pd.DataFrame(facts["floors"]["models"])
    names = [floor_label(kind) for kind in floors["floor"]]
    own = {"status": FLOOR, "label": names, "title": names, "model": "", "recipe": ""}
    return pd.concat([comparison, floors.assign(**own)], ignore_index=True)


def floor_label(kind: str) -> str:
    """Return a floor's name for people."""
    return f"Floor: {kind}"


def floor_notes() -> list[str]:
    """Return the sentences below a table with floors: what they are, what it is to beat them."""
    seen = "; ".join(f"{kind}: {what}" for kind, what in FLOORS.items())
    return [
        "Floors are no networks but linear models, fitted and judged on the same folds, that see "
        f"nothing else of an image than this. {seen[0].upper()}{seen[1:]}.",
        f"{NOT_ABOVE.capitalize()}: for at least one floor the interval of the paired difference "
        "of the out-of-fold AUC, run minus floor, does not lie above 0.",
    ]


def majority_notes(facts: dict[str, Any]) -> list[str]:
    """Say how often calling every image the frequent class is right."""
    return [
        f"{DATASET_TITLES[name]}: calling every image {floor['class']} is right in "
        f"{with_interval(floor['majority_accuracy'], floor['low'], floor['high'])} of the images."
        for name, floor in facts["floors"]["majority"].items()
    ]


def floor_sentence(comparison: pd.DataFrame, facts: dict[str, Any]) -> str:
    """Say how good the best floor is, which complete runs lie below it or do not beat them all."""
    best = facts["floors"]["models"][0]
    name = "out_of_fold_roc_auc"
    area = with_interval(best[name], best[f"{name}_low"], best[f"{name}_high"])
    lead = (
        f"The best floor, a linear model that sees nothing but {FLOORS[best['floor']]}, reaches an "
        f"AUC of {area} out of fold."
    )
    behind = [
        row for _, row in complete_runs(comparison).iterrows() if row["beats_floors"] is False
    ]
    if not behind:
        return f"{lead} Every run beats all floors."
    # An undefined bound lies below nothing.
    below = [row["label"] for row in behind if row["difference_from_best_floor_high"] < 0]
    others = [row["label"] for row in behind if row["label"] not in below]
    if below:
        lead += f" Below it, with the interval of the paired difference: {listing(below)}."
    return f"{lead} Not shown to beat all floors: {listing(others)}." if others else lead
