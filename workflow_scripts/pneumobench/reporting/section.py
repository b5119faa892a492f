"""A section of the report, as data: what it answers and what it shows, in their order.

A module of `reporting/sections/` has a function `build(files, words) -> Section | None`; None where
the experiment has nothing to say about it. Writers know how blocks look; sections do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pneumobench.reporting.table import Table


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text; `code` between backticks is set as code."""

    text: str


@dataclass(frozen=True)
class Notice:
    """A box that nobody shall overlook; `lead` is set bold."""

    lead: str
    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences. `warning`: each begins with the word Warning."""

    sentences: tuple[str, ...]
    warning: bool = False


@dataclass(frozen=True)
class FigureOf:
    """Where a figure stands, by its name in `reporting.figures`; nothing where it was not drawn."""

    name: str


@dataclass(frozen=True)
class Panel:
    """A picture of its own with a caption, such as one radiograph with its map.

    `source` is the PNG file.
    """

    source: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away below a line of text, on paper as well."""

    summary: str
    blocks: tuple["Block", ...]


Block = Heading | Paragraph | Notice | Points | FigureOf | Gallery | Details | Table


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes
    ----------
    name
        Its anchor.
    title
        The question that it answers: its heading.
    short
        The words that lead there in the contents.
    answer
        The answer in a sentence, and the sentences that follow from it.
    blocks
        What it shows, in order. Empty tables are not shown.
    origins
        What is shown, the file that it is from and the rule that writes it.
    """

    name: str
    title: str
    short: str
    answer: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    origins: tuple[tuple[str, str, str], ...] = ()

    @property
    def tables(self) -> list[Table]:
        """All tables that have rows, in their order."""
        return [block for block in walk(self.blocks) if isinstance(block, Table) and block.rows]

    @property
    def figures(self) -> list[str]:
        """Names of the figures that stand in it, in their order."""
        return [block.name for block in walk(self.blocks) if isinstance(block, FigureOf)]


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Go through blocks and those folded away inside them, in order."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from walk(block.blocks)
