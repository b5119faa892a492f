"""Subtypes: which runs distinguish normal, bacterial and viral radiographs."""

from typing import Any

from pneumobench.core.estimates import Estimate
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.section import Block, FigureOf, Heading, Paragraph, Section
from pneumobench.reporting.subtypes import AREAS, in_rank
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import brackets, count, listing, plural, record_interval
from pneumobench.reporting.words import Words
from pneumobench.statistics.subtypes import BACTERIAL_AGAINST_VIRAL, runs_of, shown

ORIGINS = (
    ("Subtypes distinguished", "comparison/subtypes.csv, subtypes.json", "evaluate_subtypes"),
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


Entries = list[tuple[str, dict[str, Any]]]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where the task is another one."""
    content = files.json("subtypes")
    if content is None:
        return None
    entries = in_rank(files.comparison, content)
    baselines = [
        (BASELINE_TITLES[entry["baseline"]], entry) for entry in runs_of(content, "baseline")
    ]
    rows, counts = entries + baselines, content["datasets"]
    return Section(
        name="subtypes",
        title=f"Which kind of {words.positive} is it?",
        short="Subtypes",
        answer=tuple(_answer(entries, dict(baselines), content)),
        blocks=(
            FigureOf("subtypes"),
            _table(rows, "out_of_fold", AREAS, "areas", counts),
            *_more(rows, counts),
            Heading("How subtypes were judged"),
            Paragraph(_method(words, files.facts["confidence"])),
        ),
        origins=ORIGINS,
    )


def _more(rows: Entries, counts: dict[str, Any]) -> list[Block]:
    return [
        Heading("On the test set"),
        _table(rows, "test", AREAS, "areas", counts),
        Heading("Decisions and probabilities"),
        *(_table(rows, dataset, DECISIONS, "decisions", counts) for dataset in DATASET_TITLES),
    ]


def _table(
    entries: Entries, dataset: str, metrics: dict[str, str], what: str, counts: dict[str, Any]
) -> Table:
    title = "AUC of each class" if what == "areas" else "Decisions and probabilities"
    cells: list[dict[str, Cell]] = [
        {"Run": label}
        | {title: Estimate.of(shown(entry, dataset, name)) for name, title in metrics.items()}
        for label, entry in entries
    ]
    return Table(
        f"subtypes_{what}_{dataset}",
        f"{title}: {DATASET_TITLES[dataset].lower()}",
        cells,
        notes=(f"{_counts(counts[dataset])}.",),
        narrow=True,
    )


def cell(entry: dict[str, Any], dataset: str, metric: str) -> str:
    """Write an estimate of subtypes.json with its interval."""
    return record_interval(shown(entry, dataset, metric))


def _answer(
    entries: Entries,
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
        f"{label} distinguishes normal, bacterial and viral images best: its out-of-fold macro AUC "
        f"is {cell(best, 'out_of_fold', 'macro_auc')}, on the test set "
        f"{cell(best, 'test', 'macro_auc')}.",
        "Bacterial against viral, the question that decides on antibiotics: the best out-of-fold "
        f"AUC is {said['best']} ({apart[0]}, {plural(_sick(content), 'radiograph')}); a linear "
        f"model of thumbnails reaches {said['baseline']}.",
        *([f"Not shown to do better than chance at it: {listing(chance)}."] if chance else []),
    ]


def _value(entry: dict[str, Any], metric: str) -> float:
    value = shown(entry, "out_of_fold", metric)["value"]
    return -1.0 if value is None else value


def _sick(content: dict[str, Any]) -> int:
    counts = content["datasets"]["out_of_fold"]
    return counts["bacterial"] + counts["viral"]


def _counts(counts: dict[str, int]) -> str:
    classes = [f"{count(counts[name])} {name}" for name in ("normal", "bacterial", "viral")]
    return f"n = {count(counts['n'])} images of {count(counts['patients'])} patients: " + listing(
        classes
    )


def _method(words: Words, confidence: float) -> str:
    return (
        "These networks have three logits and were trained with the softmax over them; everything "
        f"else in this report judges the logit of {words.positive} that follows from the three. "
        "Normal, bacterial, viral: AUC of the class against both others; macro: mean over the "
        "classes. The decision is the class with the largest logit; no threshold was chosen. Macro "
        "recall is the mean of the classes' sensitivities, kappa is Cohen's; the Brier score of "
        "three classes lies between 0 and 2, the log loss is in nats, and both are of uncalibrated "
        "probabilities. Out-of-fold: AUCs are means of the folds, decisions are counted over all "
        "folds together; test set: mean of the folds' logits. Baselines: logistic regression of "
        "16 x 16 grey values, and the frequencies of the classes in the other folds. "
        f"{brackets(confidence)} Nothing is ranked or chosen by these results."
    )
