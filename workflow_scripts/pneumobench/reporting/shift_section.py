"""The report's section on the test set: whether it is like the development set, what that costs."""

from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json
from pneumobench.reporting.baselines import baseline_label
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.shift import CLASSES, Shifted, name_scored
from pneumobench.reporting.wording import EMPTY, count, plural, with_interval

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Scores for the data set, blocks of numbers", "shift/domains.csv, blocks.csv", "score_shift"),
    ("Development against test", "comparison/shift.json", "measure_shift"),
)

# The baseline that speaks for all in words, and is fitted without blocks of file numbers.
_SPOKESMAN = "thumbnail"
_BLOCK_METRICS = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}


def shift_section(
    comparison: pd.DataFrame, path: str | Path | None, phantoms: bool
) -> dict[str, Any]:
    """Return what the template shows; without an answer where nothing was measured.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    path
        shift.json, or None.
    phantoms
        Whether the radiographs are drawn.
    """
    if path is None:
        return {"answer": [], "origins": ()}
    shift = read_json(path)
    scored = name_scored(shift["scored"], comparison)
    return {
        "answer": [
            _domain_answer(shift),
            *_transfer_answer(scored),
            _block_answer(shift),
            _population(phantoms),
        ],
        "domains": [_domain_row(kind, shift) for kind in BASELINES],
        "transfer": [_transfer_row(one) for one in scored],
        "blocks": _block_rows(shift),
        "transductive": _transductive(comparison, shift),
        "transductive_reading": _transductive_reading(shift),
        "renormalised": _renormalised(comparison, shift),
        "renormalised_reading": _renormalised_reading(shift),
        "origins": ORIGINS,
    }


def _domain_answer(shift: dict[str, Any]) -> str:
    found = {label: _domain(shift, _SPOKESMAN, label) for label in CLASSES}
    known = {label: record["roc_auc"] for label, record in found.items() if record}
    if not known:
        return (
            "Whether radiographs of the two sets differ cannot be told: there are too few patients."
        )
    told = [label for label, area in known.items() if area["low"] is not None and area["low"] > 0.5]
    areas = "; ".join(f"{label} radiographs: AUC {_text(area)}" for label, area in known.items())
    seen = f"a linear model that sees nothing but {BASELINES[_SPOKESMAN]}"
    if told:
        return (
            f"No. Within a class {seen} tells test images from development images ({areas}); 0.5 "
            "would be chance."
        )
    return (
        f"No difference was shown: within a class {seen} does not tell test images from development "
        f"radiographs ({areas}; 0.5 is chance)."
    )


def _transfer_answer(scored: list[Shifted]) -> list[str]:
    """Say what the frozen thresholds of the first in rank do on the test set, and why."""
    runs = [one for one in scored if "model" in one.record]
    if not runs:
        return []
    first = runs[0]
    parts = []
    for metric in CLASSES.values():
        found = first.transfer(metric)
        ends = (_text(found[dataset]) for dataset in DATASET_TITLES)
        change = "" if found["difference"]["excludes_zero"] else ", which may be chance"
        parts.append(
            f"{metric} goes from {' to '.join(ends)}, by {_difference(found['difference'])}{change}"
        )
    chances = ", ".join(
        f"{record['value']:.2f} among {record['label']} radiographs"
        for record in first.record["higher_on_test"]
        if record["value"] is not None
    )
    return [
        f"At the thresholds that were frozen on development images, the first in rank changes on "
        f"the test set like this: {'; '.join(parts)}.",
        f"A test image has the higher score of it and a development image with a chance of {chances} "
        "(0.5: alike).",
    ]


def _block_answer(shift: dict[str, Any]) -> str:
    if not shift["blocks"]:
        return (
            "Leaving out blocks of neighbouring file numbers is not available: it needs names of "
            "radiographs that carry numbers, and radiographs of both classes in every block."
        )
    values = [record["specificity"]["value"] for record in shift["blocks"]]
    test = _baseline_transfer(shift)["specificity"]["test"]
    lead = (
        f"Leaving out each of {len(values)} blocks of neighbouring file numbers leaves the "
        f"{_SPOKESMAN} baseline a specificity of {min(values):.2f} to {max(values):.2f}; on the test "
        f"set it has {_text(test)}"
    )
    if test["value"] < min(values):
        return f"{lead}: neighbourhood of file numbers does not show what the test set does."
    return f"{lead}, which lies among or above them."


def _population(phantoms: bool) -> str:
    if phantoms:
        return (
            "Both sets are drawn by one program (data.phantom.shift says how differently), so that "
            "nothing here speaks of other hospitals, devices or ages."
        )
    return (
        "Both sets come from one source. Children of other ages, adults, other hospitals and "
        "devices are out of this population: no figure of this section speaks of them."
    )


