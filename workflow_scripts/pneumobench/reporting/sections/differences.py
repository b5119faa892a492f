"""Which differences between runs are statistically significant, and which were planned."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate, record_with
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import DATASET_TITLES, complete_runs
from pneumobench.reporting.preregistration import declared
from pneumobench.reporting.section import (
    Block,
    Details,
    FigureOf,
    Heading,
    Paragraph,
    Points,
    Section,
)
from pneumobench.reporting.table import Cell, Number, PValue, Table
from pneumobench.reporting.wording import count, listing, percent, plural
from pneumobench.reporting.words import Words
from pneumobench.statistics.equivalence import DIFFERENT, EQUIVALENT, SMALL, UNDECIDED
from pneumobench.statistics.intervals import POWER

ORIGINS = (
    (
        "Tests of differences, planned comparisons",
        "comparison/differences.csv, differences.json",
        "compare_pairs",
    ),
)
# Column of differences.csv, its title for people.
TESTS = {
    "permutation": "p, permutation",
    "delong_clustered": "p, DeLong by patient",
    "delong": "p, DeLong",
    "mcnemar": "p, McNemar",
    "nadeau_bengio": "p, corrected t-test",
}
_WHERE = "comparison/differences.json: results"
_NOISE = "the same model trained twice: chance alone"
_NOT = "not distinguishable"

Titles = dict[str, str]
Settings = Mapping[str, Any]
Pair = dict[str, Any]


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where nothing was tested."""
    facts = files.json("differences_details")
    if facts is None:
        return None
    comparison, pairs = files.comparison, read_differences(files.one("differences"))
    titles = dict(zip(comparison["model"], comparison["title"], strict=True))
    planned = [(contrast, pair) for contrast in facts["contrasts"] for pair in contrast["pairs"]]
    return Section(
        name="differences",
        title="Which models are statistically distinguishable?",
        short="Differences",
        answer=(
            *_pairs_answer(comparison, pairs, facts),
            _planned_answer([pair for _, pair in planned], titles),
            *_reference_answer(facts["reference"], titles),
            *_verdicts(pairs, facts),
            *_noise_answer(pairs),
        ),
        blocks=(
            FigureOf("critical_difference"),
            FigureOf("differences"),
            *_planned(planned, titles, files.settings, several=_several_seeds(facts)),
            *_reference(facts["reference"], titles, files.settings),
            *_seeds(facts, titles),
            *_every_pair(comparison, pairs),
            Paragraph(_method(facts)),
        ),
        origins=ORIGINS,
    )


def _pairs_answer(
    comparison: pd.DataFrame, pairs: pd.DataFrame, facts: dict[str, Any]
) -> list[str]:
    if pairs.empty:
        return ["Only one run is complete, so there is nothing to compare."]
    found = {
        dataset: (int(part["distinguishable"].sum()), len(part))
        for dataset, part in pairs.groupby("dataset")
    }
    (held, tested), (held_on_test, _) = found["out_of_fold"], found["test"]
    level = f"at a significance level of {percent(1 - facts['confidence'])}"
    if tested == 1:
        where = "they are" if held_on_test else "they are not"
        return [
            f"Out of fold, the two runs are {'' if held else 'not '}statistically distinguishable "
            f"{level}; on the test set {where}."
        ]
    text = (
        f"Out of fold, {held or 'none'} of the {count(tested)} pairs of runs {_are(held or 1)} "
        f"statistically distinguishable {level}, adjusted for the number of pairs; on the test "
        f"set, {held_on_test or 'none'}."
    )
    labels = complete_runs(comparison)["label"].tolist()
    first = [labels[rank - 1] for rank in facts["ranking"]["groups"][0]]
    if len(first) == 1:
        return [text, f"{first[0]}, ranked first, differs significantly from the next run."]
    return [
        text,
        f"The runs at the top of the ranking are not distinguishable: {listing(first)}.",
    ]


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _verdicts(pairs: pd.DataFrame, facts: dict[str, Any]) -> list[str]:
    """Say how many pairs are equivalent, different and undecided, and what could be detected."""
    if pairs.empty:
        return []
    found = pairs[pairs["dataset"] == "out_of_fold"]["verdict"].value_counts()
    points, smallest = 100 * facts["margin"], facts["detectable"]["out_of_fold"]
    within = f"{points:g} {'point' if points == 1 else 'points'} of AUC"
    said = {
        EQUIVALENT: f"equivalent within {within}",
        SMALL: f"different, but by less than {within}",
        DIFFERENT: "different",
        UNDECIDED: "undecided, which is not equal",
    }
    numbers = [(int(found[name]), text) for name, text in said.items() if name in found]
    if len(pairs) == 2:
        lead = f"Out of fold, the two runs are {numbers[0][1]}."
    else:
        parts = [f"{count(number)} {_are(number)} {text}" for number, text in numbers]
        lead = f"Of the {count(int(found.sum()))} pairs out of fold, {listing(parts)}."
    if smallest is None:
        return [
            f"{lead} The AUCs are the same in every draw of patients, which says nothing of "
            "others: which differences these data could show cannot be computed."
        ]
    return [
        f"{lead} One test on these data shows a difference of {100 * smallest:.1f} points in "
        f"{percent(POWER)} of samples (median over the pairs), and often misses smaller ones."
    ]


