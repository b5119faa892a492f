"""Curves, figures and tables, on the files that the statistics really write."""

import numpy as np
import pytest
from figure_inputs import plot
from statistics_cases import make_experiment

from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run
from pneumobench.reporting.curves import precision_recall_curve, roc_curve
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.sections.answer import summarise
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("real"))
    runs = [Run("alexnet", "light", 1), Run("timm:vgg", "light", 1)]
    for seed, (run, signal) in enumerate(zip(runs, (2.0, 1.0), strict=True)):
        experiment.add_run(run, signal, seed)
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    missing = [{"model": "vgg16", "recipe": "light", "seed": 1, "note": "fold 2 failed"}]
    table, content = experiment.compare(runs, missing)
    return experiment, runs, table, content


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
def test_areas_under_the_curves_are_those_of_the_table(real, dataset):
    experiment, runs, table, _ = real
    rows = read_comparison(table).set_index("model")
    for run in runs:
        path = experiment.folder(run) / "scores.csv"
        scores = read_table(path, text=("image_id", "patient", "label", "subtype"))
        roc = roc_curve(scores, dataset)
        assert np.trapezoid(roc.y, roc.x) == pytest.approx(
            rows.loc[run.model, f"{dataset}_roc_auc"], abs=1e-9
        )
        steps = precision_recall_curve(scores, dataset)
        assert np.sum(np.diff(steps.x) * steps.y[1:]) == pytest.approx(
            rows.loc[run.model, f"{dataset}_average_precision"], abs=1e-9
        )
        assert roc.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_sensitivity"])
        assert 1 - roc.point[0] == pytest.approx(rows.loc[run.model, f"{dataset}_specificity"])
        assert steps.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_precision"])


def test_figures_and_tables_read_what_the_statistics_write(real, tmp_path):
    experiment, runs, table, content = real
    scores = [experiment.folder(run) / "scores.csv" for run in runs]
    metrics = [experiment.folder(run) / "metrics.json" for run in runs]
    paths = {"scores": scores, "metrics": metrics, "comparison": table}
    inputs = FigureInputs(paths | {"comparison_details": content}, Words())
    for name in ("roc", "confusion", "ranking", "cost"):
        plot(name, inputs, tmp_path / name)
    make_tables(
        table, content, tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex", words=Words()
    )
    assert "fold 2 failed" in (tmp_path / "t.md").read_text(encoding="utf-8")
    sentences = " ".join(summarise(read_comparison(table), read_json(content), Words()))
    assert "ALEXNET" in sentences and "vgg16" in sentences
