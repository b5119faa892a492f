"""The comparison for reading: CSV, Markdown and LaTeX."""

from pathlib import Path
from typing import Any

import pandas as pd

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
from pneumobench.reporting.typeset import (
    escape_latex,
    escape_markdown,
    latex_rows,
    markdown_table,
)
from pneumobench.reporting.views import view_columns, view_notes, view_rows
from pneumobench.reporting.vocabulary import in_words
from pneumobench.reporting.wording import (
    EMPTY,
    count,
    duration,
    interval_note,
    is_missing,
    millions,
    percent,
    with_interval,
)

# Column of comparison.csv, its title for people.
INTERVAL_COLUMNS = {
    "out_of_fold_roc_auc": "Out-of-fold AUC",
    "out_of_fold_accuracy": "Out-of-fold accuracy",
    "test_roc_auc": "Test AUC",
    "test_accuracy": "Test accuracy",
    "test_sensitivity": "Test sensitivity",
    "test_specificity": "Test specificity",
}
_TEXT_COLUMNS = ("Run", "Note")
NOT_DISTINGUISHABLE = "not distinguishable from the best"


def make_tables(
    comparison_csv: str | Path,
    comparison_json: str | Path,
    csv: str | Path,
    markdown: str | Path,
    latex: str | Path,
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
    """
    comparison = read_comparison(comparison_csv)
    facts = read_json(comparison_json)
    rows = all_rows(comparison, facts)
    write_table(csv, _number_table(rows))
    tables = [(reading_table(rows), footnotes(facts), "tab:comparison")]
    if views := view_rows(comparison):
        tables.append((pd.DataFrame(views), view_notes(facts), "tab:views"))
    for path, write, spell in (
        (markdown, _markdown, escape_markdown),
        (latex, _latex, escape_latex),
    ):
        with atomic_path(path) as temporary:
            texts = [write(cells, notes, label) for cells, notes, label in tables]
            temporary.write_text(in_words("\n".join(texts), spell), encoding="utf-8")


def all_rows(comparison: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison with the ensembles and the baselines below the runs.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    """
    return with_baselines(with_ensembles(comparison, facts), facts)


def reading_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the table as text, one row a run, ensemble or baseline, an interval in its cell."""
    rows = []
    for _, row in comparison.iterrows():
        cells = {
            "Rank": EMPTY if is_missing(row["rank"]) else f"{row['rank']:.0f}",
            "Run": row["label"],
            "Parameters (M)": millions(row["parameters"]),
            "Training time": duration(row["train_seconds"]),
        }
        for name, title in INTERVAL_COLUMNS.items():
            cells[title] = with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
        rows.append(cells | {"Note": run_note(row)})
    return pd.DataFrame(rows)


def run_note(row: pd.Series) -> str:
    """Return what a reader must know: best, not distinguishable, did not learn, missing, no network..."""
    if row["status"] == BASELINE:
        return NO_NETWORK
    if row["status"] == ENSEMBLE:
        return row["note"]
    if row["status"] != "complete":
        return f"missing: {row['note']}" if row["note"] else "missing"
    if not row["learned"]:
        notes = ["did not learn"]
    elif row["best"]:
        notes = ["best"]
    else:
        notes = [NOT_DISTINGUISHABLE] if row["distinguishable_from_best"] is False else []
    return "; ".join(notes + ([NOT_ABOVE] if row["beats_baselines"] is False else []))


def footnotes(facts: dict[str, Any]) -> list[str]:
    """Return the sentences below the table: n, intervals, threshold, meaning of the notes."""
    datasets = [
        f"{DATASET_TITLES[name]}: n = {count(part['n'])} images of {count(part['patients'])} "
        f"patients, {count(part['events'])} with pneumonia."
        for name, part in facts["datasets"].items()
    ]
    return [
        *datasets,
        interval_note(facts),
        "Out-of-fold AUC: mean of the folds; runs are ranked by it. Test: mean prediction of the "
        "fold models.",
        f"Accuracy, sensitivity and specificity at the out-of-fold threshold (rule "
        f"{facts['threshold_rule']}).",
        f"{NOT_DISTINGUISHABLE.capitalize()}: the permutation test of patients' scores, adjusted for the "
        f"number of pairs of runs, does not tell both apart out of fold at a level of "
        f"{percent(1 - facts['confidence'])}. Intervals are not adjusted.",
        "Did not learn: the interval of the out-of-fold AUC does not lie above 0.5.",
        *ensemble_notes(facts),
        *baseline_notes(),
    ]


def _number_table(comparison: pd.DataFrame) -> pd.DataFrame:
    table = comparison[["rank", "model", "title", "recipe", "seed", "status"]].copy()
    table[["rank", "seed"]] = table[["rank", "seed"]].astype("Int64")
    table["note"] = [run_note(row) for _, row in comparison.iterrows()]
    table["parameters_millions"] = (comparison["parameters"] / 1e6).round(3)
    table["train_seconds"] = comparison["train_seconds"].round(1)
    for name in (*INTERVAL_COLUMNS, *view_columns(comparison)):
        for bound in ("", "_low", "_high"):
            table[f"{name}{bound}"] = comparison[f"{name}{bound}"].round(3)
    return table


def _markdown(cells: pd.DataFrame, notes: list[str], _label: str) -> str:
    table = markdown_table(cells.columns, cells.itertuples(index=False), _text_columns(cells))
    return "\n".join([table, *(f"- {escape_markdown(note)}" for note in notes), ""])


def _latex(cells: pd.DataFrame, notes: list[str], label: str) -> str:
    alignment = ["l" if is_text else "r" for is_text in _text_columns(cells)]
    body = latex_rows(cells.columns, cells.itertuples(index=False), alignment)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,graphicx}",
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(' '.join(notes))}}}",
            rf"\label{{{label}}}",
            r"\resizebox{\textwidth}{!}{%",
            body + "}",
            r"\end{table*}",
            "",
        ]
    )


def _text_columns(cells: pd.DataFrame) -> list[bool]:
    return [column in _TEXT_COLUMNS for column in cells.columns]