def _planned_answer(pairs: list[Pair], titles: Titles) -> str:
    tested = [pair for pair in pairs if pair["status"] == "tested"]
    planned = f"the {plural(len(pairs), 'planned comparison')} could be tested"
    if not tested:
        return f"None of {planned}: this experiment lacks the pairs of runs that they need."
    return f"{len(tested)} of {planned}; {_held(tested, titles)}."


def _reference_answer(reference: dict[str, Any] | None, titles: Titles) -> list[str]:
    """Say which architectures differ from the reference; nothing without one."""
    if reference is None:
        return []
    name = titles.get(reference["model"], reference["model"])
    tested = [pair for pair in reference["pairs"] if pair["status"] == "tested"]
    if not tested:
        return [f"{name} is named as the reference, but no run can be compared with it."]
    lead = f"{plural(len(tested), 'comparison')} with {name}, the reference"
    return [f"{lead}: {_held(tested, titles)}."]


def _held(tested: list[Pair], titles: Titles) -> str:
    """Say which of the pairs tested differ out of fold."""
    results = [
        (pair, record_with(pair["results"], _WHERE, dataset="out_of_fold")) for pair in tested
    ]
    held = [(pair, result) for pair, result in results if result["holds"]]
    if not held:
        return "out of fold, none of the differences is significant"
    names = [
        f"{titles[pair['model']]} is {_side(result)} than {titles[pair['reference']]}"
        + (f" (over {len(pair['seeds'])} seeds)" if len(pair["seeds"]) > 1 else "")
        for pair, result in held
    ]
    number = "one difference is" if len(held) == 1 else "these differences are"
    return f"out of fold, {number} significant: {listing(names)}"


def _side(result: dict[str, Any]) -> str:
    return "better" if result["difference"] > 0 else "worse"


def _noise_answer(pairs: pd.DataFrame) -> list[str]:
    """Say how far trainings of one model lie apart."""
    twice = pairs[(pairs["noise_floor"] != "") & (pairs["dataset"] == "out_of_fold")]
    if twice.empty:
        return []
    largest = 100 * twice["difference"].abs().max()
    equal = int((twice["noise_floor"] == "equal predictions").sum())
    same = f" ({equal} with bitwise identical predictions)" if equal else ""
    lead = (
        f"Noise floor: {plural(len(twice), 'pair')} {'is' if len(twice) == 1 else 'are'} the same "
        f"model trained twice{same}."
    )
    if f"{largest:.1f}" == "0.0":
        return [f"{lead} Out of fold their AUCs are equal, which others need not be."]
    return [
        f"{lead} They differ by up to {largest:.1f} points of AUC out of fold. "
        "Between architectures, a difference of that size may be due to random variation in "
        "training, which no test of single trained models can detect."
    ]


