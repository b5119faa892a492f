"""What is to be said about where the images come from, from audit.json."""

from typing import Any

from pneumobench.reporting.wording import count, listing
from pneumobench.reporting.words import Words

# How patients are identified, by the audit's key; "" is for images whose patient nothing tells.
_TOLD_BY = {
    "file_name": "by file names",
    "pattern": "by a pattern in the paths of the files",
    "column": "by the source's table",
    "": "not at all",
}


def phantom_notice(words: Words) -> str:
    """Return what must be said where radiographs are drawn."""
    return (
        "The images of this experiment are phantoms: drawings made by the pipeline. The results "
        f"show that the method works. They say nothing about {words.people}, and nothing about "
        "which architecture is best on real radiographs."
    )


def unknown_patients(audit: dict[str, Any], words: Words) -> str:
    """Return what to say where radiographs do not identify their patient; "" where all do."""
    unknown, accepted = len(audit["unknown_patients"]), audit["counts"]["ok"]
    if not unknown:
        return ""
    return (
        f"{count(unknown)} of {count(accepted)} images do not identify their patient, so each "
        f"counts as a patient of its own. Radiographs of one {words.person} may lie on both sides "
        "of the split and in several folds: results look better than they are, and intervals are "
        "too narrow."
    )


def patients_told(audit: dict[str, Any]) -> str:
    """Return how patients are identified, as part of a sentence."""
    return listing([_TOLD_BY[key] for key in audit["patients_told_by"]])
