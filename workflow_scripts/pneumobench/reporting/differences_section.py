"""The report's section on differences: which of them hold, and which were planned."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.wording import (
    count,
    listing,
    p_value,
    percent,
    plural,
    with_interval,
)

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    (
        "Tests of differences, planned comparisons",
        "comparison/differences.csv, differences.json",
        "compare_pairs",
    ),
)
# Column of differences.csv, its title for people.
TESTS = {
    "permutation": "p, patients exchanged",
    "delong": "p, DeLong",
    "mcnemar": "p, McNemar",
    "nadeau_bengio": "p, folds",
}
_NOISE = "one model twice: what chance does"


@dataclass(frozen=True)
class DifferencesInputs:
    """What the section is made of: differences.csv and differences.json."""

    table: str | Path
    details: str | Path


def differences_section(
    comparison: pd.DataFrame, inputs: DifferencesInputs | None
) -> dict[str, Any]:
    """Return what the template shows; without an answer where nothing was tested.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    inputs
        The files, or None.
    """
    if inputs is None:
        return {"answer": [], "origins": ()}
    pairs, facts = read_differences(inputs.table), read_json(inputs.details)
    labels = dict(zip(comparison["run"], comparison["label"], strict=True))
    titles = dict(zip(comparison["model"], comparison["title"], strict=True))
    planned = [(contrast, pair) for contrast in facts["contrasts"] for pair in contrast["pairs"]]
    several = any(len(record["seeds"]) > 1 for record in facts["architectures"])
    return {
        "answer": [
            *_pairs_answer(comparison, pairs, facts),
            *_planned_answer(planned, titles),
            *_reference_answer(facts["reference"], titles),
            *_noise_answer(pairs),
        ],
        "contrasts": [
            _contrast(contrast, pair, titles) for contrast, pair in planned if pair["results"]
        ],
        "not_testable": [
            f"{contrast['title']} ({_compared(pair, titles)}): {pair['reason']}."
            for contrast, pair in planned
            if pair["status"] == "not_testable"
        ],
        "reference": _reference(facts["reference"], titles),
        "architectures": _architectures(facts, titles) if several else [],
        "pairs": [_pair(row, labels) for _, row in pairs.iterrows()],
        "exchanges": {
            family["dataset"]: family["permutations"]
            for family in facts["families"]
            if family["family"] == "all pairs"
        },
        "origins": ORIGINS,
    }


def _pairs_answer(
    comparison: pd.DataFrame, pairs: pd.DataFrame, facts: dict[str, Any]
) -> list[str]:
    if pairs.empty:
        return ["Only one run is complete: there is nothing to compare."]
    found = {
        dataset: (int(part["distinguishable"].sum()), len(part))
        for dataset, part in pairs.groupby("dataset")
    }
    (held, tested), (held_on_test, _) = found["out_of_fold"], found["test"]
    level = percent(1 - facts["confidence"])
    text = (
        f"Out of fold {held} of the {plural(tested, 'pair')} of runs can be told apart at a level "
        f"of {level}, adjusted for their number; on the test set {held_on_test} of them."
    )
    labels = complete_runs(comparison)["label"].tolist()
    first = [labels[rank - 1] for rank in facts["ranking"]["groups"][0]]
    if len(first) == 1:
        return [text, f"{first[0]} differs from the run that ranks next."]
    return [text, f"At the top of the ranking no test tells {listing(first)} apart."]


def _planned_answer(
    planned: list[tuple[dict[str, Any], dict[str, Any]]],
    titles: dict[str, str],
) -> list[str]:
    tested = [pair for _, pair in planned if pair["status"] == "tested"]
    text = (
        f"{len(tested)} of the {plural(len(planned), 'comparison')} planned beforehand could be "
        "tested here"
    )
    if not tested:
        return [f"{text}: the runs of this experiment do not pair up for them."]
    return [f"{text}; {_held(tested, titles)}."]


def _reference_answer(reference: dict[str, Any] | None, titles: dict[str, str]) -> list[str]:
    """Say which architectures differ from the one named beforehand; nothing without one."""
    if reference is None:
        return []
    name = titles.get(reference["model"], reference["model"])
    tested = [pair for pair in reference["pairs"] if pair["status"] == "tested"]
    if not tested:
        return [f"{name} was named as reference beforehand, but no run could be held against it."]
    lead = f"{plural(len(tested), 'comparison')} with {name}, the reference named beforehand"
    return [f"{lead}: {_held(tested, titles)}."]


def _held(tested: list[dict[str, Any]], titles: dict[str, str]) -> str:
    """Say which of the pairs tested hold out of fold."""
    held = [pair for pair in tested if _result(pair, "out_of_fold")["holds"]]
    if not held:
        return "none of their differences holds out of fold"
    names = [
        f"{titles[pair['model']]} is "
        f"{'better' if _result(pair, 'out_of_fold')['difference'] > 0 else 'worse'} than "
        f"{titles[pair['reference']]}"
        + (f" (over {len(pair['seeds'])} seeds)" if len(pair["seeds"]) > 1 else "")
        for pair in held
    ]
    return f"out of fold {'one holds' if len(held) == 1 else 'these hold'}: {listing(names)}"


def _noise_answer(pairs: pd.DataFrame) -> list[str]:
    """Say how far trainings of one model lie apart."""
    twice = pairs[(pairs["noise_floor"] != "") & (pairs["dataset"] == "out_of_fold")]
    if twice.empty:
        return []
    largest = 100 * twice["difference"].abs().max()
    equal = int((twice["noise_floor"] == "equal predictions").sum())
    same = f" ({equal} with equal predictions to the last bit)" if equal else ""
    return [
        f"Noise baseline: {plural(len(twice), 'pair')} {'is' if len(twice) == 1 else 'are'} one model "
        f"trained twice{same}; the largest difference between such is {largest:.1f} points of AUC "
        "out of fold. A difference of that size between architectures may be chance in training, "
        "which no test of single trained models sees."
    ]


def _contrast(
    contrast: dict[str, Any], pair: dict[str, Any], titles: dict[str, str]
) -> dict[str, str]:
    return {"Question": contrast["title"]} | _tested(pair, titles)


def _reference(reference: dict[str, Any] | None, titles: dict[str, str]) -> dict[str, Any] | None:
    """Return the architecture named beforehand, what was tested against it and what could not."""
    if reference is None:
        return None
    shown = [pair for pair in reference["pairs"] if pair["results"]]
    rows = [
        _tested(pair, titles)
        | {
            f"{DATASET_TITLES[result['dataset']]}: adjusted p, DeLong": p_value(
                result["delong_p_holm"]
            )
            for result in pair["results"]
        }
        for pair in shown
    ]
    not_testable = [
        f"{_compared(pair, titles)}: {pair['reason']}."
        for pair in reference["pairs"]
        if pair["status"] == "not_testable"
    ]
    name = titles.get(reference["model"], reference["model"])
    return {"model": name, "rows": rows, "not_testable": not_testable}


def _tested(pair: dict[str, Any], titles: dict[str, str]) -> dict[str, str]:
    """Return the cells that all tables of contrasts have in common."""
    recipes = dict.fromkeys((pair["recipe"], pair["reference_recipe"]))
    cells = {
        "Compared": _compared(pair, titles),
        "Recipe": " against ".join(recipes),
        "Seeds": ", ".join(map(str, pair["seeds"])),
        "Reading": _reading(pair),
    }
    for result in pair["results"]:
        name = DATASET_TITLES[result["dataset"]]
        cells[f"{name}: difference of the AUC"] = with_interval(
            result["difference"], result["low"], result["high"]
        )
        cells[f"{name}: adjusted p"] = p_value(result["p_holm"])
    return cells


def _reading(pair: dict[str, Any]) -> str:
    if pair["noise_floor"]:
        return _NOISE
    readings = {}
    for result in pair["results"]:
        side = "better" if result["difference"] > 0 else "worse"
        readings[result["dataset"]] = side if result["holds"] else "not distinguishable"
    out_of_fold, test = readings["out_of_fold"], readings["test"]
    return (
        f"{out_of_fold} in both"
        if out_of_fold == test
        else f"{out_of_fold} out of fold, {test} on test"
    ).replace("not distinguishable in both", "cannot be told apart")


def _compared(pair: dict[str, Any], titles: dict[str, str]) -> str:
    model, reference = (titles.get(pair[key], pair[key]) for key in ("model", "reference"))
    return f"{model} against {reference}"


def _result(pair: dict[str, Any], dataset: str) -> dict[str, Any]:
    (found,) = [result for result in pair["results"] if result["dataset"] == dataset]
    return found


def _architectures(facts: dict[str, Any], titles: dict[str, str]) -> list[dict[str, str]]:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for record in facts["architectures"]:
        name = DATASET_TITLES[record["dataset"]]
        row = rows.setdefault(
            (record["model"], record["recipe"]),
            {
                "Architecture": titles[record["model"]],
                "Recipe": record["recipe"],
                "Speaks of": record["speaks_of"],
                "Seeds": count(len(record["seeds"])),
            },
        )
        row[f"{name} AUC"] = with_interval(record["value"], record["low"], record["high"])
        row[f"{name}: spread over seeds"] = with_interval(record["spread"], None, None)
    return list(rows.values())


def _pair(row: pd.Series, labels: dict[Any, str]) -> dict[str, str]:
    bounds = (row[f"difference{bound}"] for bound in ("", "_low", "_high"))
    cells = {
        "Ranks higher": labels[row["first"]],
        "Ranks lower": labels[row["second"]],
        "Images": DATASET_TITLES[row["dataset"]],
        "Difference of the AUC": with_interval(*bounds),
    }
    for test, title in TESTS.items():
        cells[title] = p_value(row[f"{test}_p_holm"])
    return cells
