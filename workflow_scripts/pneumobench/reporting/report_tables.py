"""Every table of the report in LaTeX: one document that compiles by itself."""

import html.parser
import re
from dataclasses import dataclass, field
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path
from pneumobench.reporting.typeset import escape_latex, latex_rows

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


@dataclass
class ReportTable:
    """One table of the report.

    Attributes
    ----------
    titles
        The headings that it stands under.
    columns, rows
        Cells as text.
    numeric
        Which columns hold numbers.
    """

    titles: list[str]
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    numeric: list[bool] = field(default_factory=list)


def read_report_tables(report: str | Path) -> list[ReportTable]:
    """Return all tables of report.html in their order.

    Raises
    ------
    UserError
        If there is none.
    """
    text = Path(report).read_text(encoding="utf-8")
    reader = _Reader()
    # Embedded pictures are long and say nothing here.
    reader.feed(re.sub(r'src="data:[^"]*"', "", text))
    if not reader.tables:
        raise UserError(
            "the report holds no table",
            where=str(report),
            expected="a report written by rule render_report",
            remedy=f"remove {report} and run snakemake again",
        )
    return reader.tables


def typeset_tables(report: str | Path, latex: str | Path, *, title: str) -> None:
    """Write every table of the report as one LaTeX document; long ones over several pages.

    Parameters
    ----------
    report
        report.html.
    latex
        The document to write; needs booktabs, graphicx and pdflscape.
    title
        Title of the report.
    """
    parts = [_PREAMBLE, rf"\section*{{{escape_latex(title)}}}", r"\begin{landscape}"]
    for number, table in enumerate(read_report_tables(report), start=1):
        blocks = range(0, max(len(table.rows), 1), _ROWS)
        for start in blocks:
            caption = f"Table {number}. {': '.join(table.titles)}"
            caption += f" ({start // _ROWS + 1} of {len(blocks)})" if len(blocks) > 1 else ""
            body = latex_rows(table.columns, table.rows[start : start + _ROWS], _alignment(table))
            parts += [rf"\noindent {escape_latex(caption)}", "", r"\medskip"]
            parts += [rf"\noindent\fit{{\footnotesize {body}}}", "", r"\clearpage"]
    with atomic_path(latex) as temporary:
        text = "\n".join([*parts, r"\end{landscape}", r"\end{document}", ""])
        temporary.write_text(text, encoding="utf-8")


def _alignment(table: ReportTable) -> list[str]:
    cells = list(zip(table.columns, *table.rows, strict=True))
    longest = [max(map(len, column[1:]), default=0) for column in cells]
    return [
        "r" if number else r"p{62mm}" if length > _CHARACTERS else "l"
        for number, length in zip(table.numeric, longest, strict=True)
    ]


class _Reader(html.parser.HTMLParser):
    """Collects tables, each with the section, heading and summary that it stands under."""

    _TITLES = ("h2", "h3", "summary")

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[ReportTable] = []
        self.titles: dict[str, str] = {}
        self.inside: str | None = None
        self.text: list[str] = []
        self.row: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._TITLES:
            # A heading ends those of the ranks below it.
            for lower in self._TITLES[self._TITLES.index(tag) :]:
                self.titles.pop(lower, None)
            self.inside, self.text = tag, []
        elif tag == "table":
            self.tables.append(ReportTable(list(self.titles.values())))
        elif tag == "tr":
            self.row = []
        elif tag in ("th", "td"):
            self.inside, self.text = tag, []
            if tag == "th":
                self.tables[-1].numeric.append("number" in (dict(attrs).get("class") or ""))

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self.titles.pop("summary", None)
        elif tag == "tr":
            if self.row:
                self.tables[-1].rows.append(self.row)
        elif tag == self.inside:
            text = " ".join("".join(self.text).split())
            if tag == "th":
                self.tables[-1].columns.append(text)
            elif tag == "td":
                self.row.append(text)
            else:
                self.titles[tag] = text
            self.inside = None
