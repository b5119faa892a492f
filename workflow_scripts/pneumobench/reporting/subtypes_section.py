"""The section on subtypes: who tells normal, bacterial and viral radiographs apart."""

from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.subtypes import AREAS, in_rank
from pneumobench.reporting.wording import count, listing, plural, with_interval
from pneumobench.statistics.subtypes import BACTERIAL_AGAINST_VIRAL, runs_of, shown

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Subtypes told apart", "comparison/subtypes.csv, subtypes.json", "evaluate_subtypes"),
    ("Scores of the thumbnails' three classes", "baselines/subtypes/fold*/", "score_subtypes"),
)
DECISIONS = {
    "accuracy": "Accuracy",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "kappa": "Kappa",
    "brier": "Brier score",
    "log_loss": "Log loss",
}
BASELINE_TITLES = {"thumbnail": "Baseline: thumbnail", "majority": "Baseline: majority"}


def subtypes_section(comparison: pd.DataFrame, subtypes: str | Path | None) -> dict[str, Any]:
    """Return what the section's template shows; without rows where the task is another one.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    subtypes
        subtypes.json, or None.
    """
    if subtypes is None:
        return {"areas": {}, "origins": ()}
    content = read_json(subtypes)
    entries = in_rank(comparison, content)
    baselines = [
        (BASELINE_TITLES[entry["baseline"]], entry) for entry in runs_of(content, "baseline")
    ]
    return {
        "answer": _answer(entries, dict(baselines), content),
        "areas": {name: _rows(entries + baselines, name, AREAS) for name in DATASET_TITLES},
        "decisions": {name: _rows(entries + baselines, name, DECISIONS) for name in DATASET_TITLES},
        "counts": {name: _counts(content["datasets"][name]) for name in DATASET_TITLES},
        "origins": ORIGINS,
    }


def cell(entry: dict[str, Any], dataset: str, metric: str) -> str:
    """Write an estimate of subtypes.json with its interval."""
    record = shown(entry, dataset, metric)
    return with_interval(*(record[key] for key in ("value", "low", "high")))


def _answer(
    entries: list[tuple[str, dict[str, Any]]],
    baselines: dict[str, dict[str, Any]],
    content: dict[str, Any],
) -> list[str]:
    label, best = max(entries, key=lambda pair: _value(pair[1], "macro_auc"))
    apart = max(entries, key=lambda pair: _value(pair[1], BACTERIAL_AGAINST_VIRAL))
    chance = [
        name
        for name, entry in entries
        if (shown(entry, "out_of_fold", BACTERIAL_AGAINST_VIRAL)["low"] or 0) <= 0.5
    ]
    said = {
        name: cell(entry, "out_of_fold", BACTERIAL_AGAINST_VIRAL)
        for name, entry in (
            ("best", apart[1]),
            ("baseline", baselines[BASELINE_TITLES["thumbnail"]]),
        )
    }
    return [
        f"Normal, bacterial and viral images are told apart best, out of fold, by {label}: macro "
        f"AUC {cell(best, 'out_of_fold', 'macro_auc')}, on the test set "
        f"{cell(best, 'test', 'macro_auc')}.",
        "Which pneumonias are bacterial, the question that decides on antibiotics, is answered "
        f"with an AUC of {said['best']} at best ({apart[0]}, {plural(_sick(content), 'radiograph')} out "
        f"of fold); a linear model of thumbnails reaches {said['baseline']}.",
        *([f"Not shown to do better than chance at that: {listing(chance)}."] if chance else []),
    ]


def _value(entry: dict[str, Any], metric: str) -> float:
    value = shown(entry, "out_of_fold", metric)["value"]
    return -1.0 if value is None else value


def _sick(content: dict[str, Any]) -> int:
    counts = content["datasets"]["out_of_fold"]
    return counts["bacterial"] + counts["viral"]


def _rows(
    entries: list[tuple[str, dict[str, Any]]], dataset: str, metrics: dict[str, str]
) -> list[dict[str, str]]:
    return [
        {"Run": label, **{title: cell(entry, dataset, name) for name, title in metrics.items()}}
        for label, entry in entries
    ]


def _counts(counts: dict[str, int]) -> str:
    classes = [f"{count(counts[name])} {name}" for name in ("normal", "bacterial", "viral")]
    return f"n = {count(counts['n'])} images of {count(counts['patients'])} patients: " + listing(
        classes
    )
