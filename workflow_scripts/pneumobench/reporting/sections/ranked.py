"""All runs, ensembles and baselines in one table."""

from dataclasses import replace

from pneumobench.reporting.baselines import majority_notes
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.run_warnings import warnings_of
from pneumobench.reporting.section import Points, Section
from pneumobench.reporting.tables import comparison_table
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section."""
    table = comparison_table(files.comparison, files.facts, words)
    warnings = warnings_of(files.comparison, files.metrics, files.runs)
    return Section(
        name="table",
        title="How do all runs compare?",
        short="Ranked table",
        blocks=(
            replace(table, notes=(*table.notes, *majority_notes(files.facts, words))),
            *([Points(tuple(warnings), warning=True)] if warnings else []),
        ),
    )
