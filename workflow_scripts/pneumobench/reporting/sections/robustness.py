"""Robustness: how much of each run's performance is left on corrupted images."""

import re
from typing import Any

import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Estimate, record_with
from pneumobench.core.files import read_table
from pneumobench.core.run import Run
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import Judged, complete_runs, read_details
from pneumobench.reporting.measures import METRICS
from pneumobench.reporting.robustness import (
    AS_IT_IS,
    at_strength,
    read_robustness,
    strengths_of,
)
from pneumobench.reporting.section import Block, Details, FigureOf, Paragraph, Points, Section
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import (
    brackets,
    capital,
    listing,
    record_interval,
    row_interval,
    with_interval,
)
from pneumobench.reporting.words import Words
from pneumobench.statistics.robustness import WORST

ORIGINS = (
    ("Logits of corrupted images", "runs/.../fold*/corrupted.csv", "predict_corrupted"),
    ("Robustness", "runs/.../robustness.csv, robustness.json", "evaluate_robustness"),
    ("Differences of worst figures", "comparison/robustness.csv", "compare_robustness"),
)
# The criterion: the worst of this.
CRITERION = "specificity"
_Row = dict[str, Cell]


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where nothing was corrupted."""
    runs = read_robustness(files.comparison, files.all("robustness_tables"))
    if not runs:
        return None
    judged = read_details(files.comparison, files.all("robustness"))
    pairs = read_worst_pairs(files)
    strengths = strengths_of(runs[0][1])
    sentence = robustness_sentence(complete_runs(files.comparison), pairs)
    return Section(
        name="robustness",
        title="How robust are the models to image corruption?",
        short="Robustness",
        answer=(
            *([sentence] if sentence else []),
            *few_sentence(files.facts["datasets"], ("out_of_fold",), words),
        ),
        blocks=(
            Paragraph(
                "Performance on clean images does not predict failure on images of another day or "
                "device. The out-of-fold images were therefore corrupted in "
                f"{len(CORRUPTIONS)} ways, the same for every experiment, and shown to the fold's "
                "network that was not trained on them. The criterion is the worst specificity at "
                "thresholds found on other, uncorrupted images. Sensitivity is given beside it, "
                "because a network that calls every image negative keeps its specificity. No test "
                "image was used."
            ),
            Points(tuple(_reading(judged, strength, pairs) for strength in strengths)),
            FigureOf("robustness"),
            _overview(judged, strengths, pairs, files.facts["confidence"]),
            *_everything(runs, strengths),
        ),
        origins=ORIGINS,
    )


def robustness_sentence(rows: pd.DataFrame, pairs: pd.DataFrame | None) -> str:
    """Say what the strongest corruptions leave of the first in rank, and which runs keep more.

    Parameters
    ----------
    rows
        The complete runs of the comparison in order of rank. Without worst figures in it there is
        nothing to say.
    pairs
        From `read_worst_pairs`: what decides whether a run keeps more.
    """
    start = f"worst_{CRITERION}_strength_"
    strengths = [int(name[len(start) :]) for name in rows if re.fullmatch(f"{start}[0-9]+", name)]
    if not strengths:
        return ""
    best, strength = rows.iloc[0], max(strengths)
    kept = [_kept(best, metric, strength) for metric in WORST]
    text = (
        f"On corrupted out-of-fold images (strength {strength}), the top-ranked run keeps at worst "
        f"a {', and a '.join(kept)}."
    )
    learned = rows[rows["learned"].astype(bool) & (rows["run"] != best["run"])]
    more = [
        f"{row['label']} ({_figure(row, CRITERION, strength)})"
        for _, row in learned.iterrows()
        if pairs is not None and _keeps_more(pairs, strength, best["run"], row["run"])
    ]
    return f"{text} Shown to keep more {CRITERION}: {listing(more)}." if more else text


def _keeps_more(pairs: pd.DataFrame, strength: int, best: Run, run: Run) -> bool:
    difference, sure = worst_difference(pairs, strength, best, run)
    return sure and difference.value > 0


def _figure(row: pd.Series, metric: str, strength: int) -> str:
    return row_interval(row, f"worst_{metric}_strength_{strength}")


def _kept(row: pd.Series, metric: str, strength: int) -> str:
    name = f"{metric}_strength_{strength}"
    before, text = row[f"out_of_fold_{metric}"], f"{metric} of {_figure(row, metric, strength)}"
    if row[f"worst_{name}"] >= before:
        return f"{text}, no less than without corruption"
    return (
        f"{text} instead of {with_interval(before, None, None)} "
        f"({CORRUPTIONS[row[f'hardest_on_{name}']].title})"
    )


def _reading(judged: Judged, strength: int, pairs: pd.DataFrame) -> str:
    """Say which run holds best, by the criterion, and which are shown to hold less well."""
    held = _by_criterion(judged, strength)
    if not held:
        return (
            f"Strength {strength}: no run is shown to have learned, so none can be called robust."
        )
    (first, content), *others = held
    text = (
        f"Strength {strength}: {first['label']} has the highest worst specificity, "
        f"{_worst(content, strength, CRITERION)}; its worst sensitivity is "
        f"{_worst(content, strength, 'sensitivity')}; by out-of-fold AUC it is ranked "
        f"{first['rank']:.0f}."
    )
    if not others:
        return text
    close, lower = [], []
    for row, content in others:
        if worst_difference(pairs, strength, first["run"], row["run"])[1]:
            lower.append(f"{row['label']}, {_worst(content, strength, CRITERION)}")
        else:
            close.append(row["label"])
    if close:
        text += f" Not distinguishable from it: {listing(close)}."
    return f"{text} Shown to be lower: {'; '.join(lower)}." if lower else text


def _worst(content: dict[str, Any], strength: int, metric: str) -> str:
    found = _record(content, "worst", strength, metric)
    return f"{record_interval(found)} ({CORRUPTIONS[found['corruption']].title})"


def _by_criterion(judged: Judged, strength: int) -> Judged:
    """Return the runs that learned, the highest worst specificity first; equal ones by rank."""
    learned = [(row, content) for row, content in judged if row["learned"]]
    return sorted(
        learned, key=lambda pair: -_record(pair[1], "worst", strength, CRITERION)["value"]
    )


def _record(content: dict[str, Any], part: str, strength: int, metric: str) -> dict[str, Any]:
    return record_with(content[part], f"robustness.json: {part}", strength=strength, metric=metric)


def read_worst_pairs(files: ReportFiles) -> pd.DataFrame | None:
    """Read the pairs' differences of the criterion, with the runs as `first` and `second`.

    None where no images were corrupted.
    """
    path = files.one("robustness_pairs")
    if path is None:
        return None
    text = ("first_model", "first_recipe", "second_model", "second_recipe", "metric")
    table = read_table(path, text=text)
    for side in ("first", "second"):
        names = (table[f"{side}_{key}"] for key in ("model", "recipe", "seed"))
        table[side] = [
            Run(model, recipe, int(seed)) for model, recipe, seed in zip(*names, strict=True)
        ]
    return table[table["metric"] == CRITERION]


def worst_difference(
    pairs: pd.DataFrame, strength: int, best: Run, run: Run
) -> tuple[Estimate, bool]:
    """Return a run's worst specificity minus the best one's, and whether its interval excludes 0.

    Raises
    ------
    UserError
        If the pair is not there.
    """
    for _, row in pairs[pairs["strength"] == strength].iterrows():
        value, low, high = (row[f"difference{bound}"] for bound in ("", "_low", "_high"))
        if (row["first"], row["second"]) == (best, run):
            return Estimate(-value, -high, -low), bool(row["excludes_zero"])
        if (row["first"], row["second"]) == (run, best):
            return Estimate(value, low, high), bool(row["excludes_zero"])
    raise UserError(
        f"the difference between {best.title} and {run.title} is missing",
        where=f"comparison/robustness.csv, strength {strength}",
        expected="a row for every pair of runs",
        remedy="remove the file and run snakemake again: rule compare_robustness writes it",
    )


def _name(row: pd.Series, strength: int, strengths: list[int]) -> _Row:
    return {"Run": row["label"]} | ({"Strength": strength} if len(strengths) > 1 else {})


def _overview(
    judged: Judged, strengths: list[int], pairs: pd.DataFrame, confidence: float
) -> Table:
    return Table(
        "robustness",
        "Robustness to image corruption",
        [
            _name(row, strength, strengths) | cells
            for strength in strengths
            for (row, _), cells in zip(judged, _cells(judged, strength, pairs), strict=True)
        ],
        notes=(
            "Worst: the lowest figure under all corruptions of one strength. Where several are "
            "about equally bad, it is biased downwards. Its interval and those of differences of "
            "worst figures allow for the choice: they hold the true lowest figure at least as "
            "often as they say, whichever corruption causes it.",
            "Mean AUC: over all corruptions, for each the mean of the folds. Thresholds are "
            "cross-fitted: found on other images of the fold, uncorrupted.",
            brackets(confidence, "; differences between runs are paired by patient")
            + " Nothing is adjusted for the number of runs.",
        ),
        narrow=True,
    )


def _cells(judged: Judged, strength: int, pairs: pd.DataFrame) -> list[_Row]:
    """Return the cells of every run at one strength."""
    held = _by_criterion(judged, strength)
    best = held[0][0]["run"] if held else None
    rows = []
    for row, content in judged:
        worst = {metric: _record(content, "worst", strength, metric) for metric in WORST}
        cells: _Row = {
            f"Hardest on {metric}": CORRUPTIONS[found["corruption"]].title
            for metric, found in worst.items()
        }
        for metric in WORST:
            cells[capital(metric)] = Estimate.of(content["uncorrupted"][metric])
            cells[f"Worst {metric}"] = Estimate.of(worst[metric])
        apart = None
        if best not in (None, row["run"]):
            apart, _ = worst_difference(pairs, strength, best, row["run"])
        cells["Worst specificity minus the highest"] = apart
        cells["Mean AUC"] = Estimate.of(_record(content, "mean", strength, "roc_auc"))
        rows.append(cells)
    return rows


def _everything(
    runs: list[tuple[pd.Series, pd.DataFrame]], strengths: list[int]
) -> tuple[Block, ...]:
    every = Table(
        "robustness_by_corruption",
        "Every run under every corruption",
        [
            _name(row, strength, strengths) | cells
            for strength in strengths
            for row, table in runs
            for cells in _under_each(table, strength)
        ],
        notes=(
            "AUC: mean of the folds. Difference: to the uncorrupted images, paired by patient; the "
            "differences of the other metrics are in robustness.csv.",
        ),
    )
    done = Table(
        "corruptions",
        "Corruptions",
        [
            {"Corruption": kind.title, "What is done": kind.done, "Stands for": kind.stands_for}
            | {f"Strength {strength}": kind.amounts[strength - 1] for strength in strengths}
            for kind in CORRUPTIONS.values()
        ],
        notes=(
            "Where a recipe preprocesses images (equalises grey values, masks borders or "
            "everything but the lungs), it does so after the corruption, as it would with real "
            "images of this kind.",
        ),
    )
    return (
        Details(f"Every run under every corruption ({len(every.rows)} rows)", (every,)),
        Details("How the images were corrupted", (done,)),
    )


def _under_each(table: pd.DataFrame, strength: int) -> list[_Row]:
    rows = []
    for title, row in at_strength(table, strength).iterrows():
        cells: _Row = {"Corruption": title}
        cells |= {name: Estimate.of_row(row, metric) for metric, name in METRICS.items()}
        cells["Difference of the specificity"] = (
            None if title == AS_IT_IS else Estimate.of_row(row, "specificity_difference")
        )
        rows.append(cells)
    return rows
