"""Whether averaging the predictions of several views of an image helps."""

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import Section
from pneumobench.reporting.views import view_table
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None without test-time augmentation."""
    table = view_table(files.comparison, files.facts)
    if table is None:
        return None
    return Section(
        name="views",
        title="Does test-time augmentation help?",
        short="Test-time augmentation",
        blocks=(table,),
    )
