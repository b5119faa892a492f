"""What accuracy costs: parameters and training time."""

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import FigureOf, Paragraph, Section
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section:  # noqa: ARG001 - one shape for all
    """Return the section."""
    return Section(
        name="cost",
        title="What does accuracy cost?",
        short="Cost",
        blocks=(
            FigureOf("cost"),
            Paragraph(
                "Numbers of parameters and training times stand in the ranked table. Times are "
                "those of this experiment's machine. On another machine they differ; their order "
                "mostly does not."
            ),
        ),
    )
