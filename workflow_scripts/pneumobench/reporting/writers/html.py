"""The page: every block of every section through one template; it loads nothing."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

import pneumobench
from pneumobench.reporting.section import Block, Gallery, Heading, Section, walk
from pneumobench.reporting.table import Cell, Table, cell_number, cell_text
from pneumobench.reporting.writers.csv import csv_table
from pneumobench.reporting.writers.latex import latex_table
from pneumobench.reporting.writers.pictures import embedded_figure, embedded_panel

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in the page.

    Attributes
    ----------
    path
        The PNG file.
    title, caption
        What stands below it.
    """

    path: str | Path
    title: str
    caption: str


@dataclass(frozen=True)
class Page:
    """What a page is made of, beside its figures.

    Attributes
    ----------
    title, experiment
        Title of the report and name of the experiment.
    sections
        What it shows, in order.
    notices
        What nobody shall overlook, at its head: the first words, and the text.
    glossary
        Terms that a reader needs from the first sentence on, and what they mean.
    runs
        Names of runs, ensembles and baselines, which a reader may look for.
    """

    title: str
    experiment: str
    sections: Sequence[Section]
    notices: Sequence[tuple[str, str]] = ()
    glossary: Sequence[tuple[str, str]] = ()
    runs: Sequence[str] = ()


def html_page(page: Page, figures: Mapping[str, Picture]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    page
        Its texts and tables.
    figures
        Figures by name; a `FigureOf` another name shows nothing.

    Raises
    ------
    UserError
        If a picture cannot be read, is cut or damaged, or is of another figure.
    """
    blocks = [block for section in page.sections for block in walk(section.blocks)]
    panels = sum(len(block.panels) for block in blocks if isinstance(block, Gallery))
    environment = _environment()
    environment.filters["panel"] = partial(embedded_panel, panels=panels)
    content = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in _OWN}
    return environment.get_template("report.html.j2").render(
        page=page,
        parts=[(section, *_parts(section.blocks)) for section in page.sections],
        figures={
            name: (embedded_figure(shown.path, len(figures)), shown)
            for name, shown in figures.items()
        },
        version=pneumobench.__version__,
        downloads=_downloads([block for block in blocks if isinstance(block, Table)]),
        style=Markup(content["style.css"]),
        script=Markup(content["script.js"]),
        # A browser runs and shows what has these hashes, whatever else might get into the page.
        hashes={name: _digest(text) for name, text in content.items()},
    )


_OWN = ("style.css", "script.js")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "kind": lambda block: type(block).__name__,
        "code": _code,
        "slug": _slug,
        "cell": _cell,
        "classes": _classes,
    }
    return environment


def _parts(blocks: Sequence[Block]) -> tuple[list[Block], list[tuple[Heading, list[Block]]]]:
    """Return the blocks before the first heading, and those below each heading."""
    first: list[Block] = []
    parts: list[tuple[Heading, list[Block]]] = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append((block, []))
        else:
            (parts[-1][1] if parts else first).append(block)
    return first, parts


def _classes(table: Table, column: str) -> str:
    """Return the classes of a column's cells: numbers, the name that stays in sight, or aside."""
    classes = {
        "number": not table.is_text(column),
        "name": column == table.name_column,
        "aside": column in table.aside,
    }
    return " ".join(name for name, applies in classes.items() if applies)


def _cell(cell: Cell, table: Table, column: str) -> Markup:
    """Return a cell: text on the left; a number on the right, with what it is sorted by."""
    text, classes = cell_text(cell), _classes(table, column)
    attribute = Markup(' class="{}"').format(classes) if classes else ""
    if table.is_text(column):
        # A long name may be broken behind an underscore, so that wide tables stay on the page.
        broken = escape(text).replace("_", Markup("_<wbr>"))
        return Markup("<td{}>{}</td>").format(attribute, broken)
    number = cell_number(cell)
    key = "" if number is None else repr(number)
    value, opened, bounds = text.partition(" (")
    if table.narrow and opened:
        return Markup('<td{} data-key="{}">{} <small>({}</small></td>').format(
            attribute, key, value, bounds
        )
    return Markup('<td{} data-key="{}">{}</td>').format(attribute, key, text)


def _code(text: str) -> Markup:
    """Return running text in which `names` between backticks are set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    pieces = (Markup("<code>{}</code>").format(part) if i % 2 else escape(part)
              for i, part in enumerate(parts))  # fmt: skip
    return Markup("").join(pieces)


def _slug(text: str) -> str:
    """Return a heading as an anchor, without the count in brackets behind it."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r" \([^()]*\)$", "", text).lower()).strip("-")


def _downloads(tables: Sequence[Table]) -> str:
    """Return every table as CSV and LaTeX, by its name: JSON, packed and spelt in letters."""
    files = {table.name: [csv_table(table), latex_table(table)] for table in tables if table.rows}
    return base64.b64encode(zlib.compress(json.dumps(files).encode(), 9)).decode("ascii")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
