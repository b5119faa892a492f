"""What is to be said about where the images come from, from audit.json."""

from typing import Any

from pneumobench.reporting.wording import count, listing

# How patients were told apart, by the audit's key; "" is for images whose patient nothing tells.
_TOLD_BY = {
    "file_name": "by file names",
    "pattern": "by a pattern in the paths of the files",
    "column": "by the source's table",
    "": "not at all",
}


def unknown_patients(audit: dict[str, Any]) -> str:
    """Return what a reader must know where radiographs tell no patient; "" where all do."""
    unknown, accepted = len(audit["unknown_patients"]), audit["counts"]["ok"]
    if not unknown:
        return ""
    return (
        f"Of {count(accepted)} images {count(unknown)} tell no patient: each counts as a patient of "
        "its own. Radiographs of one child may lie on both sides of the split and in several folds: "
        "figures look better than they are, and intervals are too narrow."
    )


def patients_told(audit: dict[str, Any]) -> str:
    """Return how patients are told apart, as part of a sentence."""
    return listing([_TOLD_BY[key] for key in audit["patients_told_by"]])
