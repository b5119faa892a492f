"""Development against test, in figure and report, and the table of mitigations."""

import re

import numpy as np
import pandas as pd
import pytest
from reporting_fixture import Experiment, Made, with_hostile_titles
from test_robustness_reporting import Robustness

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.run import Run
from pneumobench.reporting import shift as room
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.mitigations import mitigations
from pneumobench.reporting.report import render_report
from pneumobench.reporting.shift import CLASSES, plot_shift
from pneumobench.reporting.shift_section import shift_section

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def estimate(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.02, "undefined_replicates": 0}


def apart(value):
    return {
        "difference": value, "low": value - 0.03, "high": value + 0.03,
        "excludes_zero": bool(abs(value) > 0.03),
    }  # fmt: skip


def scored(identity, position, lost):
    distributions = [
        {
            "dataset": dataset, "label": label, "n": 100, "patients": 60,
            "quantiles": [
                {"share": share, **estimate(sign * (2 + position) + drift + 4 * (share - 0.5))}
                for share in SHARES
            ],
        }
        for dataset, drift in (("out_of_fold", 0.0), ("test", 1.0))
        for label, sign in (("normal", -1), ("pneumonia", 1))
    ]  # fmt: skip
    transfer = [
        {"metric": metric, "out_of_fold": estimate(value), "test": estimate(value - change),
         "difference": apart(-change)}
        for metric, value, change in (
            ("roc_auc", 0.98, 0.06), ("sensitivity", 0.95, -0.01), ("specificity", 0.93, lost),
        )
    ]  # fmt: skip
    higher = [
        {"label": label, **estimate(value)}
        for label, value in zip(CLASSES, (0.9, 0.6), strict=True)
    ]
    return identity | {
        "standard_deviation": 2.0, "distributions": distributions, "higher_on_test": higher,
        "transfer": transfer,
    }  # fmt: skip


def write_shift(made, *, area=0.92, blocks=8, worst_block=0.88, statistics=True):
    """Write shift.json of a made-up experiment; the specificity falls more with every rank."""
    complete = [row for row in made.ranked if row["status"] == "complete"]
    runs = [{key: row[key] for key in ("model", "recipe", "seed")} for row in complete]
    domains = [
        {"baseline": kind, "label": label, "folds": 5, "development": {"n": 1349, "groups": 1000},
         "test": {"n": 234, "groups": 200}, "roc_auc": estimate(value)}
        for kind in BASELINES
        for label, value in (("normal", area), ("pneumonia", 0.5))
    ]  # fmt: skip
    records = [scored(run, number, 0.4 + 0.01 * number) for number, run in enumerate(runs)]
    records.append(scored({"ensemble": "mean_logit"}, 0, 0.41))
    records += [scored({"baseline": kind}, 0, 0.43) for kind in BASELINES]
    held = [
        {"block": number, "n": 60, "events": 40, "patients": 30, "roc_auc": estimate(0.98),
         "sensitivity": estimate(0.95), "specificity": estimate(worst_block + 0.01 * number)}
        for number in range(blocks)
    ]  # fmt: skip
    moved = {
        "before": estimate(0.5), "after": estimate(0.3), "difference": apart(-0.2),
    }  # fmt: skip
    transductive = [
        run | {"calibration": "platt", "prior": 0.74, "true_share": 0.62,
               "estimated_share": estimate(0.9), "specificity": moved, "sensitivity": moved}
        for run in runs
    ]  # fmt: skip
    renormalised = [
        run | {"changed": number > 0, "roc_auc": moved, "sensitivity": moved, "specificity": moved}
        for number, run in enumerate(runs)
    ]
    path = made.folder / "comparison/shift.json"
    datasets = read_json(made.comparison_json)["datasets"]
    content = {"datasets": datasets, "domains": domains, "scored": records, "blocks": held}
    content |= {"transductive": transductive, "renormalised": renormalised if statistics else []}
    write_json(path, content)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("shift_reporting"))


@pytest.fixture(scope="module")
def shift(made):
    return write_shift(made)


def draw(made, path, monkeypatch):
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_shift(path, made.comparison_csv, "stem")
    return caught[0]


