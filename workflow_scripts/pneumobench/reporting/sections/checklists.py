"""Checklists of reporting guidelines, as filled in by this experiment."""

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import Heading, Paragraph, Section
from pneumobench.reporting.table import Table
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where none was filled in."""
    content = files.json("checklists")
    if content is None:
        return None
    lists = content["checklists"]
    blocks = [
        Paragraph(
            "Filled in from this experiment, item by item: "
            + ", ".join(f"{filled['name']} ({filled['summary']})" for filled in lists)
            + ". What these data cannot answer is marked as not available; what only people can "
            "answer is left to the authors. The same lists are Markdown files in "
            "`report/checklists/`."
        )
    ]
    for filled in lists:
        blocks += [
            Heading(f"{filled['title']} ({len(filled['rows'])} items)"),
            Table(filled["file"], filled["title"], filled["rows"], notes=(filled["note"],)),
        ]
    return Section(
        name="checklists",
        title="What do reporting guidelines ask for?",
        short="Reporting guidelines",
        blocks=tuple(blocks),
    )
