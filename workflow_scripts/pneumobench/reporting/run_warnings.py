"""What a reader of the figures must be warned of: collapsed models, subtypes without images."""

from typing import Any

import pandas as pd

from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import listing


def warnings_of(comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]]) -> list[str]:
    """Return the warnings of evaluation, and subtypes of which a data set has no image.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    metrics
        metrics.json by run folder.
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
    return found
