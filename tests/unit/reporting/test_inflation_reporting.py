"""What bad practice adds, in figure and report: marked, complete, and nowhere else."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pneumobench.reporting.inflation_section import InflationInputs, inflation_section
from pneumobench.reporting.style import VERMILLION
from reporting_fixture import Experiment

from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting import inflation as room
from pneumobench.reporting.inflation import plot_inflation
from pneumobench.reporting.report import render_report

REASON = "a single run leaves nothing to pick"


def write_inflation(folder):
    """Write a record for each practice: point p adds 2 p - 2, the architecture is not measured."""
    records = []
    for position, name in enumerate(PRACTICES):
        added = 0.02 * position
        values = {"reported": 0.9 + added, "honest": 0.9, "optimism": added}
        bounds = {
            f"{key}{bound}": value + shift
            for key, value in values.items()
            for bound, shift in (("", 0.0), ("_low", -0.01), ("_high", 0.01))
        }
        missing = name == "architecture_on_test"
        records.append(
            {
                "practice": name, "metric": "roc_auc", "optimistic": True,
                "dataset": "test" if name.endswith("test") else "out_of_fold",
                **(dict.fromkeys(bounds) if missing else bounds),
                "reason": REASON if missing else "", "n": 624, "events": 390, "patients": 428,
            }
        )  # fmt: skip
    identity = {"model": "timm:resnet10t", "recipe": "copied", "seed": 42}
    table = pd.DataFrame([identity | record for record in records])
    write_table(folder / "inflation.csv", table)
    interval = {"confidence": 0.95, "replicates": 2000}
    content = identity | {"folds": 5, "interval": interval, "measured": records}
    write_json(folder / "inflation.json", content)
    return InflationInputs(folder / "inflation.csv", folder / "inflation.json")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inflation(tmp_path_factory.mktemp("inflation_reporting"))


def test_figure_shows_every_practice_and_marks_what_is_optimistic(inputs, monkeypatch):
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_inflation(inputs.table, inputs.details, "stem")
    (figure,) = caught
    figures, added = figure.axes
    names = [label.get_text().split("\n")[0] for label in figures.get_yticklabels()]
    assert names == [practice.title for practice in PRACTICES.values()]
    points = [line for line in figures.lines if line.get_marker() == "o"]
    reported = [line for line in points if line.get_markerfacecolor() == VERMILLION]
    expected = [0.9 + 0.02 * row for row in (0, 1, 2, 3, 5)]
    np.testing.assert_allclose([line.get_xdata()[0] for line in reported], expected)
    hollow = [line for line in points if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in hollow] == [0.9] * 5
    assert [text.get_text() for text in figures.texts] == [f"not measured: {REASON}"]
    assert "4.0 (3.0\N{EN DASH}5.0)" in [text.get_text() for text in added.texts]
    words = figures.get_title("left") + " ".join(text.get_text() for text in figure.texts)
    assert words.count("OPTIMISTIC") == 2
    # Nothing is cut off.
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    for text in (*added.texts, *figures.texts, *figures.get_yticklabels(), figures._left_title):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height


def test_figure_is_byte_identical_on_repetition(inputs, tmp_path):
    for name in ("first", "second"):
        plot_inflation(inputs.table, inputs.details, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / name / f"figure.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000
