"""The baselines in tables and words: the simplest models, none of them a network."""

from typing import Any

import pandas as pd

from pneumobench.core.baselines import BASELINES
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import listing, with_interval
from pneumobench.reporting.words import Words

# Status of a baseline's row in tables, beside those of runs.
BASELINE = "baseline"
NO_NETWORK = "no network"
NOT_ABOVE = "not shown to beat the baselines"


def with_baselines(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with a row for each baseline below the runs, best first."""
    baselines = pd.DataFrame(facts["baselines"]["models"])
    names = [baseline_label(kind) for kind in baselines["baseline"]]
    own = {"status": BASELINE, "label": names, "title": names, "model": "", "recipe": ""}
    return pd.concat([comparison, baselines.assign(**own)], ignore_index=True)


def baseline_label(kind: str) -> str:
    """Return a baseline's name for people."""
    return f"Baseline: {kind}"


def baseline_notes() -> list[str]:
    """Return the sentences below a table with baselines: what they are, what it is to beat them."""
    seen = "; ".join(f"{kind}: {what}" for kind, what in BASELINES.items())
    return [
        "Baselines are no networks but linear models, fitted and judged on the same folds, that "
        f"see nothing else of an image than this. {seen[0].upper()}{seen[1:]}.",
        f"{NOT_ABOVE.capitalize()}: for at least one baseline the interval of the paired "
        "difference of the out-of-fold AUC, run minus baseline, does not lie above 0.",
    ]


def majority_notes(facts: dict[str, Any], words: Words) -> list[str]:
    """Say how often calling every image the frequent class is right."""
    return [
        f"{DATASET_TITLES[name]}: calling every image {words.name(baseline['class'])} is right in "
        f"{with_interval(baseline['majority_accuracy'], baseline['low'], baseline['high'])} of the "
        "images."
        for name, baseline in facts["baselines"]["majority"].items()
    ]


def baseline_sentence(comparison: pd.DataFrame, facts: dict[str, Any]) -> str:
    """Say how good the best baseline is, and which complete runs do not beat all of them."""
    best = facts["baselines"]["models"][0]
    name = "out_of_fold_roc_auc"
    area = with_interval(best[name], best[f"{name}_low"], best[f"{name}_high"])
    lead = (
        "The best baseline, which every network should exceed, is a linear model that sees nothing "
        f"but {BASELINES[best['baseline']]}; its out-of-fold AUC is {area}."
    )
    behind = [
        row for _, row in complete_runs(comparison).iterrows() if row["beats_baselines"] is False
    ]
    if not behind:
        return f"{lead} Every run beats all baselines."
    # An undefined bound lies below nothing.
    below = [row["label"] for row in behind if row["difference_from_best_baseline_high"] < 0]
    others = [row["label"] for row in behind if row["label"] not in below]
    if below:
        lead += (
            " Shown to be worse than it (the interval of the paired difference lies below 0): "
            f"{listing(below)}."
        )
    if others:
        lead += f" Not shown to be better than every baseline: {listing(others)}."
    return lead
