"""The report's section on probabilities, thresholds and what treating by them would bring."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.reporting.calibration import measured
from pneumobench.reporting.decision_curves import NOWHERE, curve_of, useful_range
from pneumobench.reporting.inputs import DATASET_TITLES, Judged, read_details
from pneumobench.reporting.wording import EMPTY, count, listing, percent, plural, with_interval
from pneumobench.reporting.words import Words
from pneumobench.reporting.worst_cases import worst_cases

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    (
        "Calibration, transfer, decision curves",
        "runs/.../calibration.json",
        "assess_calibration",
    ),
    ("Worst cases", "runs/.../calibrated.csv", "assess_calibration"),
)

RULES = {
    "youden": "Youden",
    "sensitivity_95": "sensitivity 95 %",
    "cost": "cost",
}
_MEASURES = {
    "calibration_error": "Calibration error",
    "brier": "Brier score",
    "slope": "Slope",
    "in_the_large": "Intercept in the large",
}

HOLD = "hold"


@dataclass(frozen=True)
class CalibrationInputs:
    """What the section is made of.

    Attributes
    ----------
    details, calibrated
        calibration.json and calibrated.csv of every run, in .../{model}/{recipe}/seed{seed}/.
    """

    details: Iterable[str | Path]
    calibrated: Iterable[str | Path]


def calibration_section(
    comparison: pd.DataFrame, inputs: CalibrationInputs | None
) -> dict[str, Any]:
    """Return what the template shows; without an answer where nothing was assessed.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    inputs
        The files, or None.
    """
    if inputs is None:
        return {"answer": [], "origins": ()}
    runs = read_details(comparison, inputs.details)
    first = runs[0][1]
    others = [rule for rule in RULES if rule != first["threshold_rule"]]
    return {
        "answer": _answer(runs),
        "method": first["calibration"],
        "bins": first["binning"]["bins"],
        "measures": [
            row
            for run, content in runs
            for dataset in DATASET_TITLES
            for row in _measure_rows(run, content, dataset)
        ],
        "rule": RULES[first["threshold_rule"]],
        "cost_ratio": f"{first['cost_ratio']:g}",
        "main": [_threshold_row(run, content, first["threshold_rule"]) for run, content in runs],
        "other": [
            _threshold_row(run, content, rule, named=True)
            for run, content in runs
            for rule in others
        ],
        "best": runs[0][0]["label"],
        "predictive": _predictive_rows(first),
        "subtypes": [
            _subtype_row(run, content, dataset)
            for run, content in runs
            for dataset in DATASET_TITLES
        ],
        "called": [
            _called_row(run, content, dataset, rule)
            for run, content in runs
            for dataset in DATASET_TITLES
            for rule in others
        ],
        "radiographs": _radiograph_rows(comparison, inputs.calibrated),
        "origins": ORIGINS,
    }


def _answer(runs: Judged) -> list[str]:
    """Say of the best run whether its probabilities and its threshold hold, and of how many do."""
    row, content = runs[0]
    errors = {dataset: verdict(content, dataset) for dataset in DATASET_TITLES}
    sentences = [
        f"{row['label']}, the best run: out of fold its probabilities {errors['out_of_fold']}, on "
        f"the test set they {errors['test']}."
    ]
    if len(runs) > 1:
        held = sum(verdict(other, "test") == HOLD for _, other in runs)
        sentences.append(f"On the test set those of {held} of {plural(len(runs), 'run')} hold.")
    specificity = _transfer(content, content["threshold_rule"], "specificity")
    sensitivity = _transfer(content, content["threshold_rule"], "sensitivity")
    sentences.append(
        f"Its threshold ({RULES[content['threshold_rule']]}) reaches there a sensitivity of "
        f"{_text(sensitivity['test'])} where {sensitivity['aim']:.3f} was aimed at, and a "
        f"specificity of {_text(specificity['test'])} where {specificity['aim']:.3f} was."
    )
    where = useful_range(curve_of(content, "test"))
    sentences.append(
        f"There, treating by its probability beats treating all and none at thresholds of {where}."
        if where != NOWHERE
        else "There, treating by its probability nowhere clearly beats treating all or none."
    )
    return sentences


def verdict(content: dict[str, Any], dataset: str) -> str:
    """Say whether a run's probabilities hold: `hold`, or what is wrong with them.

    They hold if the interval of the slope includes 1 and that of the intercept in the large 0, by
    the probabilities that a reader would use. What the data do not contradict may still be wrong.
    """
    stage = "before" if content["calibration"] == "none" else "after"
    slope = measured(content, dataset, "slope")[stage]
    level = measured(content, dataset, "in_the_large")[stage]
    if None in (slope["low"], level["low"]):
        return "cannot be examined (the classes do not overlap, or a probability is 0 or 1)"
    wrong = []
    if level["high"] < 0:
        wrong.append("too high on average")
    if level["low"] > 0:
        wrong.append("too low on average")
    if slope["high"] < 1:
        wrong.append("too extreme")
    if slope["low"] > 1:
        wrong.append("too cautious")
    return f"are {listing(wrong)}" if wrong else HOLD


def _measure_rows(run: pd.Series, content: dict[str, Any], dataset: str) -> list[dict[str, str]]:
    stages = {"before": "as trained", "after": "calibrated"}
    if content["calibration"] == "none":
        stages.pop("after")
    return [
        {
            "Run": run["label"],
            "Data": DATASET_TITLES[dataset],
            "Probabilities": title,
            **{
                name: _text(measured(content, dataset, measure)[stage])
                for measure, name in _MEASURES.items()
            },
        }
        for stage, title in stages.items()
    ]


def _transfer(content: dict[str, Any], rule: str, metric: str) -> dict[str, Any]:
    (found,) = [
        record
        for record in content["thresholds"]
        if (record["rule"], record["metric"]) == (rule, metric)
    ]
    return found


def _threshold_row(
    run: pd.Series, content: dict[str, Any], rule: str, *, named: bool = False
) -> dict[str, str]:
    cells = {"Run": run["label"]} | ({"Rule": RULES[rule]} if named else {})
    for metric in ("sensitivity", "specificity"):
        record = _transfer(content, rule, metric)
        cells |= {
            f"{metric.capitalize()}, out of fold": _text(record["out_of_fold"]),
            f"{metric.capitalize()}, test": _text(record["test"]),
            f"Transfer error of {metric}": _text(record["transfer"]),
        }
    return cells


def _predictive_rows(content: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the best run's answers would be worth on children like those of the test set."""
    found = {
        (entry["rule"], entry["prevalence"], entry["metric"]): _text(entry)
        for entry in content["predictive_values"]
        if entry["dataset"] == "test"
    }
    return [
        {
            "Threshold": RULES[rule],
            "Children with pneumonia": percent(prevalence),
            "Alarms that are right (PPV)": found[rule, prevalence, "ppv"],
            "All-clears that are right (NPV)": found[rule, prevalence, "npv"],
        }
        for rule, prevalence in dict.fromkeys(key[:2] for key in found)
    ]


