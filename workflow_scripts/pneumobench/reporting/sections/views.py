"""Test-time augmentation: plain predictions and those averaged over views, side by side."""

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import Section
from pneumobench.reporting.views import view_table
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where nothing was averaged."""
    table = view_table(files.comparison, files.facts)
    if table is None:
        return None
    return Section(
        name="views",
        title="Does averaging over views help?",
        short="Test-time augmentation",
        blocks=(table,),
    )
