"""Ensembles in the ranked table: their rows, notes and names."""

from typing import Any

import pandas as pd

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.reporting.wording import plural

# Status of an ensemble's row in tables, beside those of runs.
ENSEMBLE = "ensemble"


def with_ensembles(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with a row for each ensemble below the runs, best first."""
    if not facts["ensembles"]:
        return comparison
    rows = pd.DataFrame(
        [
            {name: value for name, value in entry.items() if name not in ("members", "differences")}
            | {"note": ensemble_note(entry)}
            for entry in facts["ensembles"]
        ]
    )
    names = [ensemble_label(kind) for kind in rows["ensemble"]]
    own = {"status": ENSEMBLE, "label": names, "title": names, "model": "", "recipe": ""}
    return pd.concat([comparison, rows.assign(**own)], ignore_index=True)


def ensemble_label(kind: str) -> str:
    """Return an ensemble's name for people."""
    return f"Ensemble: {ENSEMBLES[kind].title}"


def ensemble_note(entry: dict[str, Any]) -> str:
    """Say how many runs an ensemble combines, and whether it was fitted to labels."""
    text = f"{entry['members_used']} of {plural(len(entry['members']), 'run')} combined"
    return f"{text}; optimistic out of fold" if entry["optimistic"] else text


def ensemble_notes(facts: dict[str, Any]) -> list[str]:
    """Return the sentences below a table with ensembles; none without any."""
    if not facts["ensembles"]:
        return []
    return [
        "Ensembles combine runs and are not ranked; their parameters and training times are the "
        "sums of the runs combined. Optimistic out of fold: the weights were fitted to labels, "
        "each fold's on the other folds.",
    ]
