"""All pairs of runs: the right pair in the right cell, and bars that join the right runs."""

import re

import numpy as np
import pytest
from figure_inputs import drawn, inputs_of
from matplotlib.colors import to_hex
from reporting_fixture import FOUR_RUNS, Experiment, Made

from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.reporting.differences import read_differences
from pneumobench.reporting.inputs import read_comparison

TWICE = (*FOUR_RUNS[:3], Made("plain_resnet18", "ResNet-18", 3.1, 11.17e6))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("differences_figure"), TWICE)


def test_every_pair_stands_in_its_cell(made):
    (axes,) = drawn("differences", inputs_of(made)).axes
    order = read_comparison(made.comparison_csv)["run"].tolist()
    boxes = [patch for patch in axes.patches if patch.get_height() > 0.2]
    lefts = sorted({round(box.get_x(), 3) for box in boxes})
    tops = sorted({round(box.get_y(), 3) for box in boxes})
    assert len(boxes) == 16 and (len(lefts), len(tops)) == (4, 4)
    cells = {}
    for box in boxes:
        place = tops.index(round(box.get_y(), 3)), lefts.index(round(box.get_x(), 3))
        inside = [text.get_text() for text in axes.texts if box.contains_point(
            axes.transData.transform(text.get_position()))]  # fmt: skip
        cells[place] = "".join(inside), box
    for _, pair in read_differences(made.differences.table).iterrows():
        better, worse = order.index(pair["first"]), order.index(pair["second"])
        assert better < worse
        place = (worse, better) if pair["dataset"] == "out_of_fold" else (better, worse)
        text, box = cells[place]
        shown = float(text.replace("\N{MINUS SIGN}", "-"))
        assert shown == pytest.approx(100 * pair["difference"], abs=0.051)
        assert (to_hex(box.get_facecolor()) != "#ffffff") == pair["distinguishable"]
        assert bool(box.get_hatch()) == bool(pair["noise_floor"])
    assert all(cells[place, place][0] == "" for place in range(4))


def test_bars_join_the_groups(made):
    (axes,) = drawn("critical_difference", inputs_of(made)).axes
    names = [text for text in axes.texts if re.match(r"\d  ", text.get_text())]
    places = np.array([text.get_position()[1] for text in names])
    bars = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 2]
    joined = [
        [i + 1 for i in np.flatnonzero((low < places) & (places < high))] for low, high in bars
    ]
    groups = read_json(made.differences.details)["ranking"]["groups"]
    assert joined == [group for group in groups if len(group) > 1]
    assert joined


def test_a_run_of_its_own_has_no_bar(made, tmp_path):
    table = read_table(made.differences.table)
    table["distinguishable"] = True
    write_table(tmp_path / "differences.csv", table)
    figure = drawn("critical_difference", inputs_of(made, differences=tmp_path / "differences.csv"))
    (axes,) = figure.axes
    assert [line for line in axes.lines if len(line.get_ydata()) == 2] == []
    assert "Not distinguishable" not in [text.get_text() for text in axes.texts]
    assert any("There is no bar" in text.get_text() for text in figure.texts)


def test_one_run_has_nothing_to_compare(tmp_path):
    alone = Experiment(tmp_path, FOUR_RUNS[:1])
    texts = [text.get_text() for text in drawn("differences", inputs_of(alone)).texts]
    assert any("nothing to compare" in text for text in texts)
