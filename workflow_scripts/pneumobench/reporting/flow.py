"""From files to folds: how many files, images and patients reach each step."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json, read_table

ROLES = ("cv", "test", "left_out")


def read_flow(audit: str | Path, splits: str | Path) -> dict[str, Any]:
    """Return the counts at each step.

    Parameters
    ----------
    audit
        audit.json.
    splits
        splits.csv.

    Returns
    -------
    dict
        `counts` and `rejected` of the audit, groups as the split made them; `reasons` (reason and
        number of files, most frequent first); `subtypes` (images by subtype); `roles` (images and
        groups under `cv`, `test` and `left_out`: patients whom their number alone puts into the
        test set, too);
        `folds` (fold, images, groups, and `inner`, the images that watch early stopping when this
        fold is held out). A group is a patient united with the owners of identical images.
    """
    findings = read_json(audit)
    table = read_table(splits, text=("image_id", "role", "inner", "group"))
    reasons = Counter(entry["reason"] for entry in findings["rejected"])
    subtypes: Counter[str] = Counter()
    for entry in findings["by_split_label_subtype"]:
        subtypes[entry["subtype"]] += entry["images"]
    development = table[table["role"] == "cv"]
    inner = Counter(fold for text in development["inner"] for fold in text.split())
    return {
        "counts": findings["counts"] | {"patient_groups": table["group"].nunique()},
        "rejected": findings["rejected"],
        "reasons": reasons.most_common(),
        "subtypes": dict(sorted(subtypes.items())),
        "roles": {role: _size(table[table["role"] == role]) for role in ROLES},
        "folds": [
            {"fold": int(fold), **_size(part), "inner": inner[str(int(fold))]}
            for fold, part in development.groupby("fold")
        ],
    }


def _size(part: pd.DataFrame) -> dict[str, int]:
    return {"images": len(part), "groups": part["group"].nunique()}
