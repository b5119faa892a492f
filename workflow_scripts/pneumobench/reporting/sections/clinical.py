"""What the answers would mean for those examined: missed disease and false alarms."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs, confusion_counts
from pneumobench.reporting.measures import PATIENT_CELLS
from pneumobench.reporting.origin import patients_told
from pneumobench.reporting.section import Block, FigureOf, Heading, Paragraph, Section
from pneumobench.reporting.table import Cell, Of, Scaled, Table
from pneumobench.reporting.wording import count, percent
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section."""
    facts = files.facts
    return Section(
        name="clinical",
        title=f"What would the answers mean for {words.people}?",
        short="Clinical meaning",
        blocks=(
            Paragraph(
                f"A missed image may send a {words.person} home with {words.positive}; a false "
                f"alarm may treat a {words.person} without it, or examine them further. Counts are "
                f"radiographs, of which some {words.people} have several. All decisions are taken "
                "at the threshold found on out-of-fold predictions (rule "
                f"{facts['threshold_rule']})."
            ),
            _errors(files, words, "test"),
            Heading("Out-of-fold, all folds together"),
            _errors(files, words, "out_of_fold"),
            *_patients(files, words),
            *_subtypes(files),
            Heading("Confusion matrices"),
            FigureOf("confusion"),
        ),
    )


def _errors(files: ReportFiles, words: Words, dataset: str) -> Table:
    part = files.facts["datasets"][dataset]
    return Table(
        f"clinical_{dataset}",
        f"{words.Positive} missed and false alarms: {DATASET_TITLES[dataset].lower()}",
        clinical_rows(files.comparison, files.metrics, dataset, words),
        notes=(
            f"In brackets: {percent(files.facts['confidence'])} intervals, which allow for several "
            "radiographs of a patient and keep their width where there is no error. PPV: share of "
            "positive answers that are right; NPV: "
            "share of negative answers that are right. Both hold only at the prevalence of this "
            f"set, {percent(part['events'] / part['n'], 1)} ({count(part['events'])} of "
            f"{count(part['n'])}).",
        ),
        narrow=True,
    )


def _patients(files: ReportFiles, words: Words) -> tuple[Block, ...]:
    """Return the table of patients; nothing where no image tells its patient."""
    if len(files.audit["unknown_patients"]) >= files.audit["counts"]["ok"]:
        return ()
    datasets, title = files.facts["datasets"], f"Per {words.person} instead of per radiograph"
    return (
        Heading(title),
        Table(
            "patients",
            title,
            patient_rows(files.comparison, files.metrics),
            notes=(
                f"Each of {count(datasets['out_of_fold']['patients'])} {words.people} "
                f"(out-of-fold) and {count(datasets['test']['patients'])} (test set) gets one "
                "answer, from the mean logit of the radiographs, at the same thresholds; one "
                f"radiograph with {words.positive} makes the {words.person} positive. "
                f"{words.people.capitalize()} are identified {patients_told(files.audit)}: where "
                "that is wrong, so is this table.",
            ),
            narrow=True,
        ),
    )


def _subtypes(files: ReportFiles) -> tuple[Block, ...]:
    tables = [
        Table(
            f"sensitivity_by_subtype_{dataset}",
            f"Sensitivity by subtype: {title.lower()}",
            subtype_rows(files.comparison, files.metrics, dataset),
        )
        for dataset, title in reversed(DATASET_TITLES.items())
    ]
    shown = [table for table in tables if table.rows]
    return (Heading("Sensitivity by subtype"), *shown) if shown else ()


def clinical_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]], dataset: str, words: Words
) -> list[dict[str, Cell]]:
    """Return missed disease and false alarms of every complete run, in order of rank.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    metrics
        From `inputs.read_metrics`.
    dataset
        `out_of_fold` or `test`.
    words
        What the classes are called.
    """
    cells = []
    for _, row in complete_runs(comparison).iterrows():
        counts = confusion_counts(metrics[row["run"].folder], dataset)
        missed, false = counts["false_negative"], counts["false_positive"]
        positives, negatives = (
            counts["true_positive"] + missed,
            counts["true_negative"] + false,
        )
        cells.append(
            {
                "Run": row["label"],
                f"Missed {words.positive}": Of(missed, positives),
                f"per 100 with {words.positive}": error_rate(row, f"{dataset}_sensitivity"),
                "False alarms": Of(false, negatives),
                f"per 100 without {words.positive}": error_rate(row, f"{dataset}_specificity"),
                "PPV": Estimate.of_row(row, f"{dataset}_ppv"),
                "NPV": Estimate.of_row(row, f"{dataset}_npv"),
            }
        )
    return cells


def error_rate(row: pd.Series, column: str) -> Scaled:
    """Return the errors per 100: what sensitivity or specificity lack.

    Parameters
    ----------
    row
        A complete run of the comparison.
    column
        `test_sensitivity` or the like.
    """
    right = Estimate.of_row(row, column)
    rate = Estimate(1 - right.value, 1 - right.high, 1 - right.low)
    return Scaled(rate, digits=1, factor=100)


def patient_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]]
) -> list[dict[str, Cell]]:
    """Return what every complete run says of patients instead of images."""
    cells = []
    for _, row in complete_runs(comparison).iterrows():
        found = {
            tuple(entry[key] for key in ("dataset", "aggregate", "threshold", "metric")): entry
            for entry in metrics[row["run"].folder]["patients"]
        }
        cells.append(
            {"Run": row["label"]}
            | {title: Estimate.of(found[key]) for title, key in PATIENT_CELLS.items()}
        )
    return cells


def subtype_rows(
    comparison: pd.DataFrame, metrics: dict[str, dict[str, Any]], dataset: str
) -> list[dict[str, Cell]]:
    """Return the sensitivity of every complete run by subtype; none if none is known."""
    cells = []
    for _, row in complete_runs(comparison).iterrows():
        found = [
            entry
            for entry in metrics[row["run"].folder]["subgroups"]
            if entry["dataset"] == dataset and entry["threshold"] == "out_of_fold"
        ]
        if {entry["subtype"] for entry in found} <= {"unknown"}:
            return []
        cells.append(
            {"Run": row["label"]}
            | {
                f"{entry['subtype']} (n = {count(entry['n'])})": Estimate.of(entry, "sensitivity")
                for entry in found
            }
        )
    return cells
