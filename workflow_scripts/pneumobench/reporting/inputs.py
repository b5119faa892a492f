"""What tables, figures and the report read, in the form in which they need it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.reporting.plain_text import LONGEST_LABEL, shown

Made = TypeVar("Made")

DATASET_TITLES = {"out_of_fold": "Out-of-fold", "test": "Test set"}
# Under which aggregate the decisions of a run are counted, by data set.
DECISION_AGGREGATE = {"out_of_fold": "pooled", "test": "mean_prediction"}

_TEXT_COLUMNS = ("model", "title", "family", "recipe", "status", "note", "best_baseline")
_FLAG_COLUMNS = (
    *("learned", "best", "may_be_best", "distinguishable_from_best", "beats_baselines"),
)


def optional(kind: Callable[..., Made], *files: Any, **others: Any) -> Made | None:
    """Return `kind` made of these files, or None where an experiment has none of them."""
    return kind(*files, **others) if files and all(files) else None


def read_comparison(path: str | Path) -> pd.DataFrame:
    """Read comparison.csv, with a `run` and a `label` column added.

    Returns
    -------
    pandas.DataFrame
        In order of rank, missing runs last. `run`: the `Run`. `label`: the architecture's title;
        the recipe and the seed follow where the table holds more than one of them. Flags
        (`learned`, `best`, `distinguishable_from_best`, `beats_baselines`) are True, False, or None
        where they do not apply.
    """
    table = read_table(path, text=_TEXT_COLUMNS)
    for column in _FLAG_COLUMNS:
        values = table[column] if column in table else pd.Series(index=table.index, dtype=object)
        table[column] = values.map({True: True, False: False, "True": True, "False": False}).astype(
            object
        )
        table[column] = table[column].where(table[column].notna(), None)
    table["run"] = [
        Run(model, recipe, int(seed))
        for model, recipe, seed in zip(table["model"], table["recipe"], table["seed"], strict=True)
    ]
    table["label"] = _labels(table)
    # A stable sort: missing runs have no rank and keep their order at the end.
    return table.sort_values("rank", kind="stable", na_position="last", ignore_index=True)


def drawn_comparison(path: str | Path) -> pd.DataFrame:
    """Read comparison.csv as `read_comparison` does, with labels that a figure has room for."""
    table = read_comparison(path)
    short = table["label"].map(lambda label: shown(label.replace("\n", " "), LONGEST_LABEL))
    table["label"] = [
        label if short.tolist().count(label) == 1 else f"{label} [{row}]"
        for row, label in enumerate(short, start=1)
    ]
    return table


def complete_runs(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of complete runs, in order of rank."""
    return comparison[comparison["status"] == "complete"].reset_index(drop=True)


def chosen_runs(comparison: pd.DataFrame, folders: Sequence[str]) -> pd.DataFrame:
    """Return the rows of these runs, in this order.

    Raises
    ------
    UserError
        If none of them is complete.
    """
    rows = {run.folder: row for row, run in enumerate(comparison["run"])}
    chosen = comparison.iloc[[rows[folder] for folder in folders]].reset_index(drop=True)
    if complete_runs(chosen).empty:
        raise UserError(
            "none of the runs that figures are to show is complete",
            where=f"figures.runs: {', '.join(folders)}",
            expected="at least one run whose folds are all trained",
            remedy="train them, or name other runs in figures.runs",
        )
    return chosen


def missing_runs(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of missing runs."""
    return comparison[comparison["status"] != "complete"].reset_index(drop=True)


def files_by_run(paths: Iterable[str | Path], depth: int) -> dict[str, list[Path]]:
    """Return the paths by their run's folder `slug/recipe/seed`.

    Parameters
    ----------
    paths
        Files below runs/{slug}/{recipe}/seed{seed}/.
    depth
        1 for files of a run (scores.csv), 2 for files of a fold (fold0/history.csv).
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(map(Path, paths)):
        parts = path.parts[-3 - depth : -depth]
        if len(parts) != 3 or not parts[2].startswith("seed"):
            raise UserError(
                "the file does not lie in a run's folder",
                where=str(path),
                expected="runs/{model}/{recipe}/seed{seed}/...",
                remedy="pass the files that the pipeline wrote",
            )
        found.setdefault("/".join(parts), []).append(path)
    return found


def paths_in_order(
    comparison: pd.DataFrame, found: dict[str, list[Path]]
) -> list[tuple[pd.Series, list[Path]]]:
    """Return (row, files) of every complete run that has files, in order of rank."""
    rows = complete_runs(comparison)
    return [
        (row, found[row["run"].folder]) for _, row in rows.iterrows() if row["run"].folder in found
    ]


Judged = list[tuple[pd.Series, dict[str, Any]]]
"""In order of rank each run's row of the comparison and what one of its JSON files says of it."""


def read_details(comparison: pd.DataFrame, paths: Iterable[str | Path]) -> Judged:
    """Read one JSON file of every run; the paths lie in .../{model}/{recipe}/seed{seed}/."""
    return [
        (row, read_json(path))
        for row, (path,) in paths_in_order(comparison, files_by_run(paths, depth=1))
    ]


def read_metrics(paths: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """Read metrics.json files, by their run's folder."""
    contents = map(read_owned_json, map(Path, paths))
    return {
        Run(content["model"], content["recipe"], int(content["seed"])).folder: content
        for content in contents
    }


def confusion_counts(metrics: dict[str, Any], dataset: str) -> dict[str, int]:
    """Return the four counts of a run at the out-of-fold threshold.

    Out-of-fold decisions are counted over all folds together (`pooled`), test decisions are those
    of the mean prediction.
    """
    for entry in metrics["confusion"]:
        if (
            entry["dataset"] == dataset
            and entry["aggregate"] == DECISION_AGGREGATE[dataset]
            and entry["threshold"] == "out_of_fold"
        ):
            names = ("true_negative", "false_positive", "false_negative", "true_positive")
            return {name: int(entry[name]) for name in names}
    raise UserError(
        f"no {dataset} counts at the out-of-fold threshold",
        where=f"metrics.json of {metrics['model']} ({metrics['recipe']}, seed {metrics['seed']})",
        expected=f"an entry of `confusion` with aggregate {DECISION_AGGREGATE[dataset]}",
        remedy="remove the file and run snakemake again",
    )


def _labels(table: pd.DataFrame) -> list[str]:
    several_recipes = table["recipe"].nunique() > 1
    several_seeds = table["seed"].nunique() > 1
    labels = []
    for _, row in table.iterrows():
        details = [row["recipe"]] * several_recipes + [f"seed {row['seed']}"] * several_seeds
        title = row["title"] or row["model"]
        labels.append(f"{title} ({', '.join(details)})" if details else title)
    return [
        label if labels.count(label) == 1 else f"{label} [{model}]"
        for label, model in zip(labels, table["model"], strict=True)
    ]


def missing_notes(comparison: pd.DataFrame) -> list[str]:
    """Return one line for each missing run, for the foot of a figure or table."""
    return [
        f"Missing: {row['label']}" + (f" ({row['note']})" if row["note"] else "")
        for _, row in missing_runs(comparison).iterrows()
    ]
