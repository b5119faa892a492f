"""Tables as text: Markdown and LaTeX."""

from collections.abc import Iterable, Sequence

from pneumobench.reporting.wording import EMPTY, EN_DASH

_LATEX_SPECIALS = {
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
    "\N{THIN SPACE}": r"\,",
}


def escape_latex(text: str) -> str:
    """Replace everything that LaTeX would take for a command.

    >>> print(escape_latex("ResNet_18 & 5%"))
    ResNet\\_18 \\& 5\\%
    """
    return "".join(_LATEX_SPECIALS.get(character, character) for character in text)


def markdown_table(
    columns: Iterable[str], rows: Iterable[Sequence[str]], text: Sequence[bool]
) -> str:
    """Return a Markdown table; `text` says which columns are aligned left."""

    def line(values: Iterable[str]) -> str:
        return f"| {' | '.join(value.replace('|', chr(92) + '|') for value in values)} |"

    rule = ["---" if is_text else "---:" for is_text in text]
    return "\n".join([line(columns), line(rule), *map(line, rows), ""])


def latex_rows(
    columns: Iterable[str],
    rows: Iterable[Sequence[str]],
    text: Sequence[bool],
    environment: str = "tabular",
) -> str:
    """Return a LaTeX table from its first rule to its last; needs the package booktabs.

    Parameters
    ----------
    columns
        Titles of the columns.
    rows
        The cells of each row.
    text
        Which columns are aligned left.
    environment
        `tabular`, or `longtable` for tables over several pages.
    """

    def line(values: Iterable[str]) -> str:
        return " & ".join(map(escape_latex, values)) + r" \\"

    alignment = "".join("l" if is_text else "r" for is_text in text)
    return "\n".join(
        [
            rf"\begin{{{environment}}}{{{alignment}}}",
            r"\toprule",
            line(columns),
            r"\midrule",
            *([r"\endhead"] if environment == "longtable" else []),
            *map(line, rows),
            r"\bottomrule",
            rf"\end{{{environment}}}",
        ]
    )
