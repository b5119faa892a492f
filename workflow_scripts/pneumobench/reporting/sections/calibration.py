"""Calibration: whether probabilities and thresholds hold, and what acting on them would bring."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate, record_with, records_with
from pneumobench.reporting.calibration import NOT_SHOWN, Verdict, measured, verdict_on
from pneumobench.reporting.decision_curves import NOWHERE, curve_of, useful_range
from pneumobench.reporting.few import has_few, too_few
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES, Judged, read_details
from pneumobench.reporting.measures import CALIBRATION, RULES
from pneumobench.reporting.section import Block, Details, FigureOf, Heading, Paragraph, Section
from pneumobench.reporting.table import Cell, Number, Share, Table
from pneumobench.reporting.wording import (
    brackets,
    capital,
    count,
    listing,
    plural,
    record_interval,
)
from pneumobench.reporting.words import Words
from pneumobench.reporting.worst_cases import worst_cases

ORIGINS = (
    ("Calibration, transfer, decision curves", "runs/.../calibration.json", "assess_calibration"),
    ("Worst cases", "runs/.../calibrated.csv", "assess_calibration"),
)
_STAGES = {"before": "as trained", "after": "calibrated"}
_Row = dict[str, Cell]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where nothing was assessed."""
    runs = read_details(files.comparison, files.all("calibrations"))
    if not runs:
        return None
    return Section(
        name="calibration",
        title="Can the predicted probabilities be trusted?",
        short="Calibration",
        answer=tuple(_answer(runs, words)),
        blocks=(
            *_measures(runs),
            *_thresholds(runs, words),
            Heading("Would acting on the probabilities help?"),
            FigureOf("decision_curves"),
            *_prevalences(runs, words),
            *_subtypes(runs, words),
            Heading("The most confident mistakes"),
            FigureOf("worst_cases"),
            *_mistakes(files, words),
        ),
        origins=ORIGINS,
    )


def _answer(runs: Judged, words: Words) -> list[str]:
    """Say of the first in rank whether probabilities and threshold hold, and of how many they do.

    The slope's interval stands beside the verdict: it says how wrong probabilities may be that are
    not shown to be.
    """
    row, content = runs[0]
    inside, test = (verdict(content, dataset, words) for dataset in DATASET_TITLES)
    slopes = [_slope(content, dataset, words) for dataset in DATASET_TITLES]
    lead = f"{row['label']}, the top-ranked run"
    sentences = [
        f"{lead}: its probabilities {test.text} both out of fold{slopes[0]} and on the test set"
        f"{slopes[1]}."
        if inside == test
        else f"{lead}: out of fold its probabilities {inside.text}{slopes[0]}; on the test set "
        f"they {test.text}{slopes[1]}."
    ]
    sentences += _others_answer([verdict(other, "test", words) for _, other in runs])
    rule = content["threshold_rule"]
    reached = [
        f"a {metric} of {record_interval(found['test'])}, where {found['aim']:.3f} was expected, "
        f"a difference of {record_interval(found['transfer'])}"
        for metric in ("sensitivity", "specificity")
        for found in (_transfer(content, rule, metric),)
    ]
    sentences.append(
        f"At its frozen threshold (rule: {RULES[rule]}) it reaches on the test set "
        f"{'; and '.join(reached)}."
    )
    return [*sentences, _use_answer(content, words)]


def _others_answer(found: list[Verdict]) -> list[str]:
    """Count what is shown of the runs' probabilities on the test set; nothing of a single run."""
    if len(found) == 1:
        return []
    groups = {
        NOT_SHOWN: sum(not one.unjudged and not one.faults for one in found),
        "are shown to be miscalibrated": sum(bool(one.faults) for one in found),
        "cannot be judged": sum(one.unjudged for one in found),
    }
    parts = [f"those of {count(number)} {text}" for text, number in groups.items() if number]
    return [
        f"Of the probabilities of {plural(len(found), 'run')} on the test set, {listing(parts)}."
    ]


def _use_answer(content: dict[str, Any], words: Words) -> str:
    """Say where acting on the probability helps on the test set."""
    part = measured(content, "test", "brier")
    if has_few(part):
        return (
            "Whether acting on its probability would help cannot be told from "
            f"{too_few(part, words)} in the test set."
        )
    where = useful_range(curve_of(content, "test"))
    return (
        "On the test set, acting on its probability is at no threshold shown to be better than "
        "treating everybody or nobody."
        if where == NOWHERE
        else "On the test set, acting on its probability is better than treating everybody or "
        f"nobody at thresholds of {where}."
    )


