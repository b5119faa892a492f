"""Dataset shift: whether the test set differs from the development set, and what that costs."""

from typing import Any

from pneumobench.core.baselines import BASELINES
from pneumobench.core.estimates import Estimate, record_with, records_with
from pneumobench.core.few import is_few
from pneumobench.reporting.baselines import baseline_label
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.measures import METRICS, RIGHT
from pneumobench.reporting.section import Block, Details, FigureOf, Heading, Paragraph, Section
from pneumobench.reporting.shift import Shifted, change_sentence, name_scored
from pneumobench.reporting.table import Cell, Number, Table
from pneumobench.reporting.wording import (
    brackets,
    capital,
    count,
    listing,
    plural,
    record_interval,
)
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Scores for the data set, blocks of numbers", "shift/domains.csv, blocks.csv", "score_shift"),
    ("Development against test", "comparison/shift.json", "measure_shift"),
)
# The baseline that speaks for all in words, and is fitted without blocks of file numbers.
_SPOKESMAN = "thumbnail"
_SIDES = ("development", "test")
_Row = dict[str, Cell]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where nothing was measured."""
    shift = files.json("shift")
    if shift is None:
        return None
    scored = name_scored(shift["scored"], files.comparison)
    return Section(
        name="shift",
        title="Does the test set differ from the development set?",
        short="Dataset shift",
        answer=(
            _domain_answer(shift, words),
            *_transfer_answer(scored, words),
            *few_sentence(shift["datasets"], DATASET_TITLES, words),
            _block_answer(shift),
            _population(files.phantoms, words),
        ),
        blocks=(
            FigureOf("shift"),
            *_transfer(scored, words, files.facts["confidence"]),
            *_domains(shift, words),
            *_blocks(shift, words),
            Details(
                "Mitigations that need all test images at once (never ranked)",
                (
                    *_transductive(name_scored(shift["transductive"], files.comparison), words),
                    *_renormalised(name_scored(shift["renormalised"], files.comparison)),
                ),
            ),
        ),
        origins=ORIGINS,
    )


def _domain_answer(shift: dict[str, Any], words: Words) -> str:
    found = {
        record["label"]: record for record in records_with(shift["domains"], baseline=_SPOKESMAN)
    }
    if not found:
        return "Whether the two sets differ cannot be determined: there are too few patients."
    areas = "; ".join(_area(found[label], words) for label in RIGHT if label in found)
    judged = [record["roc_auc"] for record in found.values() if not _few_patients(record)]
    model = f"within a class, a linear model that sees only {BASELINES[_SPOKESMAN]}"
    if not judged:
        return (
            "Whether the two sets differ cannot be told from so few patients. Asked which set an "
            f"image is from, {model} reaches: {areas}."
        )
    if any(area["low"] is not None and area["low"] > 0.5 for area in judged):
        return (
            f"Yes: {model} distinguishes test images from development images ({areas}; 0.5 would "
            "be chance)."
        )
    return (
        f"No difference was shown: {model} is not shown to distinguish test images from "
        f"development images ({areas}; 0.5 is chance). Another model might."
    )


def _few_patients(record: dict[str, Any]) -> bool:
    return is_few(*(record[side]["groups"] for side in _SIDES))


def _area(record: dict[str, Any], words: Words) -> str:
    """Write the AUC within a class, and whether it is of too few patients."""
    text = f"{words.radiographs(record['label'])}: AUC {record_interval(record['roc_auc'])}"
    if not _few_patients(record):
        return text
    patients = min(record[side]["groups"] for side in _SIDES)
    return f"{text} with n = {count(patients)}, too few to tell"


def _transfer_answer(scored: list[Shifted], words: Words) -> list[str]:
    """Say what the frozen thresholds of the first in rank do on the test set, and why."""
    first = next((one for one in scored if "model" in one.record), None)
    if first is None:
        return []
    parts = []
    for metric in RIGHT.values():
        found = first.transfer(metric)
        ends = " to ".join(record_interval(found[dataset]) for dataset in DATASET_TITLES)
        parts.append(f"its {metric} goes from {ends}, {change_sentence(found)}")
    chances = [
        f"{record_interval(record, digits=2)} among {words.radiographs(record['label'])}"
        for record in first.record["higher_on_test"]
        if record["value"] is not None
    ]
    return [
        "At the thresholds frozen on development images, the top-ranked run changes as follows on "
        f"the test set: {'; '.join(parts)}.",
        "The chance that it scores a test image higher than a development image of the same class "
        f"is {listing(chances)} (0.5: no difference).",
    ]


def _block_answer(shift: dict[str, Any]) -> str:
    if not shift["blocks"]:
        return (
            "Blocks of neighbouring file numbers could not be left out: this needs file names "
            "with numbers, and images of both classes in every block."
        )
    found = [record["specificity"] for record in shift["blocks"]]
    values = [record["value"] for record in found]
    test = _baseline(shift).transfer("specificity")["test"]
    lead = (
        f"With each of {len(values)} blocks of neighbouring file numbers left out in turn, the "
        f"{_SPOKESMAN} baseline reaches a specificity of {min(values):.2f} to {max(values):.2f} on "
        f"the block; on the test set it reaches {record_interval(test)}"
    )
    lows = [record["low"] for record in found]
    if None not in (test["high"], *lows) and test["high"] < min(lows):
        return (
            f"{lead}, less than on any block and beyond all intervals: distance in file numbers "
            "alone does not explain the loss on the test set."
        )
    return f"{lead}. As intervals overlap, no loss beyond that of a block is shown."


def _population(phantoms: bool, words: Words) -> str:
    if phantoms:
        return (
            "Both sets are drawn by one program (data.phantom.shift sets how differently), so "
            "nothing here applies to other hospitals, devices or ages."
        )
    others = "Children" if words.adults else "Children of other ages, adults"
    return (
        f"Both sets come from one source. {others}, other hospitals and other devices are outside "
        "this population; no figure in this section applies to them."
    )


def _transfer(scored: list[Shifted], words: Words, confidence: float) -> list[Block]:
    rows = []
    for one in scored:
        cells: _Row = {"Run": one.label}
        for metric in RIGHT.values():
            found = one.transfer(metric)
            for dataset, title in DATASET_TITLES.items():
                cells[f"{capital(metric)}, {title.lower()}"] = Estimate.of(found[dataset])
            cells[f"{capital(metric)}, test minus out-of-fold"] = Estimate.of(
                found["difference"], "difference"
            )
        for record in one.record["higher_on_test"]:
            cells[f"Test image higher, {words.name(record['label'])}"] = Estimate.of(record)
        rows.append(cells)
    return [
        Heading("Do the frozen thresholds transfer?"),
        Table(
            "shift_thresholds",
            "Frozen thresholds on development and test images",
            rows,
            notes=(
                "Out of fold, thresholds are cross-fitted: found on other images of the fold.",
                "Test image higher: the chance that, of a test and a development image of one "
                "class, the test image has the higher score; scores are distances from the frozen "
                "threshold, and 0.5 means no difference.",
                brackets(confidence, " of both sets, with the trained models held fixed"),
            ),
            narrow=True,
        ),
    ]


def _domains(shift: dict[str, Any], words: Words) -> list[Block]:
    rows = []
    for kind in BASELINES:
        cells: _Row = {"Model": baseline_label(kind), "It sees": BASELINES[kind]}
        for label in RIGHT:
            record = next(iter(records_with(shift["domains"], baseline=kind, label=label)), None)
            name = capital(words.name(label))
            cells[f"{name}: AUC"] = Estimate.of(record and record["roc_auc"])
            for side in _SIDES:
                cells[f"{name}: {side} images"] = record and record[side]["n"]
        rows.append(cells)
    return [
        Heading("Can the two sets be distinguished?"),
        Paragraph(
            "The baselines were trained to predict the data set instead of the disease, among the "
            "images of one class at a time."
        ),
        Table(
            "shift_domains",
            "Models that predict the data set",
            rows,
            notes=(
                "AUC: 0.5 if an image does not reveal which set it is from, 1 if it always does; "
                "the mean of folds that keep patients together, each image scored by a model that "
                "has not seen its patient. If so simple a linear model separates the sets, a "
                "network can too.",
            ),
        ),
    ]


def _blocks(shift: dict[str, Any], words: Words) -> list[Block]:
    if not shift["blocks"]:
        return []
    rows: list[_Row] = [
        {"Left out": f"Block {record['block'] + 1}", "Images": record["n"]}
        | {title: Estimate.of(record[metric]) for metric, title in METRICS.items()}
        for record in shift["blocks"]
    ]
    own = _baseline(shift)
    rows.append(
        {"Left out": "Test set", "Images": shift["datasets"]["test"]["n"]}
        | {title: Estimate.of(own.transfer(metric)["test"]) for metric, title in METRICS.items()}
    )
    series = f"bacterial, viral, each prefix of {words.negatives}" if words.pneumonia else "by name"
    return [
        Details(
            f"Blocks of neighbouring file numbers ({len(rows) - 1}), each left out in turn",
            (
                Table(
                    "shift_blocks",
                    "Blocks of file numbers left out",
                    rows,
                    notes=(
                        f"The {_SPOKESMAN} baseline, fitted without the block and judged on it as "
                        "on the test set: with thresholds from the out-of-fold scores of the other "
                        f"blocks. Files are numbered in series ({series}); block k is the k-th "
                        "part of every series, with as many patients as the others.",
                    ),
                ),
            ),
        )
    ]


def _transductive(runs: list[Shifted], words: Words) -> list[Block]:
    rows, right, better = [], 0, 0
    for one in runs:
        record = one.record
        share, change = record["estimated_share"], record["specificity"]["difference"]
        cells: _Row = {
            "Run": one.label,
            f"Share with {words.positive}, estimated": Estimate.of(share),
            "True share": Number(record["true_share"]),
        }
        for metric in RIGHT.values():
            for step in ("before", "after"):
                cells[f"{capital(metric)} {step}"] = Estimate.of(record[metric][step])
        rows.append(cells)
        right += share["low"] is not None and share["low"] <= record["true_share"] <= share["high"]
        better += change["excludes_zero"] and change["difference"] > 0
    return [
        Paragraph(
            f"If only the share of {words.positives} had changed, it could be estimated from the "
            "calibrated probabilities of the unlabelled test images, and the probabilities be "
            "adjusted to it, fold by fold (Saerens, Latinne and Decaestecker 2002). Of "
            f"{plural(len(rows), 'run')}, {right} have the true share inside the interval of the "
            f"estimate, and {better} gain specificity, by the interval of the paired difference."
        ),
        Table(
            "shift_prevalence_adjusted",
            "Probabilities adjusted to the estimated prevalence",
            rows,
            notes=(
                "Before and after: decisions on the mean of the folds' calibrated probabilities, "
                "cut at the frozen thresholds, which differs slightly from how the other tables "
                "decide. An image that is read alone could not be treated in this way, and the "
                "assumption fails where images of one class look different. None of these figures "
                "is used for a ranking or a choice.",
            ),
            narrow=True,
        ),
    ]


def _renormalised(runs: list[Shifted]) -> list[Block]:
    if not runs:
        return []
    changed = [one for one in runs if one.record["changed"]]
    if not changed:
        return [
            Paragraph(
                "No network among the runs has batch normalisation. Statistics of the test images "
                "change nothing."
            )
        ]
    rows = []
    for one in changed:
        cells: _Row = {"Run": one.label}
        for metric, title in METRICS.items():
            found = one.record[metric]
            for step in ("before", "after"):
                cells[f"{title} {step}"] = Estimate.of(found[step])
            cells[f"{title}, after minus before"] = Estimate.of(found["difference"], "difference")
        rows.append(cells)
    parts = [_gained(changed, metric) for metric in ("specificity", "sensitivity")]
    without = len(runs) - len(changed)
    left_out = (
        f" Left out: {plural(without, 'run')} without batch normalisation." if without else ""
    )
    return [
        Paragraph(
            "If only the appearance of the images had changed, batch normalisation could take its "
            "means and variances from the unlabelled test images instead of the training images "
            f"(Li et al. 2016; Nado et al. 2020). Of {plural(len(changed), 'run')}, "
            f"{', '.join(parts)}, by intervals of the paired difference.{left_out}"
        ),
        Table(
            "shift_renormalised",
            "Batch normalisation by statistics of the test images",
            rows,
            notes=(
                "Decisions at the thresholds that were frozen with the networks' own statistics. "
                "Statistics of the test images depend on their share of positive images, too. None "
                "of these figures is used for a ranking or a choice.",
            ),
            narrow=True,
        ),
    ]


def _gained(runs: list[Shifted], metric: str) -> str:
    """Say how many runs gain and lose a metric, by the interval of the difference."""
    changes = [one.record[metric]["difference"] for one in runs]
    sure = [change["difference"] for change in changes if change["excludes_zero"]]
    gain, loss = sum(value > 0 for value in sure), sum(value < 0 for value in sure)
    return f"{count(gain)} gain and {count(loss)} lose {metric}"


def _baseline(shift: dict[str, Any]) -> Shifted:
    record = record_with(shift["scored"], "shift.json: scored", baseline=_SPOKESMAN)
    return Shifted(baseline_label(_SPOKESMAN), record)
