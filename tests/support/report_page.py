"""The report of a made-up experiment, and figures that stand in it."""

from figure_inputs import inputs_of, plot
from section_fixture import report_files

from pneumobench.reporting.report import render_report

TITLE = "Title <with> & signs"


def draw_figures(made, *names):
    """Draw figures of an experiment; return their PNG files by name."""
    for name in names:
        plot(name, inputs_of(made), made.folder / name)
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