def _planned(
    planned: list[tuple[dict[str, Any], Pair]], titles: Titles, settings: Settings, *, several: bool
) -> list[Block]:
    """Return the planned comparisons, and those that could not be tested."""
    averaged = " and averaged over the seeds that both have" if several else ""
    return [
        Heading("Planned comparisons"),
        Paragraph(
            "These comparisons are those of the projects that the architectures come from, some of "
            f"whose results were known; here they are {declared(settings)}. A pair is tested only "
            "within a recipe that both models share; otherwise learning rate, head and number of "
            "epochs would be confounded with the architecture. The difference in AUC is paired by "
            f"patient{averaged}; p values are adjusted for all planned comparisons that could be "
            "tested (Holm)."
        ),
        Table(
            "planned_comparisons",
            "Planned comparisons",
            [
                {"Question": contrast["title"]} | _tested(pair, titles)
                for contrast, pair in planned
                if pair["results"]
            ],
            narrow=True,
        ),
        *_not_testable(
            f"{contrast['title']} ({_compared(pair, titles)}): {pair['reason']}."
            for contrast, pair in planned
            if pair["status"] == "not_testable"
        ),
    ]


def _not_testable(sentences: Iterable[str]) -> list[Block]:
    found = tuple(sentences)
    return [Details(f"Not testable, and why ({len(found)})", (Points(found),))] if found else []


def _reference(reference: dict[str, Any] | None, titles: Titles, settings: Settings) -> list[Block]:
    """Return the comparisons with the reference; nothing without one."""
    if reference is None:
        return []
    rows = [
        _tested(pair, titles)
        | {
            f"{DATASET_TITLES[result['dataset']]}: adjusted p, DeLong": PValue(
                result["delong_p_holm"]
            )
            for result in pair["results"]
        }
        for pair in reference["pairs"]
        if pair["results"]
    ]
    name = titles.get(reference["model"], reference["model"])
    return [
        Heading(f"Comparison with {name}"),
        Paragraph(
            "The reference is the architecture that the configuration names in "
            "`evaluation.reference`. These comparisons count as planned only if it was named "
            f"before any result was known; they are {declared(settings)}. They are a family of "
            "their own: p values are adjusted for them alone (Holm), separately out of fold and on "
            "the test set."
        ),
        Table("reference_comparisons", f"Comparison with {name}", rows, narrow=True),
        *_not_testable(
            f"{_compared(pair, titles)}: {pair['reason']}."
            for pair in reference["pairs"]
            if pair["status"] == "not_testable"
        ),
    ]


def _tested(pair: Pair, titles: Titles) -> dict[str, Cell]:
    """Return the cells that all tables of planned comparisons have in common."""
    recipes = dict.fromkeys((pair["recipe"], pair["reference_recipe"]))
    cells: dict[str, Cell] = {
        "Comparison": _compared(pair, titles),
        "Recipe": " vs ".join(recipes),
        "Seeds": ", ".join(map(str, pair["seeds"])),
        "Result": _reading(pair),
    }
    for result in pair["results"]:
        name = DATASET_TITLES[result["dataset"]]
        cells[f"{name}: difference in AUC"] = Estimate.of(result, "difference")
        cells[f"{name}: adjusted p"] = PValue(result["p_holm"])
    return cells


def _reading(pair: Pair) -> str:
    if pair["noise_floor"]:
        return _NOISE
    out_of_fold, test = (
        _side(result) if result["holds"] else _NOT
        for result in (
            record_with(pair["results"], _WHERE, dataset=dataset) for dataset in DATASET_TITLES
        )
    )
    if out_of_fold == test:
        return _NOT if test == _NOT else f"{test} in both"
    return f"{out_of_fold} out of fold, {test} on the test set"


