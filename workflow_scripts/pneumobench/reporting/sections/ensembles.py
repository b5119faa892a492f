"""Whether combining the runs helps, and what that costs."""

from typing import Any

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.estimates import Estimate, record_with
from pneumobench.core.run import Run
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.section import Details, Section
from pneumobench.reporting.table import Cell, Millions, Scaled, Seconds, Table
from pneumobench.reporting.wording import brackets, capital, listing
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Scores of the ensembles", "ensembles/*/out_of_fold.csv, test.csv", "combine_ensemble"),
    ("Weights of the ensembles", "selection/selection.json", "freeze_selection"),
    ("Ensembles against the best run", "comparison/comparison.json", "compare_runs"),
)
_SETS = {"out_of_fold": "Out of fold", "test": "On the test set"}
_METHOD = (
    "Every ensemble is made of all runs of this report. Each fold has one of its own, fitted to "
    "the out-of-fold predictions of the other folds, so that a fold's labels do not influence how "
    "its images are scored; it combines the models of this fold. On the test set the scores of all "
    "folds are averaged. Weights and thresholds were frozen before labels of the test set were "
    "read. Optimistic: weights follow labels of images by which the runs were chosen as well; the "
    "best of several such fits owes some of its lead to chance, and the other folds' models were "
    "trained on this fold's images. The best run was picked by the same figures, which flatters it."
)
_DIFFERENCE = (
    "Difference: to the AUC of the best run, paired by patient, not adjusted for the number of "
    "ensembles. Ensembles are never ranked. Parameters, multiply-adds and training times are sums "
    "over the runs used, those with a weight in at least one fold."
)
_WEIGHTS = (
    "Mean over the folds; in brackets the smallest and the largest, where folds differ. Weights "
    "apply to logits, in the non-negative stack to probabilities and in the rank mean to ranks: "
    "they can be compared within a column, as far as the logits of the runs have one scale. A run "
    "that repeats another or gives every image one score has no weight where weights are fitted."
)
Entry = dict[str, Any]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where nothing was combined."""
    entries = files.facts["ensembles"]
    if not entries:
        return None
    labels = {row["run"]: row["label"] for _, row in files.comparison.iterrows()}
    held = brackets(files.facts["confidence"], ", trained models and weights held fixed")
    return Section(
        name="ensembles",
        title="Do ensembles help?",
        short="Ensembles",
        answer=(
            *_answer(entries, complete_runs(files.comparison).iloc[0]["label"]),
            *few_sentence(files.facts["datasets"], _SETS, words),
        ),
        blocks=(
            Table("ensembles", "Ensembles against the best run", list(map(_row, entries))),
            Table(
                "ensemble_costs",
                "What ensembles do and cost",
                list(map(_cost, entries)),
                notes=(_METHOD, _DIFFERENCE, held),
            ),
            Details(
                "Weights of the runs",
                (
                    Table(
                        "ensemble_weights",
                        "Weights of the runs",
                        _weights(entries, labels),
                        notes=(_WEIGHTS,),
                    ),
                ),
            ),
        ),
        origins=ORIGINS,
    )


def _title(entry: Entry) -> str:
    return ENSEMBLES[entry["ensemble"]].title


def _answer(entries: list[Entry], best: str) -> tuple[str, ...]:
    """Say whether ensembles help, and which differ from the first in rank where."""
    better = {dataset: _differing(entries, dataset, above=True) for dataset in _SETS}
    in_both = [entry for entry in better["out_of_fold"] if entry in better["test"]]
    if in_both:
        sentences = [f"{_named(in_both)} helps here, out of fold and on the test set."]
    elif better["out_of_fold"]:
        sentences = [
            f"{_named(better['out_of_fold'])} helps out of fold; on the test set this is not shown."
        ]
    else:
        sentences = ["Out of fold, by which one would choose, ensembles are not shown to help."]
    sentences.append(f"The top-ranked single run is {best}.")
    for dataset, where in _SETS.items():
        worse = _differing(entries, dataset, above=False)
        parts = [
            f"the AUC of {listing([f'the {_title(entry)}' for entry in found])} is {side} than "
            "that of the top-ranked run"
            for found, side in ((better[dataset], "higher"), (worse, "lower"))
            if found
        ]
        said = "; ".join(parts) or "no ensemble is distinguishable from the top-ranked run"
        sentences.append(f"{where}, {said}.")
    if better["out_of_fold"] and all(entry["optimistic"] for entry in better["out_of_fold"]):
        sentences.append(
            "The ensembles that help out of fold were fitted to labels, which flatters them there."
        )
    return tuple(sentences)


def _named(entries: list[Entry]) -> str:
    """Name ensembles, each of which helps, at the beginning of a sentence."""
    names = [f"the {_title(entry)}" for entry in entries]
    return capital(names[0] if len(names) == 1 else f"each of {listing(names)}")


def _differing(entries: list[Entry], dataset: str, *, above: bool) -> list[Entry]:
    """Return the ensembles whose AUC is shown to lie above, or below, that of the best run."""
    return [
        entry
        for entry in entries
        if _found(entry, dataset)["excludes_zero"]
        and (_found(entry, dataset)["difference"] > 0) == above
    ]


def _found(entry: Entry, dataset: str) -> dict[str, Any]:
    return record_with(entry["differences"], "comparison.json: ensembles", dataset=dataset)


def _row(entry: Entry) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "Ensemble": _title(entry),
        "Out-of-fold score": "optimistic" if entry["optimistic"] else "no label used",
        "Runs used": f"{entry['members_used']} of {len(entry['members'])}",
    }
    for dataset, title in DATASET_TITLES.items():
        difference = Estimate.of(_found(entry, dataset), "difference")
        cells[f"{title} AUC"] = Estimate.of_row(entry, f"{dataset}_roc_auc")
        cells[f"{title} difference"] = Scaled(difference, digits=4)
    return cells


def _cost(entry: Entry) -> dict[str, Cell]:
    return {
        "Ensemble": _title(entry),
        "What is done": ENSEMBLES[entry["ensemble"]].done,
        "Parameters (M)": Millions(entry["parameters"]),
        "Multiply-adds (M)": Millions(entry["macs"]),
        "Training time": Seconds(entry["train_seconds"]),
    }


def _weights(entries: list[Entry], labels: dict[Run, str]) -> list[dict[str, Cell]]:
    """Return a row for each run: its mean weight in every ensemble, and the range over folds."""
    rows = []
    for members in zip(*(entry["members"] for entry in entries), strict=True):
        own = members[0]
        row: dict[str, Cell] = {"Run": labels[Run(own["model"], own["recipe"], int(own["seed"]))]}
        for entry, member in zip(entries, members, strict=True):
            bounds = member["least_weight"], member["greatest_weight"]
            # Where a run has one weight in all folds there is no range to show.
            shown = bounds if bounds[0] < bounds[1] else (None, None)
            row[_title(entry).capitalize()] = Scaled(Estimate(member["weight"], *shown), digits=2)
        rows.append(row)
    return rows
