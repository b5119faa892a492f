"""What sections of the report are built from, and what they show as text."""

from types import MappingProxyType

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import (
    Details,
    FigureOf,
    Gallery,
    Heading,
    Notice,
    Paragraph,
    Points,
    walk,
)
from pneumobench.reporting.table import Table, cell_text
from pneumobench.reporting.words import Words

CHILDREN, EFFUSION = Words(), Words("effusion", "no finding", adults=True)
_SETTINGS = MappingProxyType({"data": {"source": "phantom"}})


def report_files(made, *, settings=_SETTINGS, looks=None, map_method=None, **inputs):
    """Return the files of a made-up `Experiment`; `inputs` add to them or take their place."""
    return ReportFiles(
        {
            "table": made.comparison_csv, "details": made.comparison_json, "audit": made.audit,
            "splits": made.splits, "selection": made.selection, "metrics": made.metrics,
            "run_jsons": made.run_jsons, **inputs,
        },
        settings=dict(settings), looks=looks, map_method=map_method,
    )  # fmt: skip


def table_of(section, name):
    """Return the rows of a section's table as text; none where it is not there."""
    found = [table for table in section.tables if table.name == name]
    return (
        [{key: cell_text(cell) for key, cell in row.items()} for row in found[0].rows]
        if found
        else []
    )


def text_of(section):
    """Return everything that a section says, one line for each sentence, title or row."""
    lines = [section.title, section.short, *section.answer]
    for block in walk(section.blocks):
        match block:
            case Heading(text) | Paragraph(text) | Details(text, _):
                lines.append(text)
            case Notice(lead, text):
                lines.append(f"{lead} {text}")
            case Points(sentences):
                lines += sentences
            case Gallery(panels):
                lines += [panel.caption for panel in panels]
            case Table():
                lines += [block.title, *block.columns, *block.notes]
                lines += [cell_text(cell) for row in block.rows for cell in row.values()]
            case FigureOf():
                pass
    return "\n".join(lines)