def _domain_row(kind: str, shift: dict[str, Any]) -> dict[str, str]:
    cells = {"Model": baseline_label(kind), "It sees": BASELINES[kind]}
    for label in CLASSES:
        record = _domain(shift, kind, label)
        sides = ("development", "test")
        images = " + ".join(count(record[side]["n"]) for side in sides) if record else EMPTY
        cells[f"{label.capitalize()}: AUC"] = _text(record["roc_auc"]) if record else EMPTY
        cells[f"{label.capitalize()}: images"] = images
    return cells


def _transfer_row(one: Shifted) -> dict[str, str]:
    cells = {"Run": one.label}
    for metric in CLASSES.values():
        found = one.transfer(metric)
        for dataset, title in DATASET_TITLES.items():
            cells[f"{metric.capitalize()}, {title.lower()}"] = _text(found[dataset])
        cells[f"{metric.capitalize()}, test less out-of-fold"] = _difference(found["difference"])
    for record in one.record["higher_on_test"]:
        cells[f"Test radiograph higher, {record['label']}"] = _text(record)
    return cells


def _block_rows(shift: dict[str, Any]) -> list[dict[str, str]]:
    if not shift["blocks"]:
        return []
    rows = [
        {"Left out": f"Block {record['block'] + 1}", "Images": count(record["n"])}
        | {title: _text(record[metric]) for metric, title in _BLOCK_METRICS.items()}
        for record in shift["blocks"]
    ]
    transfer = _baseline_transfer(shift)
    test = {"Left out": "Test set", "Images": count(shift["datasets"]["test"]["n"])}
    own = {title: _text(transfer[metric]["test"]) for metric, title in _BLOCK_METRICS.items()}
    return [*rows, test | own]


def _transductive(comparison: pd.DataFrame, shift: dict[str, Any]) -> list[dict[str, str]]:
    rows = []
    for one in name_scored(shift["transductive"], comparison):
        record = one.record
        cells = {
            "Run": one.label,
            "Share of pneumonias, estimated": _text(record["estimated_share"]),
            "True": f"{record['true_share']:.3f}",
        }
        for metric in CLASSES.values():
            for step in ("before", "after"):
                cells[f"{metric.capitalize()} {step}"] = _text(record[metric][step])
        rows.append(cells)
    return rows


def _renormalised(comparison: pd.DataFrame, shift: dict[str, Any]) -> list[dict[str, str]]:
    """Return a row of each run whose network has batch normalisation."""
    rows = []
    for one in name_scored(shift["renormalised"], comparison):
        if not one.record["changed"]:
            continue
        cells = {"Run": one.label}
        for metric, title in _BLOCK_METRICS.items():
            for step in ("before", "after"):
                cells[f"{title} {step}"] = _text(one.record[metric][step])
            cells[f"{title}, after less before"] = _difference(one.record[metric]["difference"])
        rows.append(cells)
    return rows


def _renormalised_reading(shift: dict[str, Any]) -> str:
    if not shift["renormalised"]:
        return ""
    changed = [record for record in shift["renormalised"] if record["changed"]]
    if not changed:
        return "No network of the runs has batch normalisation."
    without = len(shift["renormalised"]) - len(changed)
    parts = []
    for metric in ("specificity", "sensitivity"):
        told = [
            record[metric]["difference"]["difference"]
            for record in changed
            if record[metric]["difference"]["excludes_zero"]
        ]
        gain, loss = sum(value > 0 for value in told), sum(value < 0 for value in told)
        parts.append(f"{gain} gain and {loss} lose {metric}")
    left_out = f" {count(without)} without batch normalisation are left out." if without else ""
    return (
        f"Of {plural(len(changed), 'run')} {' and '.join(parts)}, by intervals of the paired "
        f"difference.{left_out}"
    )


def _transductive_reading(shift: dict[str, Any]) -> str:
    records = shift["transductive"]
    better = sum(
        record["specificity"]["difference"]["excludes_zero"]
        and record["specificity"]["difference"]["difference"] > 0
        for record in records
    )
    right = sum(
        record["estimated_share"]["low"] is not None
        and record["estimated_share"]["low"]
        <= record["true_share"]
        <= record["estimated_share"]["high"]
        for record in records
    )
    return (
        f"Of {len(records)} runs {right} find the true share inside their interval, and {better} "
        "gain specificity by it, by intervals of the paired difference."
    )


def _domain(shift: dict[str, Any], kind: str, label: str) -> dict[str, Any] | None:
    for record in shift["domains"]:
        if (record["baseline"], record["label"]) == (kind, label):
            return record
    return None


def _baseline_transfer(shift: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (baseline,) = [record for record in shift["scored"] if record.get("baseline") == _SPOKESMAN]
    return {part["metric"]: part for part in baseline["transfer"]}


def _text(record: dict[str, Any]) -> str:
    return with_interval(record["value"], record["low"], record["high"])


def _difference(record: dict[str, Any]) -> str:
    return with_interval(record["difference"], record["low"], record["high"])
