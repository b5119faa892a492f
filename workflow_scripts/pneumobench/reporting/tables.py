"""The comparison for reading: CSV, Markdown and LaTeX."""

from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import atomic_path, read_json, write_table
from pneumobench.reporting.baselines import (
    BASELINE,
    NO_NETWORK,
    NOT_ABOVE,
    baseline_notes,
    with_baselines,
)
from pneumobench.reporting.ensembles import ENSEMBLE, ensemble_notes, with_ensembles
from pneumobench.reporting.inputs import DATASET_TITLES, read_comparison
from pneumobench.reporting.measures import INTERVAL_COLUMNS
from pneumobench.reporting.table import Cell, Millions, Seconds, Table
from pneumobench.reporting.views import view_columns, view_table
from pneumobench.reporting.wording import count, interval_note, is_missing, percent
from pneumobench.reporting.words import Words
from pneumobench.reporting.writers.latex import latex_table
from pneumobench.reporting.writers.markdown import markdown_table
from pneumobench.statistics.comparison import NOT_LEARNED

# What the ranking does not follow; the page has no room for it beside the AUCs.
_ASIDE = ("Out-of-fold accuracy", "Test accuracy", "Parameters (M)", "Training time")
NOT_DISTINGUISHABLE = "not distinguishable from the best"


def make_tables(
    comparison_csv: str | Path,
    comparison_json: str | Path,
    csv: str | Path,
    markdown: str | Path,
    latex: str | Path,
    *,
    words: Words,
) -> None:
    """Write the comparison of all runs for reading; below them stand ensembles and baselines.

    With test-time augmentation a second table has plain and averaged predictions side by side.

    Parameters
    ----------
    comparison_csv, comparison_json
        The comparison.
    csv
        Numbers rounded to three decimals, the bounds of intervals in columns of their own.
    markdown
        A table whose cells hold a number with its interval.
    latex
        The same for LaTeX; needs the packages booktabs and graphicx.
    words
        What the classes are called.
    """
    comparison = read_comparison(comparison_csv)
    facts = read_json(comparison_json)
    write_table(csv, _number_table(all_rows(comparison, facts)))
    tables = [comparison_table(comparison, facts, words)]
    if views := view_table(comparison, facts):
        tables.append(views)
    for path, write in ((markdown, markdown_table), (latex, latex_table)):
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join(map(write, tables)), encoding="utf-8")


def all_rows(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with the ensembles and the baselines below the runs."""
    return with_baselines(with_ensembles(comparison, facts), facts)


def comparison_table(comparison: pd.DataFrame, facts: dict[str, Any], words: Words) -> Table:
    """Return the ranked table, one row a run, ensemble or baseline.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    words
        What the classes are called.
    """
    rows, styles = [], []
    for _, row in all_rows(comparison, facts).iterrows():
        cells: dict[str, Cell] = {
            "Rank": None if is_missing(row["rank"]) else int(row["rank"]),
            "Run": row["label"],
        }
        cells |= {title: Estimate.of_row(row, name) for name, title in INTERVAL_COLUMNS.items()}
        cells |= {
            "Rank interval": rank_interval(row),
            "Parameters (M)": Millions(row["parameters"]),
            "Training time": Seconds(row["train_seconds"]),
            "Note": run_note(row),
        }
        rows.append(cells)
        best = row["status"] == "complete" and bool(row["best"])
        beside = row["status"] if row["status"] in (ENSEMBLE, BASELINE) else ""
        styles.append("best" if best else beside)
    return Table(
        "comparison",
        "All runs",
        rows,
        notes=tuple(footnotes(facts, words)),
        narrow=True,
        styles=tuple(styles),
        aside=_ASIDE,
    )


def rank_interval(row: pd.Series) -> str | None:
    """Return between which ranks a run lies, as `1 to 3`; None where it has no rank."""
    if is_missing(row["rank"]):
        return None
    low, high = int(row["rank_low"]), int(row["rank_high"])
    return str(low) if low == high else f"{low} to {high}"


def run_note(row: pd.Series) -> str:
    """Return what a reader must know: best, not distinguishable, did not learn, missing..."""
    if row["status"] == BASELINE:
        return NO_NETWORK
    if row["status"] == ENSEMBLE:
        return row["note"]
    if row["status"] != "complete":
        return f"missing: {row['note']}" if row["note"] else "missing"
    if not row["learned"]:
        notes = [NOT_LEARNED]
    elif row["best"]:
        notes = ["best"]
    else:
        notes = [NOT_DISTINGUISHABLE] if row["distinguishable_from_best"] is False else []
    return "; ".join(notes + ([NOT_ABOVE] if row["beats_baselines"] is False else []))


def footnotes(facts: dict[str, Any], words: Words) -> list[str]:
    """Return the sentences below the table: n, intervals, threshold, meaning of the notes."""
    datasets = [
        f"{DATASET_TITLES[name]}: n = {count(part['n'])} images of {count(part['patients'])} "
        f"patients, {count(part['events'])} with {words.positive}."
        for name, part in facts["datasets"].items()
    ]
    return [
        *datasets,
        interval_note(facts),
        "Out-of-fold AUC: mean of the folds; runs are ranked by it. Test: mean prediction of the "
        "fold models.",
        "Rank interval: behind the runs that are shown to be better, before those that are shown "
        f"to be worse ({percent(facts['confidence'])}, bootstrap over patients), for these trained "
        "models; another training may change the order more.",
        f"Accuracy, sensitivity and specificity at the out-of-fold threshold (rule "
        f"{facts['threshold_rule']}).",
        f"{NOT_DISTINGUISHABLE.capitalize()}: the permutation test of patients' scores, adjusted "
        "for the number of pairs of runs, finds no significant difference out-of-fold at a level "
        f"of {percent(1 - facts['confidence'])}. Intervals are not adjusted.",
        "Not shown to have learned: the interval of the out-of-fold AUC does not lie above 0.5.",
        *ensemble_notes(facts),
        *baseline_notes(),
    ]


def _number_table(comparison: pd.DataFrame) -> pd.DataFrame:
    whole = ["rank", "rank_low", "rank_high", "seed"]
    table = comparison[[*whole[:3], "model", "title", "recipe", "seed", "status"]].copy()
    table[whole] = table[whole].astype("Int64")
    table["note"] = [run_note(row) for _, row in comparison.iterrows()]
    table["parameters_millions"] = (comparison["parameters"] / 1e6).round(3)
    table["train_seconds"] = comparison["train_seconds"].round(1)
    for name in (*INTERVAL_COLUMNS, *view_columns(comparison)):
        for bound in ("", "_low", "_high"):
            table[f"{name}{bound}"] = comparison[f"{name}{bound}"].round(3)
    return table
