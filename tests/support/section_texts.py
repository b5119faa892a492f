"""What a section of the report says, for tests that look for words."""

import re

from pneumobench.reporting.section import Details, Heading, Notice, Paragraph, Points, walk
from pneumobench.reporting.table import Table, cell_text
from pneumobench.reporting.words import Words

# Nothing of pneumonia, children or normal images may be said of these data.
EFFUSION = Words("effusion", "no finding", adults=True)
_USUAL = re.compile(r"\b(pneumonias?|child(ren)?|normal)\b", re.IGNORECASE)


def table(section, name):
    """Return the rows of a table with the texts of their cells."""
    (found,) = [one for one in section.tables if one.name == name]
    return [{title: cell_text(cell) for title, cell in row.items()} for row in found.rows]


def texts(section):
    """Return every piece of text of a section, in order."""
    found = [section.title, section.short, *section.answer]
    for block in walk(section.blocks):
        match block:
            case Heading(text) | Paragraph(text):
                found.append(text)
            case Notice(lead, text):
                found.append(f"{lead} {text}")
            case Points(sentences):
                found += sentences
            case Details(summary):
                found.append(summary)
            case Table(title=title, notes=notes):
                found += [title, *notes, *block.columns]
                found += [
                    cell for row in block.rows for cell in row.values() if isinstance(cell, str)
                ]
    return found


def usual_words(section):
    """Return the texts that speak of pneumonia, children or normal images."""
    return [text for text in texts(section) if _USUAL.search(text)]
