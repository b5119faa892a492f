"""What sections of the report are built from, and what they show as text."""

import re
from types import MappingProxyType

from pneumobench.reporting.section import (
    Details,
    Gallery,
    Heading,
    Notice,
    Paragraph,
    Points,
    walk,
)
from pneumobench.reporting.table import Table, cell_text
from pneumobench.reporting.words import Words

CHILDREN = Words()
# Nothing of pneumonia, children or normal images may be said of these data.
EFFUSION = Words("effusion", "no finding", adults=True)
_USUAL = re.compile(r"\b(pneumonias?|child(ren)?|normal)\b", re.IGNORECASE)
_SETTINGS = MappingProxyType({"data": {"source": "phantom"}})


def report_files(made, *, settings=_SETTINGS, looks=None, map_method=None, **inputs):
    """Return the files of a made-up `Experiment`, of phantoms unless `settings` say otherwise."""
    return made.files(dict(settings), looks=looks, map_method=map_method, **inputs)


def table_of(section, name):
    """Return the rows of a section's table as text; none where it is not there."""
    found = [table for table in section.tables if table.name == name]
    return (
        [{key: cell_text(cell) for key, cell in row.items()} for row in found[0].rows]
        if found
        else []
    )


def text_of(section):
    """Return everything that a section says, one line for each sentence, title or cell."""
    return "\n".join(texts(section))


def usual_words(section):
    """Return the texts that speak of pneumonia, children or normal images."""
    return [text for text in texts(section) if _USUAL.search(text)]


def texts(section):
    """Return every piece of text of a section, in order."""
    found = [section.title, section.short, *section.answer]
    for block in walk(section.blocks):
        match block:
            case Heading(text) | Paragraph(text) | Details(text, _):
                found.append(text)
            case Notice(lead, text):
                found.append(f"{lead} {text}")
            case Points(sentences):
                found += sentences
            case Gallery(panels):
                found += [panel.caption for panel in panels]
            case Table():
                found += [block.title, *block.columns, *block.notes]
                found += [cell_text(cell) for row in block.rows for cell in row.values()]
    return found
