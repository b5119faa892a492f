"""Tables as text: Markdown and LaTeX."""

import re
import unicodedata
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


def escape_latex(text: str) -> str:
    """Replace everything that LaTeX would take for a command.

    >>> print(escape_latex("ResNet_18 & 5%"))
    ResNet\\_18 \\& 5\\%
    """
    return "".join(_LATEX_SPECIALS.get(character) or _known(character) for character in text)


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


def _unmarked(found: re.Match) -> str:
    mark = found[2]
    return f"{found[1]}&#{ord(mark[0])};{mark[1:]}"


def _known(character: str) -> str:
    """Return what every LaTeX can print: Latin 1 as it is, else the nearest plain letters."""
    if not character.isprintable():
        return " "
    if ord(character) < 256:
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or "?"


def markdown_table(
    columns: Iterable[str], rows: Iterable[Sequence[str]], text: Sequence[bool]
) -> str:
    """Return a Markdown table of cells that are text; `text` says which are aligned left."""

    def line(values: Iterable[str]) -> str:
        return f"| {' | '.join(map(escape_markdown, values))} |"

    rule = ["---" if is_text else "---:" for is_text in text]
    return "\n".join([line(columns), line(rule), *map(line, rows), ""])


def latex_rows(
    columns: Iterable[str], rows: Iterable[Sequence[str]], alignment: Sequence[str]
) -> str:
    """Return a LaTeX table from its first rule to its last; needs the package booktabs.

    Parameters
    ----------
    columns
        Titles of the columns.
    rows
        The cells of each row.
    alignment
        What LaTeX wants to know of each column: `l`, `r`, `p{...}`.
    """

    def line(values: Iterable[str]) -> str:
        return " & ".join(map(escape_latex, values)) + r" \\"

    return "\n".join(
        [
            rf"\begin{{tabular}}{{{''.join(alignment)}}}",
            r"\toprule",
            line(columns),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )
