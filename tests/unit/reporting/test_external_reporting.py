"""External validation in figure and report."""

import re

import numpy as np
import pytest
from reporting_fixture import Experiment, with_hostile_titles
from test_external import source
from test_shift_reporting import apart, estimate

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting import external as room
from pneumobench.reporting.external import METRICS, plot_external
from pneumobench.reporting.external_section import external_section, population_warning
from pneumobench.reporting.inputs import complete_runs, read_comparison
from pneumobench.reporting.report import render_report

MEASURES = ("calibration_error", "brier", "slope", "intercept", "in_the_large")


def judged(identity, value, *, stages=("before", "after"), large=-0.5):
    return identity | {
        "estimates": [
            {"metric": metric, "out_of_fold": estimate(0.95), "test": estimate(0.9),
             "external": estimate(value),
             "difference": None if metric == "average_precision" else apart(value - 0.95)}
            for metric in ("roc_auc", "average_precision", "sensitivity", "specificity")
        ],
        "calibrations": [
            {"stage": stage, "measure": measure, "out_of_fold": estimate(0.03),
             "external": estimate(large if measure == "in_the_large" else 0.2),
             "difference": apart(0.17)}
            for stage in stages
            for measure in MEASURES
        ],
        "subtypes": [
            {"subtype": "viral", "sensitivity": 0.8, "low": 0.7, "high": 0.9, "n": 12}
        ],
    }  # fmt: skip


def write_external(made, *, own=None, other=None, name="external.json", **changes):
    """Write external.json of a made-up experiment; the second in rank is best on external images."""
    runs = [
        judged(
            {key: row[key] for key in ("model", "recipe", "seed")}, 0.7 + 0.05 * number, **changes
        )
        for number, row in enumerate(row for row in made.ranked if row["status"] == "complete")
    ]
    counts = {"n": 400, "events": 100, "patients": 350}
    content = {
        "sources": {"data": own or source(), "external": other or source("adults", "opacity")},
        "radiographs": {"ok": 400, "unknown_patients": 0},
        "compared_by_content": True,
        "warnings": ["12 radiographs that are neither are left out."],
        "datasets": read_json(made.comparison_json)["datasets"] | {"external": counts},
        "threshold_rule": "youden",
        "calibration": "platt",
        "interval": {"confidence": 0.95},
        "judged": runs + [judged({"baseline": kind}, 0.6, **changes) for kind in BASELINES],
    }  # fmt: skip
    path = made.folder / "comparison" / name
    write_json(path, content)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("external_reporting"))


@pytest.fixture(scope="module")
def details(made):
    return write_external(made)


@pytest.fixture(scope="module")
def comparison(made):
    return read_comparison(made.comparison_csv)


