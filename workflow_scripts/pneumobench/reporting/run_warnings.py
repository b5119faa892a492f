"""What a reader of the figures must be warned of: collapsed models, subtypes without images."""

from typing import Any

import pandas as pd

from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import listing, plural


def warnings_of(
    comparison: pd.DataFrame,
    metrics: dict[str, dict[str, Any]],
    folds: dict[str, list[dict[str, Any]]],
) -> list[str]:
    """Return warnings of evaluation, absent subtypes, architectures trained by different code.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    metrics
        metrics.json by run folder.
    folds
        run.json of every fold, by run folder.
    """
    found = [
        f"{row['label']}: {warning}."
        for _, row in complete_runs(comparison).iterrows()
        for warning in metrics.get(row["run"].folder, {}).get("warnings", [])
    ]
    subtypes: dict[str, set[str]] = {name: set() for name in DATASET_TITLES}
    for content in metrics.values():
        for entry in content["subgroups"]:
            subtypes[entry["dataset"]].add(entry["subtype"])
    known = set().union(*subtypes.values())
    for dataset, title in DATASET_TITLES.items():
        if absent := sorted(known - subtypes[dataset]):
            found.append(
                f"{title}: no image of {listing(absent)} pneumonia, so nothing is said of it there."
            )
    return found + _different_code(folds)


def _different_code(folds: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return one warning for each architecture that more than one state of the code trained."""
    trained: dict[str, dict[str, int]] = {}
    for fold in (fold for of_run in folds.values() for fold in of_run):
        counts = trained.setdefault(fold["model"], {})
        counts[fold["code_hash"]] = counts.get(fold["code_hash"], 0) + 1
    return [
        f"{model}: its folds were trained by {len(counts)} different states of the code ("
        + ", ".join(f"{code}: {plural(number, 'fold')}" for code, number in sorted(counts.items()))
        + "); differences between them need not be differences between networks or recipes."
        for model, counts in sorted(trained.items())
        if len(counts) > 1
    ]
