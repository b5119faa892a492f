"""The section figures: what figures show, and how large they are."""

import pytest
from configurations import check, only_problem, problems

TWO_SEEDS = "{runs: [custom_cnn_lstm, {model: alexnet, seeds: [1, 2]}]}"


def test_figures_are_those_of_the_report_unless_something_is_asked_for():
    experiment = check("")
    assert experiment.shown_runs is None
    assert experiment.figures.formats == ["png", "pdf"]
    assert experiment.figures.look == {"font_size": 8, "width": 183}


def test_runs_are_shown_in_the_order_in_which_they_are_named():
    shown = check(TWO_SEEDS, "figures: {runs: [alexnet/light/seed2, custom_cnn_lstm]}").shown_runs
    assert [run.folder for run in shown] == ["alexnet/light/seed2", "custom_cnn_lstm/light/seed42"]
    both = check(TWO_SEEDS, "figures: {runs: [alexnet]}").shown_runs
    assert [run.seed for run in both] == [1, 2]
    timm = check("figures: {runs: [timm-resnet10t/light/seed42, custom_cnn_lstm]}").shown_runs
    assert timm[0].model == "timm:resnet10t"


def test_the_report_needs_png():
    assert check("figures: {format: [svg, pdf, svg]}").figures.formats == ["png", "svg", "pdf"]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ("{runs: [custom_cnn_lsm]}", "write custom_cnn_lstm"),
        ("{runs: [timm:resnet10]}", "write timm:resnet10t"),
        ("{runs: [timm:resnet10t, timm-resnet10t/light/seed42]}", "figures.runs[0] shows already"),
        ("{runs: []}", "at least one"),
        ("{width: 0}", "from 60 to 420"),
        ("{font_size: 200}", "from 4 to 24"),
        ("{font_size: 11, width: 120}", "163 mm and more"),
        ("{width: 89}", "a font_size of 6 or less"),
        ("{format: [pgn]}", "write png"),
        ("{format: []}", "at least one"),
        ("{size: 10}", "font_size"),
    ],
)
def test_what_cannot_be_drawn_is_said(figures, said):
    assert said in str(only_problem(f"figures: {figures}"))


def test_where_a_model_has_several_runs_each_has_a_name():
    found = problems(f"{TWO_SEEDS[:-1]}, figures: {{runs: [alexnet/light/seed3]}}}}")
    (wrong,) = found.values()
    assert wrong.nearest in ("alexnet/light/seed1", "alexnet/light/seed2")
    assert wrong.allowed == "custom_cnn_lstm, alexnet, alexnet/light/seed1, alexnet/light/seed2"


def test_other_mistakes_do_not_hide_behind_those_of_figures():
    assert set(problems("{runs: 5, figures: {runs: [a], width: 0}}")) == {"runs", "figures.width"}
