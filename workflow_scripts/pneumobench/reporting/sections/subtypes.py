"""Whether the models distinguish normal, bacterial and viral images."""

from typing import Any

from pneumobench.core.estimates import Estimate
from pneumobench.core.few import is_few
from pneumobench.core.task import SUBTYPES
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.section import Block, Details, FigureOf, Heading, Paragraph, Section
from pneumobench.reporting.subtypes import AREAS, in_rank
from pneumobench.reporting.table import Cell, Table, cell_text
from pneumobench.reporting.wording import brackets, count, listing, plural
from pneumobench.reporting.words import Words
from pneumobench.statistics.subtypes import BACTERIAL_AGAINST_VIRAL, runs_of, shown

ORIGINS = (
    ("Subtypes", "comparison/subtypes.csv, subtypes.json", "evaluate_subtypes"),
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
_METHOD = (
    "These networks have three logits and were trained with the softmax over them; everything else "
    "in this report judges the logit of pneumonia that follows from the three. Normal, bacterial, "
    "viral: AUC of the class against both others; macro: mean over the classes. The decision is "
    "the class with the largest logit; no threshold was chosen. Macro recall is the mean of the "
    "classes' sensitivities, kappa is Cohen's; the Brier score of three classes lies between 0 and "
    "2, the log loss is in nats, and both are of probabilities as they are, not calibrated. Out of "
    "fold, AUCs are means of the folds and decisions are counted over all folds together; on the "
    "test set, the folds' logits are averaged. Baselines: logistic regression on 16 x 16 grey "
    "values, and the frequencies of the classes in the other folds."
)
_NO_CHOICE = "Nothing is ranked or chosen by these figures."
Labelled = list[tuple[str, dict[str, Any]]]


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where the task is another one."""
    content = files.json("subtypes")
    if content is None:
        return None
    entries = in_rank(files.comparison, content)
    baselines = [
        (BASELINE_TITLES[entry["baseline"]], entry) for entry in runs_of(content, "baseline")
    ]
    return Section(
        name="subtypes",
        title="Which kind of pneumonia is it?",
        short="Subtypes",
        answer=_answer(entries, dict(baselines), content),
        blocks=(
            FigureOf("subtypes"),
            *(
                block
                for dataset in DATASET_TITLES
                for block in _judged(entries + baselines, dataset, content["datasets"][dataset])
            ),
            Details(
                "How subtypes are judged",
                (Paragraph(f"{_METHOD} {brackets(files.facts['confidence'])} {_NO_CHOICE}"),),
            ),
        ),
        origins=ORIGINS,
    )


def estimate(entry: dict[str, Any], dataset: str, metric: str) -> Estimate:
    """Return an estimate of subtypes.json."""
    return Estimate.of(shown(entry, dataset, metric))


def _answer(
    entries: Labelled, baselines: dict[str, dict[str, Any]], content: dict[str, Any]
) -> tuple[str, ...]:
    label, best = max(entries, key=lambda pair: _value(pair[1], "macro_auc"))
    apart = max(entries, key=lambda pair: _value(pair[1], BACTERIAL_AGAINST_VIRAL))
    chance = [
        name
        for name, entry in entries
        if (shown(entry, "out_of_fold", BACTERIAL_AGAINST_VIRAL)["low"] or 0) <= 0.5
    ]
    thumbnail = baselines[BASELINE_TITLES["thumbnail"]]
    reached, reached_by_thumbnail, macro, macro_on_test = (
        cell_text(estimate(entry, dataset, metric))
        for entry, dataset, metric in (
            (apart[1], "out_of_fold", BACTERIAL_AGAINST_VIRAL),
            (thumbnail, "out_of_fold", BACTERIAL_AGAINST_VIRAL),
            (best, "out_of_fold", "macro_auc"),
            (best, "test", "macro_auc"),
        )
    )
    counts = content["datasets"]["out_of_fold"]
    sick = plural(counts["bacterial"] + counts["viral"], "radiograph")
    return (
        f"Of normal, bacterial and viral images, {label} has the highest macro AUC out of fold, "
        f"{macro}, and on the test set {macro_on_test}. Runs were not tested against each other "
        "here: where their intervals overlap, neither is shown to be better.",
        "Bacterial against viral pneumonia, the question that decides on antibiotics: the highest "
        f"AUC is {reached} ({apart[0]}, {sick} out of fold); a linear model of thumbnails reaches "
        f"{reached_by_thumbnail}.",
        *([f"Not shown to do better than chance at that: {listing(chance)}."] if chance else []),
        *_few(counts),
    )


def _few(counts: dict[str, int]) -> list[str]:
    """Say that a class has few images out of fold; nothing where none has."""
    if not is_few(*(counts[name] for name in SUBTYPES)):
        return []
    numbers = listing([f"{count(counts[name])} {name}" for name in SUBTYPES])
    return [
        f"These results rest on few images, {numbers}: what they do not show may well be there."
    ]


def _value(entry: dict[str, Any], metric: str) -> float:
    value = shown(entry, "out_of_fold", metric)["value"]
    return -1.0 if value is None else value


def _judged(entries: Labelled, dataset: str, counts: dict[str, int]) -> list[Block]:
    title = DATASET_TITLES[dataset]
    areas = Table(
        f"subtypes_{dataset}",
        f"AUC by class, {title.lower()}",
        _rows(entries, dataset, AREAS),
        notes=(f"{_counts(counts)}.",),
        narrow=True,
    )
    decisions = Table(
        f"subtype_decisions_{dataset}",
        f"Decisions and probabilities, {title.lower()}",
        _rows(entries, dataset, DECISIONS),
        narrow=True,
    )
    return [Heading(title), areas, Details("Decisions and probabilities", (decisions,))]


def _rows(entries: Labelled, dataset: str, metrics: dict[str, str]) -> list[dict[str, Cell]]:
    return [
        {"Run": label} | {title: estimate(entry, dataset, name) for name, title in metrics.items()}
        for label, entry in entries
    ]


def _counts(counts: dict[str, int]) -> str:
    classes = [f"{count(counts[name])} {name}" for name in ("normal", "bacterial", "viral")]
    return f"n = {count(counts['n'])} images of {count(counts['patients'])} patients: " + listing(
        classes
    )
