"""Tables as LaTeX: one to be set into a text, or all of them as a document that compiles."""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pneumobench.core.files import atomic_path
from pneumobench.reporting.section import Section
from pneumobench.reporting.table import Table, cell_text
from pneumobench.reporting.wording import EMPTY, EN_DASH

_SPECIALS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    EN_DASH: "--",
    EMPTY: "---",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{EM SPACE}": r"\quad{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{MICRO SIGN}": r"$\mu$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
}
# Rows on one page; cells with more characters get a paragraph of their own.
_ROWS, _CHARACTERS = 40, 40
_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=15mm]{geometry}
\usepackage{booktabs,graphicx,pdflscape}
% A table wider than the page is made to fit; one that fits keeps its size.
\newcommand{\fit}[1]{\sbox0{#1}\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi}
\begin{document}
"""


def escape_latex(text: str) -> str:
    """Replace everything that LaTeX would take for a command.

    >>> print(escape_latex("ResNet_18 & 5%"))
    ResNet\\_18 \\& 5\\%
    """
    return "".join(_SPECIALS.get(character) or _known(character) for character in text)


def latex_table(table: Table) -> str:
    """Return a table as a float with its notes as caption; needs booktabs and graphicx."""
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,graphicx}",
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(' '.join(table.notes) or table.title)}}}",
            rf"\label{{tab:{table.name}}}",
            r"\resizebox{\textwidth}{!}{%",
            _tabular(table, ["l" if table.is_text(name) else "r" for name in table.columns]) + "}",
            r"\end{table*}",
            "",
        ]
    )


def write_document(sections: Iterable[Section], path: str | Path, *, title: str) -> None:
    """Write all tables of all sections as one LaTeX document; long ones over several pages.

    Parameters
    ----------
    sections
        The sections of the report, in their order.
    path
        The document to write; needs booktabs, graphicx and pdflscape.
    title
        Title of the report.
    """
    parts = [_PREAMBLE, rf"\section*{{{escape_latex(title)}}}", r"\begin{landscape}"]
    tables = [(section, table) for section in sections for table in section.tables]
    for number, (section, table) in enumerate(tables, start=1):
        blocks = range(0, len(table.rows), _ROWS)
        for start in blocks:
            caption = f"Table {number}. {section.short}: {table.title}"
            caption += f" ({start // _ROWS + 1} of {len(blocks)})" if len(blocks) > 1 else ""
            page = replace(table, rows=table.rows[start : start + _ROWS])
            body = _tabular(page, _alignment(table))
            parts += [rf"\noindent {escape_latex(caption)}", "", r"\medskip"]
            parts += [rf"\noindent\fit{{\footnotesize {body}}}", "", r"\clearpage"]
    with atomic_path(path) as temporary:
        text = "\n".join([*parts, r"\end{landscape}", r"\end{document}", ""])
        temporary.write_text(text, encoding="utf-8")


def _alignment(table: Table) -> list[str]:
    """Return what LaTeX wants to know of each column: `l`, `r`, `p{...}`."""
    longest = {name: max(len(cell_text(row[name])) for row in table.rows) for name in table.columns}
    return [
        "r" if not table.is_text(name) else r"p{62mm}" if longest[name] > _CHARACTERS else "l"
        for name in table.columns
    ]


def _tabular(table: Table, alignment: list[str]) -> str:
    """Return a table from its first rule to its last."""

    def line(values: Iterable[str]) -> str:
        return " & ".join(map(escape_latex, values)) + r" \\"

    return "\n".join(
        [
            rf"\begin{{tabular}}{{{''.join(alignment)}}}",
            r"\toprule",
            line(table.columns),
            r"\midrule",
            *(line(map(cell_text, row.values())) for row in table.rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _known(character: str) -> str:
    """Return what every LaTeX can print: Latin 1 as it is, else the nearest plain letters."""
    if not character.isprintable():
        return " "
    if ord(character) < 256:
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or "?"