def verdict(content: dict[str, Any], dataset: str, words: Words) -> Verdict:
    """Say what is shown to be wrong with a run's probabilities, those that a reader would use."""
    stage = _stage(content)
    slope = measured(content, dataset, "slope")
    level = measured(content, dataset, "in_the_large")[stage]
    return verdict_on(slope[stage], level, slope, content["interval"]["replicates"], words)


def _stage(content: dict[str, Any]) -> str:
    return "before" if content["calibration"] == "none" else "after"


def _slope(content: dict[str, Any], dataset: str, words: Words) -> str:
    if verdict(content, dataset, words).unjudged:
        return ""
    slope = measured(content, dataset, "slope")[_stage(content)]
    return f" (slope {record_interval(slope, digits=2)})"


def _transfer(content: dict[str, Any], rule: str, metric: str) -> dict[str, Any]:
    return record_with(
        content["thresholds"], "calibration.json: thresholds", rule=rule, metric=metric
    )


def _measures(runs: Judged) -> list[Block]:
    first = runs[0][1]
    method = (
        "The probabilities are the networks' own: nothing was calibrated."
        if first["calibration"] == "none"
        else f"Calibration ({first['calibration']}) was fitted fold by fold to out-of-fold logits, "
        "before any label of the test set was read. No image judges a calibration that it helped "
        "to fit. Out of fold, each image has the calibration fitted to the images of all other "
        "folds, whose logits come from other models. On the test set, each fold's model has the "
        "calibration fitted to its own out-of-fold images, and the calibrated probabilities are "
        "averaged."
    )
    return [
        Paragraph(
            f"{method} Probabilities {NOT_SHOWN} where the interval of the slope includes 1 and "
            "that of calibration in the large includes 0. The wider the intervals, the less that "
            "says."
        ),
        FigureOf("calibration"),
        Table(
            "calibration",
            "Calibration of all runs",
            [
                row
                for run, content in runs
                for dataset in DATASET_TITLES
                for row in _measure_rows(run, content, dataset)
            ],
            notes=(
                "Calibration error: mean distance between probability and observed share over "
                f"{first['binning']['bins']} bins with equal numbers of images. It is above 0 by "
                "chance alone, and more so in resampled patients, so its interval may lie above "
                "the figure itself.",
                "Slope: below 1, probabilities are too extreme. Calibration in the large: below "
                "0, they are too high on average. A dash: undefined.",
                brackets(
                    first["interval"]["confidence"], ", with models and calibrations held fixed"
                ),
            ),
        ),
    ]


def _measure_rows(run: pd.Series, content: dict[str, Any], dataset: str) -> list[_Row]:
    stages = ("before",) if content["calibration"] == "none" else tuple(_STAGES)
    return [
        {"Run": run["label"], "Data": DATASET_TITLES[dataset], "Probabilities": _STAGES[stage]}
        | {
            title: Estimate.of(measured(content, dataset, measure)[stage])
            for measure, title in CALIBRATION.items()
        }
        for stage in stages
    ]


def _thresholds(runs: Judged, words: Words) -> list[Block]:
    first = runs[0][1]
    main = first["threshold_rule"]
    return [
        Heading("Do the thresholds transfer to the test set?"),
        Paragraph(
            f"Rule: {RULES[main]}. Out of fold, an image is cut at a threshold that was found on "
            "images of other patients in its fold; optimism is what a threshold found on the very "
            "images would seem to add. Transfer error: the figure on the test set minus the "
            "expected one, which is the out-of-fold figure (0.95 for the rule "
            f"{RULES['sensitivity_95']})."
        ),
        Table(
            "threshold_transfer",
            "Transfer of the thresholds",
            [{"Run": run["label"]} | _transfer_cells(content, main) for run, content in runs],
        ),
        Details(
            "The other two rules",
            (
                Table(
                    "threshold_transfer_other_rules",
                    "Transfer of the thresholds by the other rules",
                    [
                        {"Run": run["label"], "Rule": RULES[rule]} | _transfer_cells(content, rule)
                        for run, content in runs
                        for rule in RULES
                        if rule != main
                    ],
                    notes=(
                        f"Cost: a missed case of {words.positive} counts as "
                        f"{first['cost_ratio']:g} false alarms. Intervals of transfer errors allow "
                        "for sampling variation in both sets of patients.",
                    ),
                ),
            ),
        ),
    ]


