"""Tables and names as Markdown."""

import re
from collections.abc import Iterable

from pneumobench.reporting.table import Table, cell_text


def escape_markdown(text: str) -> str:
    """Replace everything that Markdown, and the HTML in it, would take for more than text.

    >>> print(escape_markdown("*no* finding <b>, a|b, light_2"))
    \\*no\\* finding &lt;b&gt;, a\\|b, light_2
    """
    text = " ".join(text.split("\n"))
    text = re.sub(r"&(?=[#\w])", "&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    # Inside a word an underscore is one.
    text = re.sub(r"[\\`*|\[\]~$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    # What would begin a heading or a list.
    return re.sub(r"^(\s*)(#|[-+](?=\s)|\d+(?=[.)]\s))", _unmarked, text)


def code_span(text: str) -> str:
    """Return a name as Markdown's code, in which everything is text but its own mark."""
    return f"`{' '.join(text.replace('`', '').split())}`"


def markdown_table(table: Table) -> str:
    """Return a table in Markdown, its notes as a list below it."""

    def line(values: Iterable[str]) -> str:
        return f"| {' | '.join(map(escape_markdown, values))} |"

    rule = ["---" if table.is_text(column) else "---:" for column in table.columns]
    rows = [line(map(cell_text, row.values())) for row in table.rows]
    notes = [f"- {escape_markdown(note)}" for note in table.notes]
    return "\n".join([line(table.columns), line(rule), *rows, "", *notes, *([""] if notes else [])])


def _unmarked(found: re.Match) -> str:
    mark = found[2]
    return f"{found[1]}&#{ord(mark[0])};{mark[1:]}"