def _compared(pair: Pair, titles: Titles) -> str:
    return " vs ".join(titles.get(pair[key], pair[key]) for key in ("model", "reference"))


def _several_seeds(facts: dict[str, Any]) -> bool:
    return any(len(record["seeds"]) > 1 for record in facts["architectures"])


def _seeds(facts: dict[str, Any], titles: Titles) -> list[Block]:
    """Return the architectures with their seeds together; nothing where each has one seed."""
    if not _several_seeds(facts):
        return []
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for record in facts["architectures"]:
        name = DATASET_TITLES[record["dataset"]]
        row = rows.setdefault(
            (record["model"], record["recipe"]),
            {
                "Architecture": titles[record["model"]],
                "Recipe": record["recipe"],
                "Applies to": record["speaks_of"],
                "Seeds": len(record["seeds"]),
            },
        )
        row[f"{name} AUC"] = Estimate.of(record)
        row[f"{name}: SD over seeds"] = Number(record["spread"])
    note = (
        f"In brackets: {percent(facts['confidence'])} intervals for which patients and seeds are a "
        "sample. With two or three seeds they are wide, because so few seeds say little about "
        "another one. From three seeds on, a row applies to the architecture; with fewer, only to "
        "these trained models."
    )
    return [
        Heading("Seeds combined"),
        Table("seeds", "Architectures over all seeds", list(rows.values()), notes=(note,)),
    ]


def _every_pair(comparison: pd.DataFrame, pairs: pd.DataFrame) -> list[Block]:
    if pairs.empty:
        return []
    labels = dict(zip(comparison["run"], comparison["label"], strict=True))
    rows = [_pair(row, labels) for _, row in pairs.iterrows()]
    note = (
        "Verdict: within the margin, if two one-sided tests place the difference there (each at "
        "the level of the other tests, not adjusted for the number of pairs); different, if the "
        "adjusted permutation test distinguishes the runs; undecided, if neither, which is not "
        f"equal. Detectable: the true difference that one test shows with {percent(POWER)} power. "
        "Where ROC curves cross, the permutation test may react to their shapes at equal AUCs: "
        "then DeLong's test by patient, which compares the AUCs alone, is the one to read."
    )
    table = Table("all_pairs", "All pairs of runs", rows, notes=(note,))
    return [Details(f"All pairs of runs ({count(len(rows))} rows)", (table,))]


def _pair(row: pd.Series, labels: dict[Any, str]) -> dict[str, Cell]:
    return {
        "Ranks higher": labels[row["first"]],
        "Ranks lower": labels[row["second"]],
        "Images": DATASET_TITLES[row["dataset"]],
        "Difference in AUC": Estimate.of_row(row, "difference"),
        "Verdict": row["verdict"],
        "Detectable": Number(row["detectable"]),
        "ROC curves cross": "yes" if row["curves_cross"] else "no",
        **{title: PValue(row[f"{test}_p_holm"]) for test, title in TESTS.items()},
    }


def _method(facts: dict[str, Any]) -> str:
    exchanges = [
        f"{DATASET_TITLES[family['dataset']].lower()}: {count(family['permutations'])} permutations"
        for family in facts["families"]
        if family["family"] == "all pairs"
    ]
    drawn = f" ({', '.join(exchanges)})" if exchanges else ""
    return (
        "The primary test is a permutation test: it swaps all scores of whole patients between two "
        f"runs, each score as its rank within its own run{drawn}. Well-known tests are given for "
        "comparison: DeLong's by patient (Obuchowski) allows for several images of one; DeLong's "
        "and McNemar's (at the frozen thresholds) treat them as independent; and the corrected "
        "resampled t-test (Nadeau and Bengio) rests on few folds. All p values are adjusted for "
        "the number of pairs in their data set (Holm). In "
        f"brackets: {percent(facts['confidence'])} intervals, bootstrap over patients, not "
        "adjusted. Except in rows with several seeds, all statements are about these trained "
        "models."
    )
