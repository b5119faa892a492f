"""External validation: who the images of another source are, and how the models perform on them."""

from collections.abc import Iterator
from typing import Any

from pneumobench.core.estimates import Estimate, record_with
from pneumobench.reporting.calibration import verdict_on
from pneumobench.reporting.external import estimate_of
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.measures import CALIBRATION, METRICS
from pneumobench.reporting.section import (
    Block,
    Details,
    FigureOf,
    Heading,
    Notice,
    Points,
    Section,
)
from pneumobench.reporting.shift import Shifted, change_sentence, name_scored
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import brackets, count, percent, plural, record_interval
from pneumobench.reporting.words import Words

ORIGINS = (
    ("External radiographs: list and audit", "external/audit.json", "admit_external"),
    ("Logits of external radiographs", "runs/.../fold*/external.csv", "predict_external"),
    ("External validation", "comparison/external.csv, external.json", "evaluate_external"),
)
_EXAMINED = {
    "children": "children",
    "adults": "mostly adults",
    "phantoms": "nobody: drawn by the pipeline",
    "unknown": "not stated by the source",
}
# In the heads of tables.
_SETS = {"out_of_fold": "out-of-fold", "external": "external"}
_Row = dict[str, Cell]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where there are no external data."""
    content = files.json("external")
    if content is None:
        return None
    judged = name_scored(content["judged"], files.comparison)
    warnings = (*_label_warning(content["sources"]), *content["warnings"])
    population = population_warning(content["sources"])
    first = complete_runs(files.comparison).iloc[0]["label"]
    return Section(
        name="external",
        title="How well do the models generalise to another source?",
        short="External validation",
        answer=tuple(_answer(content, judged, first, words)),
        blocks=(
            *([population] if population else []),
            FigureOf("external"),
            *_transfer(judged, files.facts["confidence"]),
            *_calibration(judged),
            *_subtypes(judged, words),
            Heading("What are the external images?"),
            Table("external_images", "External and development images", _images(content)),
            *([Points(warnings)] if warnings else []),
        ),
        origins=ORIGINS,
    )


def population_warning(sources: dict[str, dict[str, Any]]) -> Notice | None:
    """Say that external images are of another population, or that this cannot be told.

    Parameters
    ----------
    sources
        `data` and `external`: source.json of either. None where they are of one population.
    """
    own, other = (sources[name]["population"] for name in ("data", "external"))
    if "unknown" not in (own, other):
        if own == other:
            return None
        return Notice(
            "Out of population:",
            f"the networks were trained on images that show {_kind(own)}; the external images show "
            f"{_kind(other)}. The figures show how the networks perform beyond the population "
            "that they were made for, not within it.",
        )
    if own == other:
        return Notice(
            "Population unknown:",
            "neither source states who was examined, so the reader must judge whether both are "
            "of one population.",
        )
    silent, telling, known = (
        ("training", "external", other) if own == "unknown" else ("external", "training", own)
    )
    return Notice(
        "Population unknown:",
        f"the source of the {silent} images does not state who was examined (the {telling} images "
        f"show {_kind(known)}), so the reader must judge whether both are of one population.",
    )


def _kind(population: str) -> str:
    return "drawn phantoms" if population == "phantoms" else _EXAMINED[population]


def _label_warning(sources: dict[str, dict[str, Any]]) -> Iterator[str]:
    own, other = (sources[name] for name in ("data", "external"))
    if any(own[key] != other[key] for key in ("positive", "negative")):
        yield (
            "The labels mean something else: external images are positive for "
            f"“{other['positive']}” and negative for “{other['negative']}”, whereas the networks "
            f"learnt “{own['positive']}” against “{own['negative']}”."
        )


def _answer(
    content: dict[str, Any], judged: list[Shifted], label: str, words: Words
) -> Iterator[str]:
    runs = [one for one in judged if "model" in one.record]
    baselines = [one for one in judged if "baseline" in one.record]
    counts, first = content["datasets"]["external"], runs[0]
    yield (
        f"On {plural(counts['n'], 'external image')} ({content['sources']['external']['title']}; "
        f"{count(counts['events'])} positive), which were used for no choice, the top-ranked run, "
        f"{label}, has an AUC of {_change(first, 'roc_auc', '{new} instead of {own} out of fold')}."
    )
    yield from _highest_answer(runs)
    decisions = "; its ".join(
        f"{metric} goes {_change(first, metric, 'from {own} to {new}')}"
        for metric in ("sensitivity", "specificity")
    )
    yield f"At the thresholds frozen on development images, its {decisions}."
    yield _calibration_answer(first, content, words)
    if baselines:
        baseline = max(baselines, key=_external_area)
        yield (
            "The highest external AUC of a baseline, which every network should exceed, is "
            f"{_named(baseline)}."
        )
    yield from few_sentence(content["datasets"], _SETS, words)


def _external_area(one: Shifted) -> float:
    value = estimate_of(one, "roc_auc")["external"]["value"]
    return -1.0 if value is None else value


def _named(one: Shifted) -> str:
    area = record_interval(estimate_of(one, "roc_auc")["external"])
    return f"{area} ({one.label.split('  ')[-1]})"


def _change(one: Shifted, metric: str, text: str) -> str:
    """Say a metric before and behind, and whether the difference may be chance."""
    found = estimate_of(one, metric)
    own, new = (record_interval(found[name]) for name in _SETS)
    return f"{text.format(own=own, new=new)}, {change_sentence(found)}"


def _highest_answer(runs: list[Shifted]) -> Iterator[str]:
    """Say of the highest external AUC whether it is shown to exceed that of the first in rank."""
    first, best = runs[0], max(runs, key=_external_area)
    if _external_area(best) <= _external_area(first):
        return
    own, other = (estimate_of(one, "roc_auc")["external"] for one in (first, best))
    if None not in (own["high"], other["low"]) and other["low"] > own["high"]:
        yield f"A higher external AUC, with its whole interval, is {_named(best)}."
    else:
        yield (
            f"The highest external AUC is {_named(best)}; as the intervals of both overlap, it is "
            "not shown to be the better one there."
        )


def _calibration_answer(one: Shifted, content: dict[str, Any], words: Words) -> str:
    stage = one.record["calibrations"][-1]["stage"]
    error, slope, large = (
        _measured(one, stage, name) for name in ("calibration_error", "slope", "in_the_large")
    )
    which = "calibrated probabilities" if stage == "after" else "uncalibrated probabilities"
    text = (
        f"The calibration error of its {which} goes from {record_interval(error['out_of_fold'])} "
        f"to {record_interval(error['external'])}, {change_sentence(error)}"
    )
    counts = content["datasets"]
    found = verdict_on(
        slope["external"],
        large["external"],
        counts["external"],
        content["interval"]["replicates"],
        words,
    )
    if found.unjudged or not found.faults:
        return f"{text}; on the external images they {found.text}."
    own, new = (counts[name]["events"] / counts[name]["n"] for name in _SETS)
    return (
        f"{text}; on the external images they {found.text} (calibration in the large "
        f"{record_interval(large['external'], digits=2)}). The share of positive images is "
        f"{percent(new)}, compared with {percent(own)} in development."
    )


def _transfer(judged: list[Shifted], confidence: float) -> list[Block]:
    return [
        Heading("Do the frozen thresholds transfer?"),
        Table(
            "external",
            "External validation",
            [_transfer_row(one) for one in judged],
            notes=(
                "Every fold's network predicts every external image; the AUC is that of their mean "
                "logit, and decisions are those of the mean distance from the frozen out-of-fold "
                "thresholds.",
                "Out-of-fold: the AUC is the mean of the folds; thresholds are cross-fitted, found "
                "on other images of the fold. Difference: external "
                "minus out-of-fold. The average precision depends on the share of positive images "
                "and is not compared.",
                brackets(
                    confidence,
                    ", drawn for the two sets independently, with the trained models held fixed",
                )
                + " Runs are in the order of their out-of-fold AUC: external images are used for "
                "no choice.",
            ),
            narrow=True,
        ),
    ]


def _transfer_row(one: Shifted) -> _Row:
    cells: _Row = {"Run": one.label}
    for metric, title in METRICS.items():
        found = estimate_of(one, metric)
        for name, words in _SETS.items():
            cells[f"{title}, {words}"] = Estimate.of(found[name])
        cells[f"{title}, difference"] = Estimate.of(found["difference"], "difference")
    precision = estimate_of(one, "average_precision")["external"]
    return cells | {"Average precision, external": Estimate.of(precision)}


def _calibration(judged: list[Shifted]) -> list[Block]:
    notes = (
        "Calibrations were frozen on out-of-fold images. Calibration error: mean distance between "
        "probability and share of positive images over ten bins. Brier score: mean squared error; "
        "both are 0 for a perfect model.",
        "Slope: below 1, probabilities are too extreme. Calibration in the large: below 0, they "
        "are too high on average, above 0 too low. A different share of positive images is enough "
        "to move all but the slope.",
    )
    stages = list(dict.fromkeys(entry["stage"] for entry in judged[0].record["calibrations"]))
    tables = {
        stage: Table(
            f"external_calibration_{stage}",
            f"Calibration on external images, {'calibrated' if stage == 'after' else 'as trained'}",
            [_calibration_row(one, stage) for one in judged],
            notes=notes if stage == stages[-1] else (),
            narrow=True,
        )
        for stage in stages
    }
    *earlier, last = tables.values()
    return [
        Heading("Do the probabilities stay calibrated?"),
        *(Details("Before calibration", (table,)) for table in earlier),
        last,
    ]


def _calibration_row(one: Shifted, stage: str) -> _Row:
    return {"Run": one.label} | {
        f"{title}, {words}": Estimate.of(_measured(one, stage, measure)[name])
        for measure, title in CALIBRATION.items()
        for name, words in _SETS.items()
    }


def _measured(one: Shifted, stage: str, measure: str) -> dict[str, Any]:
    where = "external.json: calibrations"
    return record_with(one.record["calibrations"], where, stage=stage, measure=measure)


def _subtypes(judged: list[Shifted], words: Words) -> list[Block]:
    rows = [
        {"Run": one.label}
        | {
            f"Sensitivity, {words.subtype(found['subtype'])} (n = {count(found['n'])})": (
                Estimate.of(found, "sensitivity")
            )
            for found in one.record["subtypes"]
        }
        for one in judged
        if one.record["subtypes"]
    ]
    if not rows:
        return []
    title = f"Which radiographs with {words.positive} are missed?"
    return [Heading(title), Table("external_subtypes", "External images by subtype", rows)]


def _images(content: dict[str, Any]) -> list[_Row]:
    rows: list[_Row] = []
    for title, source, dataset in (
        ("External", "external", "external"),
        ("Development", "data", "out_of_fold"),
    ):
        said, counts = content["sources"][source], content["datasets"][dataset]
        rows.append(
            {
                "Images": title,
                "Source": said["title"],
                "Who was examined": _EXAMINED[said["population"]],
                "Positive": said["positive"],
                "Negative": said["negative"],
                "Number": counts["n"],
                "Of them positive": counts["events"],
                "Patients": counts["patients"],
            }
        )
    if content["radiographs"]["unknown_patients"] == content["datasets"]["external"]["n"]:
        rows[0]["Patients"] = "unknown"
    return rows
