"""Figures of calibration, decisions and mistakes: the right numbers in the right places."""

import re

import numpy as np
import pandas as pd
import pytest
from calibration_fixture import Calibrations
from packed_fixture import write_packed
from reporting_fixture import Experiment, Made

from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.reporting import calibration, decision_curves
from pneumobench.reporting import worst_cases as worst_cases_room
from pneumobench.reporting.calibration import measured, plot_calibration
from pneumobench.reporting.decision_curves import NOWHERE, plot_decision_curves, useful_range
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.words import Words
from pneumobench.reporting.worst_cases import plot_worst_cases, worst_cases


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("calibration_reporting"))


@pytest.fixture(scope="module")
def files(made):
    return Calibrations(made)


@pytest.fixture(scope="module")
def images(made, tmp_path_factory):
    number = sum(map(len, made.truth.values()))
    path = tmp_path_factory.mktemp("images") / "images.npy"
    grey = np.arange(number, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    names = read_table(made.splits, text=("image_id",))["image_id"]
    write_packed(path, np.broadcast_to(grey, (number, 64, 64)), names)
    return path


def draw(room, plot, files, made, monkeypatch):
    """Return the figure instead of saving it."""
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot(files.details[::-1], made.comparison_csv, "stem")
    return caught[0]


def contents(files, made):
    """Return calibration.json of the complete runs in order of rank."""
    by_model = {content["model"]: content for content in map(read_json, files.details)}
    ranked = read_comparison(made.comparison_csv)
    return [by_model[model] for model in ranked["model"] if model in by_model]


def test_each_panel_has_its_points_and_its_error(made, files, monkeypatch):
    figure = draw(calibration, plot_calibration, files, made, monkeypatch)
    assert len(figure.axes) == 2 * 3
    pairs = iter(figure.axes)
    for content in contents(files, made):
        for dataset in ("out_of_fold", "test"):
            axes = next(pairs)
            points = pd.DataFrame(content["reliability"])
            points = points[points["dataset"] == dataset]
            curves = [line for line in axes.lines if line.get_marker() == "o"]
            for line, stage in zip(curves, ("before", "after"), strict=True):
                part = points[points["stage"] == stage]
                np.testing.assert_allclose(line.get_xdata(), part["mean_probability"])
                np.testing.assert_allclose(line.get_ydata(), part["observed_share"])
            error = measured(content, dataset, "calibration_error")
            numbers = [f"{error[stage]['value']:.3f}" for stage in ("before", "after")]
            assert re.findall(r"\d\.\d{3}", axes.get_title(loc="left")) == numbers
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert names[0] == "1  ResNet-18 (from scratch)" and len(names) == 3
    assert "Missing: DenseNet_121 100%" in " ".join(text.get_text() for text in figure.texts)


def test_thirteen_runs_stay_inside_the_page(tmp_path, monkeypatch):
    runs = tuple(
        Made(f"model{n}", f"A rather long name of an architecture {n}", 3.0, 1e6) for n in range(13)
    )
    made = Experiment(tmp_path, runs, n=(150, 60))
    files = Calibrations(made)
    figure = draw(calibration, plot_calibration, files, made, monkeypatch)
    assert len(figure.axes) == 26
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width = figure.get_size_inches()[0] * figure.dpi
    texts = [text for axes in figure.axes for text in (*axes.texts, axes.yaxis.label)]
    boxes = [text.get_window_extent(renderer) for text in (*texts, *figure.texts)]
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    names = [axes.texts[0].get_window_extent(renderer) for axes in figure.axes[::2]]
    others = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert not any(name.overlaps(other) for name in names for other in others)


def test_curves_of_all_runs_are_drawn_beside_treating_all(made, files, monkeypatch):
    figure = draw(decision_curves, plot_decision_curves, files, made, monkeypatch)
    first = contents(files, made)[0]["decision_curves"][0]
    above, below = figure.axes[:2]
    drawn = [np.asarray(line.get_ydata(), float) for line in above.lines]
    for column in ("treat_all", "net_benefit"):
        assert any(np.array_equal(values, first[column]) for values in drawn)
    drawn = [np.asarray(line.get_ydata(), float) for line in below.lines]
    assert any(np.array_equal(values, first["added"]) for values in drawn)
    # Treat all, treat none and three runs.
    assert len(above.lines) == 5


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        ([-1, 0, 0, -1], NOWHERE),
        ([1, 1, 1, 1], "0.10\N{EN DASH}0.40"),
        ([-1, 1, 1, 0], "0.20\N{EN DASH}0.30"),
        ([1, -1, 1, 1], "0.30\N{EN DASH}0.40 (of 2 parts)"),
    ],
)
def test_the_longest_useful_range_is_named(lower, expected):
    curve = pd.DataFrame({"threshold": [0.1, 0.2, 0.3, 0.4], "added_low": lower})
    assert useful_range(curve) == expected


