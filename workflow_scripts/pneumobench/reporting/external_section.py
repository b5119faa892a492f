"""The report's section on radiographs of another source: who they are, and what is left on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.reporting.external import METRICS, estimate_of
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.shift import Shifted, name_scored
from pneumobench.reporting.wording import count, percent, plural, with_interval

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("External radiographs: list and audit", "external/audit.json", "admit_external"),
    ("Logits of external radiographs", "runs/.../fold*/external.csv", "predict_external"),
    ("External validation", "comparison/external.csv, external.json", "evaluate_external"),
)

_POPULATIONS = {
    "children": "children",
    "adults": "adults, for the most part",
    "phantoms": "nobody: they are drawn by the pipeline",
    "unknown": "not told by the source",
}
_MEASURES = {
    "calibration_error": "Calibration error",
    "brier": "Brier score",
    "in_the_large": "Intercept in the large",
    "slope": "Slope",
}
# In the heads of tables.
_SHORT = {"out_of_fold": "out-of-fold", "external": "external"}


def external_section(comparison: pd.DataFrame, path: str | Path | None) -> dict[str, Any]:
    """Return what the template shows; without an answer where there are no external data.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    path
        comparison/external.json, or None.
    """
    if path is None:
        return {"answer": [], "origins": ()}
    content = read_json(path)
    judged = name_scored(content["judged"], comparison)
    stages = dict.fromkeys(record["stage"] for record in judged[0].record["calibrations"])
    return {
        "answer": list(_answer(content, judged, comparison)),
        "population": population_warning(content["sources"]),
        "warnings": [*_label_warning(content["sources"]), *content["warnings"]],
        "radiographs": _radiographs(content),
        "transfer": [_transfer_row(one) for one in judged],
        "calibrations": {
            stage: [_calibration_row(one, stage) for one in judged] for stage in stages
        },
        "subtypes": [_subtype_row(one) for one in judged if one.record["subtypes"]],
        "origins": ORIGINS,
    }


def population_warning(sources: dict[str, dict[str, Any]]) -> str:
    """Say that external images are of another population, or that this cannot be told; "" if alike.

    Parameters
    ----------
    sources
        `data` and `external`: source.json of either.
    """
    own, other = (sources[name]["population"] for name in ("data", "external"))
    if "unknown" not in (own, other):
        if own == other:
            return ""
        return (
            f"Out of population: the networks were trained on {_kind(own)}, the external images are "
            f"of {_kind(other)}. The figures say how far the networks reach beyond those that they "
            "were made for, not what they are worth among them."
        )
    untold = {
        (True, True): "either set",
        (True, False): "the radiographs that the networks were trained on",
        (False, True): "the external radiographs",
    }[own == "unknown", other == "unknown"]
    known = [
        f"the {name} are of {_kind(kind)}"
        for name, kind in (("training radiographs", own), ("external radiographs", other))
        if kind != "unknown"
    ]
    return (
        f"Population unknown: nothing tells who was examined for {untold}"
        + "".join(f" ({text})" for text in known)
        + ", so whether the figures speak of one population is for the reader to judge."
    )


def _kind(population: str) -> str:
    return {"adults": "adults for the most part", "phantoms": "drawn phantoms"}.get(
        population, population
    )


def _label_warning(sources: dict[str, dict[str, Any]]) -> Iterator[str]:
    own, other = (sources[name] for name in ("data", "external"))
    keys = ("positive", "negative")
    if any(own[key] != other[key] for key in keys):
        yield (
            f"Labels are of another kind: external radiographs count as positive for "
            f"“{other['positive']}” and as negative for “{other['negative']}”, where the networks "
            f"learnt “{own['positive']}” against “{own['negative']}”."
        )


def _answer(
    content: dict[str, Any], judged: list[Shifted], comparison: pd.DataFrame
) -> Iterator[str]:
    runs = [one for one in judged if "model" in one.record]
    baselines = [one for one in judged if "baseline" in one.record]
    counts = content["datasets"]["external"]
    yield (
        f"On {plural(counts['n'], 'external image')} ({content['sources']['external']['title']}; "
        f"{count(counts['events'])} positive) that nothing was tuned on, the first in rank, "
        f"{complete_runs(comparison).iloc[0]['label']}, {_moves(runs[0], 'roc_auc')}."
    )
    best = max(runs, key=_external_area)
    if best is not runs[0] and _external_area(best) > _external_area(runs[0]):
        yield f"The highest external AUC is that of {_named(best)}."
    decisions = " and ".join(
        f"{METRICS[metric].lower()} {_moves(runs[0], metric, '')}"
        for metric in ("sensitivity", "specificity")
    )
    yield f"At the thresholds frozen on development images its {decisions}."
    yield _calibration_answer(runs[0], content)
    if baselines:
        baseline = max(baselines, key=_external_area)
        yield f"The highest AUC of a baseline, which no network should fall to, is {_named(baseline)}."


def _external_area(one: Shifted) -> float:
    value = estimate_of(one, "roc_auc")["external"]["value"]
    return -1.0 if value is None else value


def _named(one: Shifted) -> str:
    return f"{_text(estimate_of(one, 'roc_auc')['external'])} ({one.label.split('  ')[-1]})"


def _moves(one: Shifted, metric: str, lead: str = "has an AUC of") -> str:
    """Say a metric before and behind, and whether the difference may be chance."""
    found = estimate_of(one, metric)
    own, new = (_text(found[name]) for name in _SHORT)
    chance = "" if found["difference"]["excludes_zero"] else ", which may be chance"
    change = f"difference {_difference(found['difference'])}{chance}"
    if lead:
        return f"{lead} {new} instead of {own} out of fold ({change})"
    return f"goes from {own} to {new} ({change})"


def _calibration_answer(one: Shifted, content: dict[str, Any]) -> str:
    stage = one.record["calibrations"][-1]["stage"]
    error, large = (_measure(one, stage, name) for name in ("calibration_error", "in_the_large"))
    frozen = "frozen calibration" if stage == "after" else "probabilities, which nobody calibrated,"
    text = (
        f"The calibration error of its {frozen} goes from {_text(error['out_of_fold'])} to "
        f"{_text(error['external'])}"
    )
    low, high = large["external"]["low"], large["external"]["high"]
    if low is None or low <= 0 <= high:
        return f"{text}; that probabilities are too high or too low on the whole was not shown."
    direction = "high" if high < 0 else "low"
    counts = content["datasets"]
    own, new = (counts[name]["events"] / counts[name]["n"] for name in _SHORT)
    return (
        f"{text}: probabilities are too {direction} on the whole (intercept in the large "
        f"{_text(large['external'], 2)}). The share of positive radiographs is {percent(new)}, "
        f"{percent(own)} among development images."
    )


def _radiographs(content: dict[str, Any]) -> list[dict[str, str]]:
    radiographs = content["radiographs"]
    sets = {"External": ("external", "external"), "Development": ("data", "out_of_fold")}
    rows: dict[str, dict[str, str]] = {}
    for title, (source, dataset) in sets.items():
        said, counts = content["sources"][source], content["datasets"][dataset]
        rows |= {
            title: {
                "Radiographs": title,
                "Source": said["title"],
                "Who was examined": _POPULATIONS[said["population"]],
                "Positive": said["positive"],
                "Negative": said["negative"],
                "Images": count(counts["n"]),
                "Of them positive": count(counts["events"]),
                "Patients": count(counts["patients"]),
            }
        }
    if radiographs["unknown_patients"] == content["datasets"]["external"]["n"]:
        rows["External"]["Patients"] = "unknown"
    return list(rows.values())


def _transfer_row(one: Shifted) -> dict[str, str]:
    cells = {"Run": one.label}
    for metric, title in METRICS.items():
        found = estimate_of(one, metric)
        for name in _SHORT:
            cells[f"{title}, {_SHORT[name]}"] = _text(found[name])
        cells[f"{title}, difference"] = _difference(found["difference"])
    precision = estimate_of(one, "average_precision")["external"]
    return cells | {"Average precision, external": _text(precision)}


def _calibration_row(one: Shifted, stage: str) -> dict[str, str]:
    cells = {"Run": one.label}
    for measure, title in _MEASURES.items():
        found = _measure(one, stage, measure)
        for name in _SHORT:
            cells[f"{title}, {_SHORT[name]}"] = _text(found[name])
    return cells


def _measure(one: Shifted, stage: str, measure: str) -> dict[str, Any]:
    (found,) = [
        record for record in one.record["calibrations"]
        if (record["stage"], record["measure"]) == (stage, measure)
    ]  # fmt: skip
    return found


def _subtype_row(one: Shifted) -> dict[str, str]:
    return {"Run": one.label} | {
        f"Sensitivity, {found['subtype']} (n = {count(found['n'])})": with_interval(
            found["sensitivity"], found["low"], found["high"]
        )
        for found in one.record["subtypes"]
    }


def _text(found: dict[str, Any], digits: int = 3) -> str:
    return with_interval(found["value"], found["low"], found["high"], digits=digits)


def _difference(found: dict[str, Any]) -> str:
    return with_interval(found["difference"], found["low"], found["high"])