def test_figure_has_three_marks_a_row_and_nothing_is_cut_off(made, details, monkeypatch):
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_external(details, made.comparison_csv, "stem")
    (figure,) = caught
    complete = [row for row in made.ranked if row["status"] == "complete"]
    rows = len(complete) + len(BASELINES)
    assert [axes.get_title("left") for axes in figure.axes] == list(METRICS.values())
    for axes in figure.axes:
        marks = [line for line in axes.lines if line.get_marker() in "osD"]
        assert len(marks) == 3 * rows
        external = [line.get_xdata()[0] for line in marks if line.get_marker() == "D"]
        np.testing.assert_allclose(external[:2], [0.7, 0.75])
        assert sum(text.get_text() == "0.60" for text in axes.texts) == len(BASELINES)
    assert any("Missing" in text.get_text() for text in figure.texts)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    for text in (*texts, *figure.axes[0].get_yticklabels(), *figure.legends[0].get_texts()):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, details, tmp_path):
    plot_external(details, with_hostile_titles(made.comparison_csv, tmp_path), tmp_path / "figure")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, details, tmp_path):
    for name in ("first", "second"):
        plot_external(details, made.comparison_csv, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / name / f"figure.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000


def test_undefined_figures_are_said_to_be_so(made, tmp_path, monkeypatch, comparison):
    path = write_external(made, name="undefined.json")
    content = read_json(path)
    nothing = {"value": None, "low": None, "high": None}
    for record in content["judged"][0]["estimates"]:
        record["external"] = nothing
    write_json(path, content)
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_external(path, made.comparison_csv, "stem")
    assert all("undefined" in [text.get_text() for text in axes.texts] for axes in caught[0].axes)
    first = external_section(comparison, path)["transfer"][0]
    assert first["AUC, external"] == "\N{EM DASH}"


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ("children", "adults", "Out of population: the networks were trained on children, the"),
        ("children", "children", ""),
        ("phantoms", "phantoms", ""),
        ("children", "phantoms", "Out of population"),
        (
            "unknown",
            "adults",
            "Population unknown: nothing tells who was examined for the radiographs that",
        ),
        (
            "children",
            "unknown",
            "Population unknown: nothing tells who was examined for the external",
        ),
        ("unknown", "unknown", "Population unknown: nothing tells who was examined for either set"),
    ],
)
def test_population_is_held_against_that_of_training(own, other, said):
    found = population_warning({"data": source(own), "external": source(other)})
    assert found.startswith(said) and bool(found) == bool(said)


def test_section_answers_with_figures_of_the_first_in_rank(made, details, comparison):
    section = external_section(comparison, details)
    first, *others = section["answer"]
    assert first.startswith("On 400 external radiographs (some radiographs; 100 positive)")
    assert complete_runs(comparison).iloc[0]["label"] in first
    assert "AUC of 0.700" in first and "instead of 0.950" in first
    assert "difference -0.250" in first and "chance" not in first
    assert any(text.startswith("The highest external AUC is that of 0.8") for text in others)
    assert any("probabilities are too high on the whole" in text for text in others)
    assert any("Baseline" in text for text in others)
    assert any("“opacity”" in text and "“pneumonia”" in text for text in section["warnings"])
    assert section["warnings"][-1] == "12 radiographs that are neither are left out."
    rows = {row["Radiographs"]: row for row in section["radiographs"]}
    assert rows["External"]["Who was examined"] == "adults, for the most part"
    assert rows["External"]["Patients"] == "350"
    assert list(section["calibrations"]) == ["before", "after"]
    assert section["subtypes"][0]["Sensitivity, viral (n = 12)"].startswith("0.800 (0.700")
    assert external_section(comparison, None)["answer"] == []


def test_without_calibration_plain_probabilities_stand_alone(made, comparison):
    path = write_external(made, name="plain.json", stages=("before",), large=0.01)
    section = external_section(comparison, path)
    assert list(section["calibrations"]) == ["before"]
    assert any("was not shown" in text for text in section["answer"])
    assert any("nobody calibrated" in text for text in section["answer"])


def test_report_has_the_section_only_where_there_are_external_data(made, details, tmp_path):
    plot_external(details, made.comparison_csv, tmp_path / "external")
    pages = {}
    for name, given in (("without", None), ("with", details)):
        path = tmp_path / f"{name}.html"
        render_report(
            made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
            made.run_jsons, {"external": tmp_path / "external.png"} if given else {},
            made.selection, path, title="Title", experiment="made",
            settings={"data": {"source": "phantom"}, "split": {"folds": 5}}, external=given,
        )  # fmt: skip
        pages[name] = path.read_text(encoding="utf-8")
    assert 'id="external"' not in pages["without"]
    assert "no external validation: other hospitals" in pages["without"]
    section = re.search(r'<section id="external">.*?</section>', pages["with"], re.DOTALL)[0]
    assert '<p class="notice"><b>Out of population:</b> the networks were trained' in section
    assert 'id="figure-external"' in section and "Before calibration" in section
    assert "evaluate_external" in pages["with"] and 'href="#external"' in pages["with"]
    assert "one other source" in pages["with"] and "no external validation" not in pages["with"]
