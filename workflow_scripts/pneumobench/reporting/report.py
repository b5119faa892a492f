"""The report: one HTML file with everything in it, which opens from disk without a network."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

import pneumobench
from pneumobench.core.files import atomic_path, read_json
from pneumobench.reporting.clinical import clinical_rows, predictive_values, subtype_rows
from pneumobench.reporting.explanation_section import ExplanationInputs, explanation_section
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.inputs import (
    DATASET_TITLES,
    complete_runs,
    read_comparison,
    read_metrics,
)
from pneumobench.reporting.methods import (
    ORIGINS,
    environment_rows,
    flatten,
    read_runs,
    training_rows,
)
from pneumobench.reporting.summary import PHANTOM_NOTICE, summarise
from pneumobench.reporting.tables import INTERVAL_COLUMNS, footnotes, reading_table
from pneumobench.reporting.views import view_notes, view_rows
from pneumobench.reporting.wording import count, is_missing, percent, with_interval

TEMPLATES = Path(__file__).with_name("templates")
# Longer lists stay in audit.json.
_LISTED_REJECTIONS = 200

# Title and caption of the figures that the report knows; others are shown under their file name.
FIGURES = {
    "data_flow": (
        "From files to folds",
        "Files found, set aside and accepted; images and groups of patients in every fold and in "
        "the test set.",
    ),
    "ranking": (
        "Ranking",
        "AUC with intervals. Filled circles: out-of-fold, by which runs are ranked; hollow "
        "squares: test set.",
    ),
    "roc": (
        "ROC curves",
        "Left: mean of the fold curves; right: mean prediction on the test set. Markers: decisions "
        "at the out-of-fold threshold.",
    ),
    "precision_recall": (
        "Precision-recall curves",
        "The area under the steps is the average precision (AP). Dotted: the share of pneumonias.",
    ),
    "confusion": (
        "Confusion matrices",
        "Numbers of images and shares of each row at the out-of-fold threshold.",
    ),
    "training_curves": (
        "Training curves",
        "Loss, accuracy and held-out AUC over the epochs. Thin lines: folds; thick: their mean.",
    ),
    "cost": (
        "Parameters, training time and accuracy",
        "Out-of-fold AUC against the number of parameters and the training time of all folds. Runs "
        "that did not learn are not drawn.",
    ),
    "explanations": (
        "The same films, all networks",
        "Maps laid over the first two films of each subtype, with the probability of pneumonia. A "
        "white line surrounds what lies above half of the map's peak.",
    ),
    "every_map": (
        "One film, every map",
        "A class activation map is one opinion. Integrated gradients and occlusion need no layer "
        "of the network; gates and tokens show where signals pass.",
    ),
    "mean_maps": (
        "Mean maps",
        "Where maps of many films lie on average, by class and subtype. A network that looks at "
        "corners, borders or letters looks there in most films.",
    ),
    "randomisation": (
        "Maps of networks that forget",
        "Likeness with the trained network's maps while more and more of its stages, from the "
        "logits down, have random weights. It should fall: what stays is not what was learnt.",
    ),
}


def render_report(
    comparison_csv: str | Path,
    comparison_json: str | Path,
    audit: str | Path,
    splits: str | Path,
    metrics: Iterable[str | Path],
    run_jsons: Iterable[str | Path],
    figures: Mapping[str, str | Path],
    selection: str | Path,
    report: str | Path,
    *,
    title: str,
    experiment: str,
    settings: dict[str, Any],
    explanations: ExplanationInputs | None = None,
) -> None:
    """Write the report.

    Parameters
    ----------
    comparison_csv, comparison_json
        The comparison of all runs.
    audit, splits
        audit.json and splits.csv.
    metrics
        metrics.json of every complete run.
    run_jsons
        run.json of every fold of every complete run.
    figures
        PNG files by name (`roc`, `cost`, ...); all of them are embedded.
    selection
        selection.json.
    report
        The HTML file to write.
    title, experiment
        Title of the report and name of the experiment.
    settings
        The part of the configuration that the methods section states; `settings["data"]["source"]`
        says whether the images are phantoms.
    explanations
        What the section on the networks' maps is made of; None where nothing was explained.
    """
    comparison, facts = read_comparison(comparison_csv), read_json(comparison_json)
    by_folder, runs = read_metrics(metrics), read_runs(run_jsons)
    section = explanation_section(comparison, explanations)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"count": count, "percent": percent}
    text = environment.get_template("report.html.j2").render(
        title=title,
        experiment=experiment,
        version=pneumobench.__version__,
        notice=PHANTOM_NOTICE if settings["data"]["source"] == "phantom" else "",
        summary=summarise(comparison, facts),
        flow=read_flow(audit, splits),
        audit=read_json(audit),
        listed_rejections=_LISTED_REJECTIONS,
        figures={name: _figure(name, path) for name, path in figures.items()},
        ranked=_ranked(comparison),
        footnotes=footnotes(facts),
        floors=_floors(facts),
        views=_views(comparison, facts),
        categories=[_category(entry) for entry in facts["categories"]],
        confidence=facts["confidence"],
        datasets=facts["datasets"],
        dataset_titles=DATASET_TITLES,
        clinical={name: clinical_rows(comparison, by_folder, name) for name in DATASET_TITLES},
        subtypes={name: subtype_rows(comparison, by_folder, name) for name in DATASET_TITLES},
        predictive=_predictive(comparison),
        settings=flatten(settings),
        environment=environment_rows(runs),
        training=training_rows(comparison, runs, read_json(selection)),
        threshold_rule=facts["threshold_rule"],
        folds=max(len(folds) for folds in runs.values()),
        origins=(*ORIGINS, *section["origins"]),
        explanations=section,
    )
    with atomic_path(report) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _figure(name: str, path: str | Path) -> dict[str, str]:
    title, caption = FIGURES.get(name, (name.replace("_", " ").capitalize(), ""))
    data = base64.b64encode(Path(path).read_bytes()).decode("ascii")
    return {"title": title, "caption": caption, "source": f"data:image/png;base64,{data}"}


def _ranked(comparison: pd.DataFrame) -> dict[str, Any]:
    """Return the ranked table: columns, and for each cell its text and the number to sort by."""
    cells = reading_table(comparison)
    keys = {
        "Rank": "rank",
        "Parameters (M)": "parameters",
        "Training time": "train_seconds",
        **{title: name for name, title in INTERVAL_COLUMNS.items()},
    }
    rows = []
    for (_, row), (_, texts) in zip(comparison.iterrows(), cells.iterrows(), strict=True):
        numbers = {title: row[name] for title, name in keys.items()}
        rows.append(
            {
                "best": row["status"] == "complete" and bool(row["best"]),
                "cells": [
                    {
                        "text": text,
                        "key": "" if is_missing(numbers.get(column)) else numbers[column],
                        "number": column in keys,
                    }
                    for column, text in texts.items()
                ],
            }
        )
    return {"columns": list(cells.columns), "rows": rows}


def _floors(facts: dict[str, Any]) -> list[str]:
    return [
        f"{DATASET_TITLES[name]}: calling every image {floor['class']} is right in "
        f"{with_interval(floor['majority_accuracy'], floor['low'], floor['high'])} of the images."
        for name, floor in facts["floors"].items()
    ]


def _views(comparison: pd.DataFrame, facts: dict[str, Any]) -> dict[str, Any]:
    rows = view_rows(comparison)
    return {"rows": rows, "notes": view_notes(facts) if rows else []}


def _category(entry: dict[str, Any]) -> dict[str, Any]:
    differences = [
        {
            "Compared": f"{pair['model']} against {pair['reference']}",
            "Recipe": pair["recipe"],
            "Seeds": ", ".join(map(str, pair["seeds"])),
            "Difference of the AUC": with_interval(pair["difference"], pair["low"], pair["high"]),
            "Reading": _reading(pair),
        }
        for pair in entry["differences"]
    ]
    rows = [
        {
            "Model": row["model"],
            "Recipe": row["recipe"],
            "Seed": str(row["seed"]),
            "Weights": "pretrained" if row["pretrained"] else "from scratch",
            "Out-of-fold AUC": with_interval(row["out_of_fold_roc_auc"], None, None),
        }
        for row in entry["rows"]
    ]
    noise_floor = any(pair["noise_floor"] for pair in entry["differences"])
    return entry | {"differences": differences, "rows": rows, "noise_floor": noise_floor}


def _reading(pair: dict[str, Any]) -> str:
    if pair["noise_floor"]:
        return "one architecture twice: what chance does"
    if not pair["excludes_zero"]:
        return "cannot be told apart"
    return f"{pair['model']} is {'better' if pair['difference'] > 0 else 'worse'}"


def _predictive(comparison: pd.DataFrame) -> dict[str, Any]:
    best = complete_runs(comparison).iloc[0]
    sensitivity, specificity = best["test_sensitivity"], best["test_specificity"]
    return {
        "label": best["label"],
        "sensitivity": f"{sensitivity:.3f}",
        "specificity": f"{specificity:.3f}",
        "rows": predictive_values(sensitivity, specificity),
    }
