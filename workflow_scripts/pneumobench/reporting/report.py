"""The report: one HTML file with everything in it, which opens from disk without a network."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pandas as pd

import pneumobench
from pneumobench.core.files import atomic_path, read_json
from pneumobench.reporting.baselines import BASELINE, majority_notes
from pneumobench.reporting.calibration_section import CalibrationInputs, calibration_section
from pneumobench.reporting.clinical import clinical_rows, patient_rows, subtype_rows
from pneumobench.reporting.differences_section import DifferencesInputs, differences_section
from pneumobench.reporting.ensembles import ENSEMBLE, ensemble_section
from pneumobench.reporting.explanation_section import ExplanationInputs, explanation_section
from pneumobench.reporting.external_section import external_section
from pneumobench.reporting.figure_file import read_figure
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.inflation_section import InflationInputs, inflation_section
from pneumobench.reporting.inputs import (
    DATASET_TITLES,
    complete_runs,
    read_comparison,
    read_metrics,
)
from pneumobench.reporting.looks import looks_section
from pneumobench.reporting.methods import (
    ORIGINS,
    environment_rows,
    flatten,
    read_runs,
    training_rows,
)
from pneumobench.reporting.mitigations import mitigations
from pneumobench.reporting.origin import patients_told, unknown_patients
from pneumobench.reporting.robustness_section import RobustnessInputs, robustness_section
from pneumobench.reporting.run_warnings import warnings_of
from pneumobench.reporting.shift_section import shift_section
from pneumobench.reporting.subtypes_section import subtypes_section
from pneumobench.reporting.summary import PHANTOM_NOTICE, summarise
from pneumobench.reporting.tables import INTERVAL_COLUMNS, all_rows, footnotes, reading_table
from pneumobench.reporting.views import view_notes, view_rows
from pneumobench.reporting.vocabulary import vocabulary_from
from pneumobench.reporting.wording import count, is_missing, percent

TEMPLATES = Path(__file__).with_name("templates")
# Longer lists stay in audit.json.
_LISTED_REJECTIONS = 200

# Sections in their order: the name of template and anchor, and the words that lead there. A
# template that comes out empty is left out; figures that no section shows stand under `figures`.
SECTIONS = {
    "answer": "Answer",
    "table": "Ranked table",
    "subtypes": "Subtypes",
    "views": "Test-time augmentation",
    "differences": "Which differences hold",
    "ensembles": "Runs combined",
    "clinical": "Clinical reading",
    "calibration": "Can it be believed",
    "shift": "Is the test set alike",
    "external": "Radiographs of another source",
    "robustness": "When radiographs get worse",
    "explanations": "What the networks look at",
    "inflation": "What bad practice adds",
    "figures": "Curves",
    "cost": "Cost",
    "data": "Data",
    "methods": "Methods",
    "looks": "Looks at the test set",
    "checklists": "Reporting guidelines",
    "origins": "Origins",
    "limits": "Limits",
}

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
        "squares: test set. Dashed line: out-of-fold AUC of the best baseline.",
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
    "calibration": (
        "Reliability curves",
        "What a probability says against the share of pneumonias found, before (hollow) and after "
        "(filled) calibration; numbers: mean distance between both.",
    ),
    "decision_curves": (
        "Decision curves",
        "Above: net benefit of treating by the calibrated probability; dotted: treat all, treat "
        "none. Below: what a run adds to the better of these two.",
    ),
    "worst_cases": (
        "Confidently wrong",
        "Out-of-fold images on the wrong side of the frozen threshold, the most confident mistake "
        "first. The network may be wrong, or the label.",
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
    "differences": (
        "All pairs of runs",
        "AUC of the run that ranks higher minus the other's, in points. Below the diagonal: out of "
        "fold; above: test set. The darker, the smaller the adjusted p; white: does not hold.",
    ),
    "critical_difference": (
        "What the ranking can tell apart",
        "Runs on a scale of their out-of-fold AUC. A bar joins runs of which no pair is distinguishable.",
    ),
    "shift": (
        "Development against test, class by class",
        "Where the scores lie, as distances from the frozen threshold: median, middle half and 5 "
        "to 95 %. Numbers: what the threshold gets right, out of fold and on the test set.",
    ),
    "external": (
        "Radiographs of another source",
        "AUC, sensitivity and specificity with intervals: out of fold, on the test set and on "
        "external radiographs, with networks and thresholds as they were frozen.",
    ),
    "robustness": (
        "Runs against corruptions",
        "Specificity and sensitivity on the images as they are and made worse; darker is lower. A "
        "frame marks the worst of a run.",
    ),
    "subtypes": (
        "Normal, bacterial, viral",
        "Above: which class the runs that rank first take for which. Below: AUC of each class, "
        "with intervals; dashed: a linear model of thumbnails; dotted: chance.",
    ),
    "inflation": (
        "What bad practice adds",
        "Left: the figure that bad practice reports, which is OPTIMISTIC, above the honest one. "
        "Right: the difference in points; grey where its interval includes 0.",
    ),
    "explanations": (
        "The same radiographs, all networks",
        "Maps laid over the first two images of each subtype, with the probability of pneumonia. A "
        "white line surrounds what lies above half of the map's peak.",
    ),
    "every_map": (
        "One radiograph, every map",
        "A class activation map is one opinion. Integrated gradients and occlusion need no layer "
        "of the network; gates and tokens show where signals pass.",
    ),
    "mean_maps": (
        "Mean maps",
        "Where maps of many images lie on average, by class and subtype. A network that looks at "
        "corners, borders or letters looks there in most radiographs.",
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
    differences: DifferencesInputs | None = None,
    calibration: CalibrationInputs | None = None,
    shift: str | Path | None = None,
    external: str | Path | None = None,
    robustness: RobustnessInputs | None = None,
    explanations: ExplanationInputs | None = None,
    inflation: InflationInputs | None = None,
    subtypes: str | Path | None = None,
    checklists: str | Path | None = None,
    looks: str | Path | None = None,
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
    differences
        What the section on differences is made of; None where nothing was tested.
    calibration
        What the section on probabilities is made of; None where nothing was assessed.
    shift
        shift.json; None where nothing was measured.
    external
        comparison/external.json; None where there are no external data.
    robustness
        What the section on radiographs made worse is made of; None where none were.
    explanations
        What the section on the networks' maps is made of; None where nothing was explained.
    inflation
        What the section on bad practice is made of; None where it was not measured.
    subtypes
        subtypes.json; None where subtypes are not told apart.
    checklists
        checklists.json, or None.
    looks
        The folder of the log of looks at the test set, or None.

    Raises
    ------
    UserError
        If a file is not what an earlier job wrote, or of another run or figure.
    """
    comparison, facts = read_comparison(comparison_csv), read_json(comparison_json)
    by_folder, runs = read_metrics(metrics), read_runs(run_jsons)
    findings = read_json(audit)
    of_maps = explanation_section(comparison, explanations)
    of_differences = differences_section(comparison, differences)
    phantoms = settings["data"]["source"] == "phantom"
    of_shift = shift_section(comparison, shift, phantoms)
    of_external = external_section(comparison, external)
    of_probabilities = calibration_section(comparison, calibration)
    of_corruptions = robustness_section(comparison, robustness)
    of_bad_practice = inflation_section(inflation)
    of_subtypes = subtypes_section(comparison, subtypes)
    of_looks = looks_section(looks, complete_runs(comparison)["run"])
    of_ensembles = ensemble_section(comparison, facts)
    parts = (
        of_differences,
        of_ensembles,
        of_probabilities,
        of_shift,
        of_external,
        of_corruptions,
        of_maps,
        of_bad_practice,
        of_subtypes,
        of_looks,
    )
    text = _render(
        title=title,
        experiment=experiment,
        version=pneumobench.__version__,
        notice=PHANTOM_NOTICE if phantoms else "",
        unknown_patients=unknown_patients(findings),
        patients_told=patients_told(findings),
        summary=summarise(comparison, facts),
        flow=read_flow(audit, splits),
        audit=findings,
        listed_rejections=_LISTED_REJECTIONS,
        figures={name: _figure(name, path) for name, path in figures.items()},
        ranked=_ranked(all_rows(comparison, facts)),
        footnotes=footnotes(facts),
        baselines=majority_notes(facts),
        views=_views(comparison, facts),
        confidence=facts["confidence"],
        datasets=facts["datasets"],
        dataset_titles=DATASET_TITLES,
        clinical={name: clinical_rows(comparison, by_folder, name) for name in DATASET_TITLES},
        patients=patient_rows(comparison, by_folder),
        subtypes={name: subtype_rows(comparison, by_folder, name) for name in DATASET_TITLES},
        settings=flatten(settings),
        environment=environment_rows(runs),
        training=training_rows(comparison, runs, read_json(selection)),
        threshold_rule=facts["threshold_rule"],
        folds=max(len(folds) for folds in runs.values()),
        origins=[
            *ORIGINS,
            *(row for part in parts for row in part["origins"]),
        ],
        differences=of_differences,
        ensembles=of_ensembles,
        calibration=of_probabilities,
        shift=of_shift,
        external=of_external,
        robustness=of_corruptions,
        mitigations=mitigations(comparison, robustness, settings),
        explanations=of_maps,
        inflation=of_bad_practice,
        subtypes_told=of_subtypes,
        looks=of_looks,
        checklists=read_json(checklists)["checklists"] if checklists else [],
        warnings=warnings_of(comparison, by_folder, runs),
    )
    with atomic_path(report) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _render(**content: Any) -> str:
    """Return the page: every section by its template, those that come out empty left out."""
    words = vocabulary_from(content["audit"].get("source", {}))
    in_page = words.spelt(lambda name: str(markupsafe.escape(name)))
    content["words"] = words
    environment = _environment()
    macros = environment.get_template("macros.html.j2").make_module(content)
    content |= {name: getattr(macros, name) for name in ("table", "pairs", "figure", "answer")}

    def section(name: str) -> str:
        return in_page.translate(environment.get_template(f"{name}.html.j2").render(content))

    texts = {name: section(name) for name in SECTIONS if name != "figures"}
    content["unplaced"] = [
        name
        for name in content["figures"]
        if not any(f'id="figure-{name}"' in text for text in texts.values())
    ]
    texts["figures"] = section("figures")
    content["sections"] = [
        {"name": name, "short": words.translate(short), "text": texts[name]}
        for name, short in SECTIONS.items()
        if texts[name].strip()
    ]
    content |= {
        name: words.translate(content[name]) for name in ("title", "notice", "unknown_patients")
    }
    # A browser runs and shows what has these hashes, whatever else might get into the page.
    for name in ("style.css", "script.js"):
        text = (TEMPLATES / name).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        content |= {name.partition(".")[0]: text, f"{name.partition('.')[0]}_hash": digest}
    return environment.get_template("report.html.j2").render(content)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"count": count, "percent": percent}
    return environment


def _figure(name: str, path: str | Path) -> dict[str, str]:
    title, caption = FIGURES.get(name, (name.replace("_", " ").capitalize(), ""))
    data = base64.b64encode(read_figure(path)).decode("ascii")
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
                "beside": row["status"] if row["status"] in (ENSEMBLE, BASELINE) else "",
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


def _views(comparison: pd.DataFrame, facts: dict[str, Any]) -> dict[str, Any]:
    rows = view_rows(comparison)
    return {"rows": rows, "notes": view_notes(facts) if rows else []}
