"""Epochs of each fold: a dot each, in the row of its run."""

from figure_inputs import drawn, inputs_of
from reporting_fixture import Experiment

from pneumobench.core.files import read_table


def test_each_fold_has_its_dot(tmp_path):
    made = Experiment(tmp_path)
    (axes,) = drawn("epochs", inputs_of(made)).axes
    runs = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    expected = [len(read_table(path)) for path in made.histories]
    assert len(runs) == 3 and sorted(n for run in runs for n in run) == sorted(expected)
