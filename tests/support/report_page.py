"""The report of a made-up experiment, and figures that stand in it."""

from section_fixture import report_files

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.plot import plot_figure
from pneumobench.reporting.figures import FIGURES
from pneumobench.reporting.report import render_report
from pneumobench.reporting.words import Words

TITLE = "Title <with> & signs"


def draw_figures(made, *names):
    """Draw figures of an experiment; return their PNG files by name."""
    paths = {
        "audit": made.audit, "splits": made.splits, "comparison": made.comparison_csv,
        "comparison_details": made.comparison_json, "scores": made.scores,
        "metrics": made.metrics, "histories": made.histories,
    }  # fmt: skip
    for figure in FIGURES:
        if figure.name in names:
            plot_figure(figure.module, FigureInputs(paths, Words()), made.folder / figure.name)
    return {name: made.folder / f"{name}.png" for name in names}


def render(
    made, figures, path, source="phantom", title=TITLE, looks=None, map_method=None, **inputs
):
    """Write the report of an experiment with these figures; return its text."""
    files = report_files(
        made, settings={"data": {"source": source}, "split": {"folds": 5}}, looks=looks,
        map_method=map_method,
        figures=list(figures.values()), **inputs,
    )  # fmt: skip
    render_report(files, path, title=title, experiment="demo")
    return path.read_text(encoding="utf-8")