def test_worst_cases_are_the_most_confident_mistakes(made, files):
    comparison = read_comparison(made.comparison_csv)
    found = worst_cases(comparison, files.calibrated, Words())
    tables = [read_table(path) for path in files.calibrated]
    tables = [table[table["dataset"] == "out_of_fold"] for table in tables]
    of_best = [path.parts[-4] for path in files.calibrated].index("custom_resnet18")
    best = tables[of_best]
    missed = best[(best["label"] == "pneumonia") & (best["decision_selected"] == 0)]
    expected = missed.nsmallest(6, "probability")["image_id"].tolist()
    assert found[0].radiographs.index.tolist() == expected
    assert found[0].title == "Missed radiographs with pneumonia of ResNet-18 (from scratch)"
    alarms = best[(best["label"] == "normal") & (best["decision_selected"] == 1)]
    expected = alarms.nlargest(6, "probability")["image_id"].tolist()
    assert found[1].radiographs.index.tolist() == expected
    # Of several runs: the mean probability, and most of them must be wrong.
    for cases, called in ((found[2], 0), (found[3], 1)):
        for image_id, radiograph in cases.radiographs.iterrows():
            rows = [table.set_index("image_id").loc[image_id] for table in tables]
            wrong = sum(row["decision_selected"] == called for row in rows)
            assert radiograph["wrong"] == wrong > len(rows) / 2
            mean = np.mean([row["probability"] for row in rows])
            assert radiograph["probability"] == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("radiographs_a_row", [2, 8])
def test_radiographs_stand_close_below_the_headings_and_their_captions_apart(
    made, files, images, radiographs_a_row, monkeypatch
):
    monkeypatch.setattr(worst_cases_room, "_SHOWN", radiographs_a_row)
    caught = []
    monkeypatch.setattr(worst_cases_room, "save_figure", lambda figure, _: caught.append(figure))
    plot_worst_cases(files.calibrated, made.comparison_csv, images, made.splits, "stem")
    (figure,) = caught
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    headings = [text.get_window_extent(renderer) for text in figure.texts[:4]]
    rows = np.array(figure.axes).reshape(4, radiographs_a_row)
    for heading, row in zip(headings, rows, strict=True):
        gap = heading.y0 - row[0].get_window_extent(renderer).y1
        assert 0 < gap < 0.08 * figure.dpi
    captions = [
        axes.xaxis.label.get_window_extent(renderer)
        for axes in figure.axes
        if axes.get_xlabel() and axes.axison
    ]
    assert len(captions) >= 4
    others = [
        *captions,
        *headings,
        *(text.get_window_extent(renderer) for text in figure.texts[4:]),
    ]
    for number, caption in enumerate(captions):
        rest = others[:number] + others[number + 1 :]
        assert not any(caption.overlaps(other) for other in rest)
        assert caption.x1 <= figure.get_size_inches()[0] * figure.dpi


def test_no_mistake_is_said(made, files, images, tmp_path):
    comparison = read_comparison(made.comparison_csv)
    right = []
    for path in files.calibrated:
        table = read_table(path)
        decided = (table["label"] == "pneumonia").astype(int)
        folder = tmp_path / "/".join(path.parts[-4:-1])
        right.append(folder / "calibrated.csv")
        write_table(right[-1], table.assign(decision_selected=decided))
    assert all(cases.radiographs.empty for cases in worst_cases(comparison, right, Words()))
    plot_worst_cases(right, made.comparison_csv, images, made.splits, tmp_path / "none")
    assert (tmp_path / "none.png").stat().st_size > 2000


def test_figures_are_byte_identical_on_repetition(made, files, images, tmp_path):
    for name in ("first", "second"):
        plot_calibration(files.details, made.comparison_csv, tmp_path / name / "c")
        plot_worst_cases(
            files.calibrated, made.comparison_csv, images, made.splits, tmp_path / name / "w"
        )
    for ending in ("c.png", "c.pdf", "w.png", "w.pdf"):
        first, second = (tmp_path / name / ending for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 2000
