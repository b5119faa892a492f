"""Ensembles in tables and in a section of their own: what combining the runs is worth."""

from typing import Any

import pandas as pd

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import duration, listing, millions, plural, with_interval

# Status of an ensemble's row in tables, beside those of runs.
ENSEMBLE = "ensemble"
# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Scores of the ensembles", "ensembles/*/out_of_fold.csv, test.csv", "combine_ensemble"),
    ("Weights of the ensembles", "selection/selection.json", "freeze_selection"),
    ("Ensembles against the best run", "comparison/comparison.json", "compare_runs"),
)
_SETS = {"out_of_fold": "Out of fold", "test": "On the test set"}


def with_ensembles(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with a row for each ensemble below the runs, best first.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    """
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
        "sums of the runs combined. Optimistic out of fold: weights were fitted to labels, each "
        "fold's on the other folds.",
    ]


def ensemble_section(comparison: pd.DataFrame, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the section's template shows; without rows where nothing was combined.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    """
    entries = facts["ensembles"]
    if not entries:
        return {"rows": [], "origins": ()}
    labels = {row["run"]: row["label"] for _, row in comparison.iterrows()}
    return {
        "answer": _answer(entries, complete_runs(comparison).iloc[0]["label"]),
        "rows": [_row(entry) for entry in entries],
        "costs": [_cost(entry) for entry in entries],
        "weights": _weights(entries, labels),
        "origins": ORIGINS,
    }


def _title(entry: dict[str, Any]) -> str:
    return ENSEMBLES[entry["ensemble"]].title


def _answer(entries: list[dict[str, Any]], best: str) -> list[str]:
    """Say whether combining helps, and which ensembles differ from the best run where."""
    better = {dataset: _differing(entries, dataset, above=True) for dataset in _SETS}
    if not better["out_of_fold"]:
        sentences = ["It is not shown to help."]
    elif better["test"]:
        sentences = ["It helps here, out of fold and on the test set."]
    else:
        sentences = ["It helps out of fold; on the test set it is not shown to."]
    sentences.append(f"The best run alone is {best}.")
    for dataset, words in _SETS.items():
        worse = _differing(entries, dataset, above=False)
        parts = [
            f"the AUC of {listing([f'the {_title(entry)}' for entry in found])} is {word} than "
            "that of the best run"
            for found, word in ((better[dataset], "higher"), (worse, "lower"))
            if found
        ]
        said = "; ".join(parts) or "no ensemble can be told apart from the best run"
        sentences.append(f"{words}, {said}.")
    if better["out_of_fold"] and all(entry["optimistic"] for entry in better["out_of_fold"]):
        sentences.append("What helps out of fold was fitted to labels, which flatters it there.")
    return sentences


def _differing(entries: list[dict[str, Any]], dataset: str, *, above: bool) -> list[dict[str, Any]]:
    """Return the ensembles whose AUC is shown to lie above, or below, that of the best run."""
    return [
        entry
        for entry in entries
        if _found(entry, dataset)["excludes_zero"]
        and (_found(entry, dataset)["difference"] > 0) == above
    ]


def _found(entry: dict[str, Any], dataset: str) -> dict[str, Any]:
    (difference,) = [found for found in entry["differences"] if found["dataset"] == dataset]
    return difference


def _row(entry: dict[str, Any]) -> dict[str, str]:
    cells = {
        "Ensemble": _title(entry),
        "Out-of-fold score": "optimistic" if entry["optimistic"] else "no label used",
        "Runs used": f"{entry['members_used']} of {len(entry['members'])}",
    }
    for dataset, words in DATASET_TITLES.items():
        bounds = [entry[f"{dataset}_roc_auc{bound}"] for bound in ("", "_low", "_high")]
        difference = _found(entry, dataset)
        cells[f"{words} AUC"] = with_interval(*bounds)
        cells[f"{words} difference"] = with_interval(
            *(difference[name] for name in ("difference", "low", "high")), digits=4
        )
    return cells


def _cost(entry: dict[str, Any]) -> dict[str, str]:
    return {
        "Ensemble": _title(entry),
        "What is done": ENSEMBLES[entry["ensemble"]].done,
        "Parameters (M)": millions(entry["parameters"]),
        "Multiply-adds (M)": millions(entry["macs"]),
        "Training time": duration(entry["train_seconds"]),
    }


def _weights(entries: list[dict[str, Any]], labels: dict[Run, str]) -> list[dict[str, str]]:
    """Return a row for each run: its mean weight in every ensemble, and the range over folds."""
    rows = []
    for members in zip(*(entry["members"] for entry in entries), strict=True):
        own = members[0]
        row = {"Run": labels[Run(own["model"], own["recipe"], int(own["seed"]))]}
        for entry, member in zip(entries, members, strict=True):
            bounds = member["least_weight"], member["greatest_weight"]
            # Where all folds weigh a run alike there is no range to show.
            shown = bounds if bounds[0] < bounds[1] else (None, None)
            row[_title(entry).capitalize()] = with_interval(member["weight"], *shown, digits=2)
        rows.append(row)
    return rows