def test_figure_shows_both_sets_in_units_of_the_development_scores(made, shift, monkeypatch):
    figure = draw(made, shift, monkeypatch)
    assert len(figure.axes) == 2
    normal, pneumonia = figure.axes
    names = [label.get_text() for label in normal.get_yticklabels()]
    assert names[0] == "1  ResNet-18 (from scratch)" and names[-1] == "Baseline: border"
    assert len(names) == 3 + 1 + len(BASELINES) and names[3] == "Ensemble: mean logit"
    medians = [
        line.get_xdata()[0]
        for line in normal.lines
        if line.get_marker() in "os" and len(line.get_xdata()) == 1
    ]
    # The record says -2 and -1, its standard deviation is 2.
    assert medians[:2] == pytest.approx([-1.0, -0.5])
    arrow = "\N{RIGHTWARDS ARROW}"
    assert f"0.93 {arrow} 0.53" in [text.get_text() for text in normal.texts]
    assert f"0.95 {arrow} 0.96" in [text.get_text() for text in pneumonia.texts]
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Missing: DenseNet_121 100%" in texts


@pytest.mark.parametrize("count", [3, 13])
def test_figure_stays_inside_the_page(tmp_path, monkeypatch, count):
    names = [f"A rather long name of an architecture {n}" for n in range(count)]
    runs = tuple(Made(f"m{n}", title, 3.0, 1e6) for n, title in enumerate(names))
    made = Experiment(tmp_path, runs)
    figure = draw(made, write_shift(made), monkeypatch)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.get_size_inches() * figure.dpi
    texts = [*figure.texts, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        texts += [*axes.get_yticklabels(), *axes.get_xticklabels(), *axes.texts]
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    assert all(box.y0 >= 0 and box.y1 <= height for box in boxes)
    left, right = (
        [text.get_window_extent(renderer) for text in axes.texts] for axes in figure.axes
    )
    assert max(box.x1 for box in left) < figure.axes[1].get_window_extent(renderer).x0
    assert len(right) == count + 1 + len(BASELINES) + 1


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, shift, tmp_path):
    plot_shift(shift, with_hostile_titles(made.comparison_csv, tmp_path), tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, shift, tmp_path):
    for name in ("first", "second"):
        plot_shift(shift, made.comparison_csv, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / name / f"figure.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000


def section(made, path, phantoms=False):
    return shift_section(read_comparison(made.comparison_csv), path, phantoms)


def test_answer_is_no_where_a_class_is_told_apart(made, shift):
    found = section(made, shift)
    first, second, third, fourth, last = found["answer"]
    assert first.startswith("No. ") and "normal radiographs: AUC 0.920 (0.900" in first
    assert "specificity goes from 0.930" in second and "by -0.400 (-0.430 to -0.370)" in second
    assert "by 0.010 (-0.020 to 0.040), which may be chance" in second
    assert "0.90 among normal radiographs, 0.60 among pneumonia radiographs" in third
    assert "specificity of 0.88 to 0.95" in fourth and "does not show" in fourth
    assert "adults, other hospitals" in last
    assert "drawn by one program" in section(made, shift, phantoms=True)["answer"][-1]


def test_answer_is_careful_where_nothing_is_told_apart(made):
    path = write_shift(made, area=0.5, blocks=2, worst_block=0.4)
    found = section(made, path)
    assert found["answer"][0].startswith("No difference was shown")
    assert "lies among or above" in found["answer"][3]
    without = section(made, write_shift(made, blocks=0))
    assert "not available" in without["answer"][3] and without["blocks"] == []
    write_shift(made)


def test_tables_hold_every_run_and_baseline(made, shift):
    found = section(made, shift)
    assert found["transfer"][0]["Run"] == "1  ResNet-18 (from scratch)"
    assert len(found["transfer"]) == 3 + 1 + len(BASELINES)
    assert found["transfer"][1]["Specificity, test less out-of-fold"].startswith("-0.410 (")
    assert found["blocks"][-1]["Left out"] == "Test set"
    assert found["blocks"][-1]["Specificity"].startswith("0.500 (")
    assert [row["It sees"] for row in found["domains"]] == list(BASELINES.values())
    assert found["transductive"][0]["Specificity after"].startswith("0.300 (")
    assert "Of 3 runs 0 find the true share" in found["transductive_reading"]
    assert "0 gain specificity" in found["transductive_reading"]
    assert len(found["renormalised"]) == 2
    assert found["renormalised"][0]["AUC after"].startswith("0.300 (")
    reading = "2 runs 0 gain and 2 lose specificity and 0 gain and 2 lose sensitivity"
    assert reading in found["renormalised_reading"]
    assert "1 without batch normalisation" in found["renormalised_reading"]


def test_statistics_of_the_test_images_are_shown_only_where_they_were_asked_for(made):
    found = section(made, write_shift(made, statistics=False))
    assert found["renormalised"] == [] and found["renormalised_reading"] == ""
    write_shift(made)


def test_report_has_the_section_only_where_it_was_measured(made, shift, tmp_path):
    plot_shift(shift, made.comparison_csv, tmp_path / "shift")
    texts = {}
    for name, path, figures in (("without", None, {}), ("with", shift, {"shift": "shift.png"})):
        target = tmp_path / f"{name}.html"
        render_report(
            made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
            made.run_jsons, {key: tmp_path / file for key, file in figures.items()},
            made.selection, target, title="Title", experiment="demo", shift=path,
            settings={"data": {"source": "phantom"}, "split": {"folds": 5}},
        )  # fmt: skip
        texts[name] = target.read_text(encoding="utf-8")
    assert 'href="#shift"' not in texts["without"] and "measure_shift" not in texts["without"]
    shown = re.search(r'<section id="shift">.*?</section>', texts["with"], re.DOTALL)[0]
    assert 'id="figure-shift"' in shown and "never ranked" in shown
    assert "Li et al. 2016" in shown
    assert texts["with"].count('href="#shift"') == 1 and "measure_shift" in texts["with"]


# Mitigations


RECIPES = {
    "plain": {"epochs": 4, "preprocessing": "none", "augmentation": {"noise": 0.0}},
    "clahe": {"epochs": 4, "preprocessing": "clahe", "augmentation": {"noise": 0.0}},
    "strong": {"epochs": 4, "preprocessing": "none", "augmentation": {"noise": 0.1}},
}
SETTINGS = {"robustness": {"reference_recipe": "plain"}, "recipes": RECIPES}


@pytest.fixture(scope="module")
def treated(tmp_path_factory):
    """One network by three recipes, another by the reference alone."""
    made = Experiment(
        tmp_path_factory.mktemp("mitigations"),
        (
            *(Made("small", "Small", 3.0, 1e6, recipe=recipe) for recipe in RECIPES),
            Made("other", "Other", 3.1, 1e6, recipe="plain"),
        ),
    )
    robustness = Robustness(made)
    robustness.write_pairs(half=0.015)
    comparison = read_comparison(made.comparison_csv)
    worst = {}
    for content in map(read_json, robustness.details):
        for entry in content["worst"]:
            key = (content["model"], content["recipe"], entry["metric"])
            worst[key] = entry["value"]
    for metric in ("specificity", "sensitivity"):
        values = [worst[row["model"], row["recipe"], metric] for _, row in comparison.iterrows()]
        name = f"worst_{metric}_strength_2"
        columns = {name: values, f"{name}_low": np.nan, f"{name}_high": np.nan}
        comparison = pd.concat([comparison, pd.DataFrame(columns)], axis=1)
    return comparison, robustness.inputs


def test_mitigations_are_held_against_the_reference_with_what_differs(treated):
    found = mitigations(*treated, SETTINGS)
    assert found["rows"][0]["Run"] == "Small (plain)"
    by_run = {row["Run"]: row for row in found["rows"]}
    assert set(by_run) == {"Small (plain)", "Small (clahe)", "Small (strong)"}
    assert by_run["Small (plain)"]["What differs"] == "the reference"
    assert by_run["Small (clahe)"]["What differs"] == "preprocessing: clahe"
    assert by_run["Small (strong)"]["What differs"] == "augmentation.noise: 0.1"
    # The fixture takes 0.02 more from every later run.
    assert by_run["Small (clahe)"]["Less the reference's"] == "-0.020 (-0.035 to -0.005)"
    assert by_run["Small (strong)"]["Less the reference's"].startswith("-0.040")
    (sentence,) = found["readings"]
    assert "is lower with" in sentence and "clahe" in sentence and "higher" not in sentence


@pytest.mark.parametrize("reference", [None, "never_complete"])
def test_without_a_reference_there_is_no_table(treated, reference):
    comparison, inputs = treated
    settings = SETTINGS | {"robustness": {"reference_recipe": reference}}
    assert mitigations(comparison, inputs, settings)["rows"] == []
    assert mitigations(comparison, None, SETTINGS)["rows"] == []


def test_a_pair_that_is_missing_is_named(treated):
    comparison, inputs = treated
    runs = [Run(row["model"], row["recipe"], 7) for _, row in comparison.iterrows()]
    renamed = comparison.assign(run=runs)
    with pytest.raises(UserError, match="compare_robustness"):
        mitigations(renamed, inputs, SETTINGS)