def _subtype_row(run: pd.Series, content: dict[str, Any], dataset: str) -> dict[str, str]:
    return {"Run": run["label"], "Data": DATASET_TITLES[dataset]} | {
        entry["subtype"].capitalize(): f"{_text(entry['probability'])}, n = {count(entry['n'])}"
        for entry in _subgroups(content, dataset)
    }


def _called_row(run: pd.Series, content: dict[str, Any], dataset: str, rule: str) -> dict[str, str]:
    return {"Run": run["label"], "Data": DATASET_TITLES[dataset], "Rule": RULES[rule]} | {
        entry["subtype"].capitalize(): _text(entry["called"][rule])
        for entry in _subgroups(content, dataset)
    }


def _subgroups(content: dict[str, Any], dataset: str) -> list[dict[str, Any]]:
    """Return the subtypes of both data sets in one order; what one of them lacks is empty."""
    names = dict.fromkeys(entry["subtype"] for entry in content["subgroups"])
    own = {entry["subtype"]: entry for entry in content["subgroups"] if entry["dataset"] == dataset}
    nothing = {"value": None, "low": None, "high": None}
    empty = {"n": 0, "probability": nothing, "called": dict.fromkeys(RULES, nothing)}
    return [own.get(name, {"subtype": name, **empty}) for name in names]


def _radiograph_rows(
    comparison: pd.DataFrame, calibrated: Iterable[str | Path]
) -> list[dict[str, str]]:
    return [
        {
            "Mistakes": cases.title(Words()),
            "Radiograph": image_id,
            "Subtype": radiograph["subtype"],
            "Probability": f"{radiograph['probability']:.3f}",
            "Runs that are wrong": f"{radiograph['wrong']} of {radiograph['runs']}",
        }
        for cases in worst_cases(comparison, calibrated)
        for image_id, radiograph in cases.radiographs.iterrows()
    ]


def _text(record: dict[str, Any]) -> str:
    return with_interval(record["value"], record["low"], record["high"]) if record else EMPTY
