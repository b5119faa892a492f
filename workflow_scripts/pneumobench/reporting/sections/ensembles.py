"""Ensembles: what combining the runs is worth."""

from typing import Any

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.estimates import Estimate
from pneumobench.core.run import Run
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.section import Heading, Paragraph, Section
from pneumobench.reporting.table import Cell, Millions, Of, Scaled, Seconds, Table
from pneumobench.reporting.wording import brackets, capital, listing
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Scores of the ensembles", "ensembles/*/out_of_fold.csv, test.csv", "combine_ensemble"),
    ("Weights of the ensembles", "selection/selection.json", "freeze_selection"),
    ("Ensembles against the best run", "comparison/comparison.json", "compare_runs"),
)
_SETS = {"out_of_fold": "Out-of-fold", "test": "On the test set"}


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where nothing was combined."""
    entries, comparison = files.facts["ensembles"], files.comparison
    if not entries:
        return None
    labels = {row["run"]: row["label"] for _, row in comparison.iterrows()}
    best = complete_runs(comparison).iloc[0]["label"]
    return Section(
        name="ensembles",
        title="Does it help to combine the runs?",
        short="Ensembles",
        answer=tuple(_answer(entries, best)),
        blocks=(
            Table(
                "ensembles",
                "Ensembles against the best run",
                [_row(entry) for entry in entries],
                notes=(
                    "Difference: to the AUC of the best run, paired by patient, not adjusted for "
                    "the number of ensembles. "
                    + brackets(
                        files.facts["confidence"],
                        ", with the trained models and the weights held fixed",
                    ),
                ),
                narrow=True,
            ),
            Heading("How ensembles are formed, and what they cost"),
            Paragraph(_METHOD),
            Table("ensemble_costs", "What ensembles cost", [_cost(entry) for entry in entries]),
            Heading("Weights of the runs"),
            Table(
                "ensemble_weights",
                "Weights of the runs",
                _weights(entries, labels),
                notes=(_WEIGHTS,),
            ),
        ),
        origins=ORIGINS,
    )


_METHOD = (
    "Every ensemble is made of all runs of this report. Each fold has an ensemble of its own, fitted "
    "to the out-of-fold predictions of the other folds, so that a fold's labels do not affect how its "
    "images are scored. It combines the models of this fold; on the test set the scores of all folds "
    "are averaged. Weights and thresholds were frozen before labels of the test set were read. "
    "Optimistic: weights follow labels of images by which the runs were chosen as well; the best of "
    "several such fits owes some of its lead to chance, and the other folds' models were trained on "
    "this fold's images. The best run was picked by the same results, which flatters it, too. "
    "Ensembles are never ranked. Parameters, multiply-adds and training times are sums over the runs "
    "used, which are those with a weight in at least one fold."
)
_WEIGHTS = (
    "Mean over the folds; in brackets the least and the greatest, where folds differ. Weights are "
    "those of logits, in the non-negative stack of probabilities and in the rank mean of ranks: they "
    "compare within a column, as far as the runs' logits have one scale. A run that repeats another, "
    "or gives every image the same score, has no weight where weights are fitted."
)


def _title(entry: dict[str, Any]) -> str:
    return ENSEMBLES[entry["ensemble"]].title


def _answer(entries: list[dict[str, Any]], best: str) -> list[str]:
    """Say whether combining helps, and which ensembles differ from the best run where."""
    better = {dataset: _differing(entries, dataset, above=True) for dataset in _SETS}
    if not better["out_of_fold"]:
        sentences = ["Combining runs is not shown to help."]
    elif better["test"]:
        sentences = ["Combining runs helps here, out-of-fold and on the test set."]
    else:
        sentences = ["Combining runs helps out-of-fold; on the test set it is not shown to."]
    sentences.append(f"The best single run is {best}.")
    for dataset, title in _SETS.items():
        worse = _differing(entries, dataset, above=False)
        parts = [
            f"the AUC of {listing([f'the {_title(entry)}' for entry in found])} is {word} than "
            "that of the best run"
            for found, word in ((better[dataset], "higher"), (worse, "lower"))
            if found
        ]
        said = "; ".join(parts) or "no ensemble differs significantly from the best run"
        sentences.append(f"{title}, {said}.")
    if better["out_of_fold"] and all(entry["optimistic"] for entry in better["out_of_fold"]):
        sentences.append(
            "The ensembles that help out-of-fold were fitted to labels, which flatters them there."
        )
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


def _row(entry: dict[str, Any]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "Ensemble": _title(entry),
        "Out-of-fold score": "optimistic" if entry["optimistic"] else "no label used",
        "Runs used": Of(entry["members_used"], len(entry["members"])),
    }
    for dataset, title in DATASET_TITLES.items():
        cells[f"{title} AUC"] = Estimate.of_row(entry, f"{dataset}_roc_auc")
        difference = Estimate.of(_found(entry, dataset), "difference")
        cells[f"{title} difference"] = Scaled(difference, digits=4)
    return cells


def _cost(entry: dict[str, Any]) -> dict[str, Cell]:
    return {
        "Ensemble": _title(entry),
        "What is done": ENSEMBLES[entry["ensemble"]].done,
        "Parameters (M)": Millions(entry["parameters"]),
        "Multiply-adds (M)": Millions(entry["macs"]),
        "Training time": Seconds(entry["train_seconds"]),
    }


def _weights(entries: list[dict[str, Any]], labels: dict[Run, str]) -> list[dict[str, Cell]]:
    """Return a row for each run: its mean weight in every ensemble, and the range over folds."""
    rows = []
    for members in zip(*(entry["members"] for entry in entries), strict=True):
        own = members[0]
        row: dict[str, Cell] = {"Run": labels[Run(own["model"], own["recipe"], int(own["seed"]))]}
        for entry, member in zip(entries, members, strict=True):
            low, high = member["least_weight"], member["greatest_weight"]
            # Where all folds weigh a run alike there is no range to show.
            found = Estimate(member["weight"], *((low, high) if low < high else (None, None)))
            row[capital(_title(entry))] = Scaled(found, digits=2)
        rows.append(row)
    return rows
