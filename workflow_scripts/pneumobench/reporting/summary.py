"""The answer in words, made from the numbers."""

from typing import Any

import pandas as pd

from pneumobench.reporting.baselines import baseline_sentence
from pneumobench.reporting.inputs import complete_runs, missing_runs
from pneumobench.reporting.robustness_section import robustness_sentence
from pneumobench.reporting.wording import count, listing, percent, row_interval
from pneumobench.statistics.seeds import SEEDS_FOR_ARCHITECTURES

# A loss of this much sensitivity or specificity from out-of-fold to test is called by its name.
COLLAPSE = 0.10
PHANTOM_NOTICE = (
    "The images of this experiment are phantoms: drawings made by the pipeline. The figures show "
    "that the method works. They say nothing about children, and nothing about which architecture "
    "is best on real radiographs."
)


def summarise(comparison: pd.DataFrame, facts: dict[str, Any]) -> list[str]:
    """Return the report's opening paragraph, one sentence or two an entry.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    """
    rows = complete_runs(comparison)
    best = rows[rows["best"].astype(bool)].iloc[0]
    sentences = [_best(best, facts), _rivals(rows), _failures(rows)]
    sentences += [baseline_sentence(comparison, facts), _missing(comparison)]
    sentences += [
        _test(best, facts),
        *_collapses(best),
        robustness_sentence(rows),
        _seeds(comparison),
    ]
    return [sentence for sentence in sentences if sentence]


def _best(best: pd.Series, facts: dict[str, Any]) -> str:
    counts = facts["datasets"]["out_of_fold"]
    lead = (
        "Best by out-of-fold AUC" if best["learned"] else "No run learned. First by out-of-fold AUC"
    )
    return (
        f"{lead}: {best['label']} with {row_interval(best, 'out_of_fold_roc_auc')}, in brackets "
        f"the {percent(facts['confidence'])} interval; n = {count(counts['n'])} images of "
        f"{count(counts['patients'])} patients, {count(counts['events'])} with pneumonia."
    )


def _rivals(rows: pd.DataFrame) -> str:
    others = rows[~rows["best"].astype(bool)]
    if others.empty:
        return "It is the only complete run; there is nothing to compare it with."
    alike = [
        row["label"] for _, row in others.iterrows() if row["distinguishable_from_best"] is False
    ]
    if not alike:
        return (
            "It can be told from every other run (permutation test, adjusted for the number of "
            "pairs)."
        )
    who = "The only" if len(others) == 1 else f"{len(alike)} of the {len(others)}"
    noun = "run" if len(others) == 1 else "runs"
    return f"{who} other complete {noun} cannot be told from it: {listing(alike)}."


def _failures(rows: pd.DataFrame) -> str:
    failed = [row["label"] for _, row in rows.iterrows() if not row["learned"]]
    if not failed:
        return ""
    return f"Did not learn (the interval of the AUC does not lie above 0.5): {listing(failed)}."


def _missing(comparison: pd.DataFrame) -> str:
    missing = missing_runs(comparison)
    if missing.empty:
        return ""
    names = [
        row["label"] + (f" ({row['note']})" if row["note"] else "") for _, row in missing.iterrows()
    ]
    return f"Missing, and not part of any figure: {listing(names)}."


def _test(best: pd.Series, facts: dict[str, Any]) -> str:
    counts = facts["datasets"]["test"]
    return (
        f"On the test set (n = {count(counts['n'])} images of {count(counts['patients'])} "
        f"patients, {count(counts['events'])} with pneumonia), which chose nothing, the first in "
        f"rank reaches an AUC of {row_interval(best, 'test_roc_auc')}; at the threshold found out "
        f"of fold its sensitivity is {row_interval(best, 'test_sensitivity')} and its specificity "
        f"{row_interval(best, 'test_specificity')}."
    )


def _collapses(best: pd.Series) -> list[str]:
    meanings = {
        "specificity": "of 100 radiographs without pneumonia it calls {errors} pneumonia",
        "sensitivity": "of 100 radiographs with pneumonia it misses {errors}",
    }
    found = []
    for metric, meaning in meanings.items():
        before, after = best[f"out_of_fold_{metric}"], best[f"test_{metric}"]
        if before - after >= COLLAPSE:
            errors = meaning.format(errors=f"{100 * (1 - after):.0f}")
            found.append(
                f"The threshold does not carry over to the test set: {metric} falls from "
                f"{before:.3f} out of fold to {after:.3f}; {errors}. The two sets of images "
                "differ, and no rule found on development data can repair that."
            )
    return found


def _seeds(comparison: pd.DataFrame) -> str:
    seeds = comparison.groupby(["model", "recipe"])["seed"].nunique()
    if seeds.min() >= SEEDS_FOR_ARCHITECTURES:
        return ""
    trained = "once" if seeds.max() == 1 else f"with fewer than {SEEDS_FOR_ARCHITECTURES} seeds"
    return (
        f"{'Each' if seeds.max() < SEEDS_FOR_ARCHITECTURES else 'At least one'} architecture was "
        f"trained {trained}: the figures speak of these trained models, not of architectures in "
        "general."
    )