def _transfer_cells(content: dict[str, Any], rule: str) -> _Row:
    cells: _Row = {}
    for metric in ("sensitivity", "specificity"):
        record = _transfer(content, rule, metric)
        cells |= {
            f"{capital(metric)}, out of fold": Estimate.of(record["out_of_fold"]),
            f"Optimism of {metric}": Estimate.of(record["optimism"], "difference"),
            f"{capital(metric)}, test": Estimate.of(record["test"]),
            f"Transfer error of {metric}": Estimate.of(record["transfer"]),
        }
    return cells


def _prevalences(runs: Judged, words: Words) -> list[Block]:
    """Return what the best run's answers would be worth where the finding is rarer."""
    best, content = runs[0]
    entries = records_with(content["predictive_values"], dataset="test")
    rows = []
    for rule, prevalence in dict.fromkeys(
        (entry["rule"], entry["prevalence"]) for entry in entries
    ):
        ppv, npv = (
            record_with(
                entries,
                "calibration.json: predictive_values",
                rule=rule,
                prevalence=prevalence,
                metric=metric,
            )
            for metric in ("ppv", "npv")
        )
        rows.append(
            {
                "Threshold": RULES[rule],
                f"{words.People} with {words.positive}": Share(prevalence),
                "Alarms that are right (PPV)": Estimate.of(ppv),
                "All-clears that are right (NPV)": Estimate.of(npv),
            }
        )
    return [
        Heading("Predictive values at other prevalences"),
        Paragraph(
            f"What an answer of {best['label']} would be worth, given its sensitivity and "
            f"specificity on the test set, where fewer {words.people} have {words.positive}:"
        ),
        Table(
            "predictive_values",
            "Predictive values by prevalence",
            rows,
            notes=(
                "By Bayes' rule, with sensitivity and specificity taken as they are. This holds "
                f"only if the {words.people} examined resemble those of the test set.",
            ),
        ),
    ]


def _subtypes(runs: Judged, words: Words) -> list[Block]:
    first = runs[0][1]
    others = [rule for rule in RULES if rule != first["threshold_rule"]]
    every = [(run, content, dataset) for run, content in runs for dataset in DATASET_TITLES]
    counts = [
        f"{title}: "
        + listing(
            [
                f"{count(entry['n'])} {words.subtype(entry['subtype'])}"
                for entry in records_with(first["subgroups"], dataset=dataset)
            ]
        )
        + "."
        for dataset, title in DATASET_TITLES.items()
    ]
    return [
        Heading("Bacterial and viral pneumonia" if words.pneumonia else "Subtypes"),
        Paragraph(f"Mean probability of {words.positive} by subtype."),
        Table(
            "subtype_probabilities",
            "Mean probability by subtype",
            [
                {"Run": run["label"], "Data": DATASET_TITLES[dataset]}
                | {
                    capital(words.subtype(name)): Estimate.of(entry and entry["probability"])
                    for name, entry in _subgroups(content, dataset).items()
                }
                for run, content, dataset in every
            ],
            notes=("Images. " + " ".join(counts),),
        ),
        Details(
            f"Share called {words.positive} at the other thresholds",
            (
                Table(
                    "subtype_decisions",
                    f"Share called {words.positive} by subtype",
                    [
                        {"Run": run["label"], "Data": DATASET_TITLES[dataset], "Rule": RULES[rule]}
                        | {
                            capital(words.subtype(name)): Estimate.of(
                                entry and entry["called"][rule]
                            )
                            for name, entry in _subgroups(content, dataset).items()
                        }
                        for run, content, dataset in every
                        for rule in others
                    ],
                ),
            ),
        ),
    ]


def _subgroups(content: dict[str, Any], dataset: str) -> dict[str, dict[str, Any] | None]:
    """Return the subtypes of both data sets in one order; None for what this set lacks."""
    names = dict.fromkeys(entry["subtype"] for entry in content["subgroups"])
    own = {entry["subtype"]: entry for entry in records_with(content["subgroups"], dataset=dataset)}
    return {name: own.get(name) for name in names}


def _mistakes(files: ReportFiles, words: Words) -> list[Block]:
    rows: list[_Row] = [
        {
            "Mistakes": cases.title(words),
            "Radiograph": str(image_id),
            "Subtype": words.subtype(radiograph["subtype"]),
            "Probability": Number(float(radiograph["probability"])),
            "Runs that are wrong": f"{radiograph['wrong']} of {radiograph['runs']}",
        }
        for cases in worst_cases(files.comparison, files.all("calibrated"))
        for image_id, radiograph in cases.radiographs.iterrows()
    ]
    table = Table("confident_mistakes", "The most confident mistakes", rows)
    return [Details(f"Names of these radiographs ({len(rows)})", (table,))] if rows else []
