"""How every figure looks, and how it is saved.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart under all common
kinds of colour blindness; a line style and a marker repeat what the colour says, so that a figure
printed in grey can be read as well. `matplotlib.pyplot` is not imported: no figure needs a window,
and a plot job starts sooner without it.
"""

import contextlib
import io
import logging
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, get_hinting_flag
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_pdf import Op, PdfFile, RendererPdf
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from pneumobench.core.files import atomic_path
from pneumobench.reporting.figure_file import NAME
from pneumobench.reporting.plain_text import shortened, shown
from pneumobench.reporting.words import USUAL, Words

# Embedding a font writes a dozen lines of no interest into the log of every figure.
logging.getLogger("fontTools").setLevel(logging.WARNING)

# A mm in inches, and points of an inch.
MM, POINTS = 1 / 25.4, 72
# Full text width of a journal page, for which figures are composed, in inches.
PAGE_WIDTH = 183 * MM
PNG_DPI = 220
FORMATS = ("png", "pdf", "svg")
_HALF_PAGE = 2.8
NOTE_HEIGHT, NOTE_SIZE = 0.15, 7
LEGEND_LINE = 0.16
# Lines of a name that is broken, and the height of a line in letters.
_LINES, LINE_HEIGHT = 3, 1.2

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, BLACK = "#CC79A7", "#E69F00", "#56B4E9", "#000000"
GREY, LIGHT_GREY, DARK_GREY = "#9A9A9A", "#E4E4E4", "#444444"

# Dark and light colours alternate with clearly different dashes, so that neighbours in rank differ
# in both. A dash pattern is (offset, (on, off, ...)) in units of the line width.
_RUN_STYLES = (
    (BLUE, "solid", "o"),
    (VERMILLION, (0, (5, 1.5)), "s"),
    (GREEN, (0, (1, 1)), "^"),
    (BLACK, (0, (6, 1.5, 1, 1.5)), "D"),
    (ORANGE, (0, (3, 1, 1, 1, 1, 1)), "v"),
    (PURPLE, (0, (9, 2)), "P"),
    (SKY, (0, (2, 2)), "X"),
)
HIGHLIGHTED_RUNS = len(_RUN_STYLES)

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "grid.color": LIGHT_GREY,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "savefig.facecolor": "white",
    # Type 42 embeds TrueType outlines: text stays text, and journals accept the file.
    "pdf.fonttype": 42,
    # Names of radiographs, classes and networks are text; a $ or a backslash in them means itself.
    "text.parse_math": False,
    "text.usetex": False,
    # The names of an SVG's parts are the same each time.
    "svg.hashsalt": "pneumobench",
}


@dataclass(frozen=True)
class Look:
    """How large figures and their letters are; the section `figures` of the configuration.

    A figure is composed in letters of the house style, on a page that is wider or narrower in
    proportion, and enlarged as a whole: so rows, marks and lines grow with the letters.

    Attributes
    ----------
    font_size
        Size of the letters in points.
    width
        Width of the page in mm.
    """

    font_size: float = STYLE["font.size"]
    width: float = PAGE_WIDTH / MM

    @property
    def style(self) -> dict[str, object]:
        """The house style on this page."""
        zoom = self.font_size / STYLE["font.size"]
        return STYLE | {
            "figure.figsize": (self.width * MM / zoom, PAGE_WIDTH),
            # The layout is measured at the resolution at which it is drawn: hinting makes text
            # wider or narrower at others.
            "figure.dpi": PNG_DPI * zoom,
        }


@dataclass(frozen=True)
class RunStyle:
    """Colour, line style and marker of one run in every figure."""

    colour: str
    line: str | tuple
    marker: str
    highlighted: bool

    @property
    def light(self) -> bool:
        """Whether black text is easier to read on the colour than white text."""
        return luminance(self.colour) > 0.35


def luminance(colour: str | tuple[float, ...]) -> float:
    """Return the relative luminance of a colour in [0, 1], as defined by WCAG 2."""
    shares = np.array(to_rgb(colour))
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@contextlib.contextmanager
def styled(look: Look | None = None) -> Iterator[None]:
    """Let figures be made and saved in the house style, whatever matplotlibrc lies about."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update((look or Look()).style)
        yield


def page_width() -> float:
    """Return the width of a page in inches, as figures are composed, not yet enlarged."""
    return matplotlib.rcParams["figure.figsize"][0]


def new_figure(height: float, layout: str | None = "constrained") -> Figure:
    """Return an empty figure, a page wide and `height` inches high.

    With the constrained layout its parts keep clear of each other by themselves. Figures of many
    equal panels pass None and place them on their own: the search takes seconds with fifty panels.
    """
    figure = Figure(figsize=(page_width(), height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def inch_axes(figure: Figure) -> Axes:
    """Return an axes over the whole figure whose coordinates are inches from its upper left."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def place_grid(
    figure: Figure,
    rows: int,
    columns: int,
    *,
    top: float,
    bottom: float,
    left: float,
    gap: tuple[float, float],
) -> np.ndarray:
    """Fill a figure without a layout with equal panels; return them, [rows, columns] of Axes.

    Parameters
    ----------
    top, bottom, left
        Margins in inches; the right margin is 0.1.
    gap
        Space between columns and between rows in inches.
    """
    width, height = figure.get_size_inches()
    panel_width = (width - left - 0.1 - (columns - 1) * gap[0]) / columns
    panel_height = (height - top - bottom - (rows - 1) * gap[1]) / rows
    panels = np.empty((rows, columns), dtype=object)
    for row, column in np.ndindex(rows, columns):
        x = left + column * (panel_width + gap[0])
        y = height - top - panel_height - row * (panel_height + gap[1])
        panels[row, column] = figure.add_axes(
            (x / width, y / height, panel_width / width, panel_height / height)
        )
    return panels


def write_notes(figure: Figure, notes: Sequence[str]) -> None:
    """Write small lines at the foot of a figure, `NOTE_HEIGHT` inches each."""
    height = figure.get_size_inches()[1]
    for position, note in enumerate(reversed(notes)):
        figure.text(
            0.008, (0.05 + position * NOTE_HEIGHT) / height, note,
            fontsize=NOTE_SIZE, color=DARK_GREY, va="bottom", in_layout=False,
        )  # fmt: skip


def legend_above(figure: Figure, samples: Sequence[Line2D], names: Sequence[str]) -> None:
    """Explain marks at the upper left of a figure, in `legend_lines` lines."""
    beside = -(-len(names) // legend_lines(names))
    figure.legend(
        samples, names, loc="upper left", bbox_to_anchor=(0, 1), ncols=beside, borderaxespad=0.2,
        handlelength=2.2, columnspacing=1.6,
    )  # fmt: skip


def legend_lines(names: Sequence[str]) -> int:
    """Return in how many lines `legend_above` has room on the page."""
    room = int(page_width() / (max(text_width(name, 7.5) for name in names) + 0.5))
    whole = sum(text_width(name, 7.5) + 0.5 for name in names)
    return 1 if whole <= page_width() else -(-len(names) // max(room, 1))


def chance_line(axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Draw the thin dotted grey line of a classifier that guesses."""
    axes.plot(x, y, color=GREY, linestyle=(0, (1, 2)), linewidth=1.0, zorder=1)


def mark_chance(axes: Axes) -> None:
    """Draw a line at an area of 0.5, and name it."""
    axes.axvline(0.5, color=GREY, linestyle=(0, (1, 2)), linewidth=1)
    axes.annotate(
        "chance", (0.5, 0), (2, 2), xycoords=axes.get_xaxis_transform(),
        textcoords="offset points", fontsize=7, color=DARK_GREY,
    )  # fmt: skip


def name_above(axes: Axes, name: str, points: float, **style: object) -> None:
    """Write the name of a run so many points above the upper left corner of its two panels.

    They are half a page wide; bold letters need more of it.
    """
    room = _HALF_PAGE * (0.85 if style.get("fontweight") else 1)
    axes.annotate(
        wrapped(name, room, style["fontsize"], most=1), (0, 1), (0, points),
        xycoords="axes fraction", textcoords="offset points", **style,
    )  # fmt: skip


def widest(texts: Iterable[Text]) -> float:
    """Return the width in inches of the longest of a figure's texts."""
    texts = list(texts)
    figure = texts[0].get_figure()
    renderer = figure.canvas.get_renderer()
    return max(text.get_window_extent(renderer).width for text in texts) / figure.dpi


def shade_rows(axes: Axes, rows: int, first: float = -0.5, height: float = 1) -> None:
    """Lay grey behind every other row of a height; `first` is the upper edge of the first."""
    for row in range(0, rows, 2):
        top = first + row * height
        axes.axhspan(top, top + height, color="#F6F6F6", zorder=0)


def stand_between(axes: Axes, left: float, right: float) -> None:
    """Let an axes begin and end so many inches from the borders of the page."""
    box, page = axes.get_position(), page_width()
    axes.set_position((left / page, box.y0, (page - left - right) / page, box.height))


def class_label(words: Words, label: str) -> str:
    """Return what a class or subtype is called."""
    return words.name(label) if label in USUAL else words.subtype(label)


def wrapped(text: str, inches: float, size: float, most: int = _LINES) -> str:
    """Break a text so that no line is wider than a place in a figure.

    Parameters
    ----------
    text
        The text; what does not fit loses its middle.
    inches
        Width of the place.
    size
        Size of the letters in points.
    most
        The most lines.
    """
    text = shown(text, len(text)).replace("\n", " ").strip(" ")

    def lines(length: int) -> list[str]:
        return _broken(shortened(text, length), inches, size)

    if len(whole := lines(len(text))) <= most:
        return "\n".join(whole)
    lengths = range(1, len(text))
    fits = bisect_right(lengths, most, key=lambda length: len(lines(length)))
    return "\n".join(lines(max(fits, 1))[:most])


def lines_height(texts: Iterable[str], size: float) -> float:
    """Return how high the text with most lines is, in inches; `size` in points."""
    return max(text.count("\n") + 1 for text in texts) * size * LINE_HEIGHT / 72


def note_lines(notes: Iterable[str], inches: float | None = None) -> list[str]:
    """Break notes into lines that are as long as the page is wide, or so many inches."""
    room = page_width() - 0.12 if inches is None else inches
    return [line for note in notes for line in wrapped(note, room, NOTE_SIZE, most=8).split("\n")]


def _broken(text: str, inches: float, size: float) -> list[str]:
    """Return lines of whole words; a word that is too wide is broken anywhere."""
    lines = [""]
    # Blanks within numbers are others than those between words, and no place for a break.
    for blanks, word in re.findall("( *)([^ ]+)", text):
        joined = f"{lines[-1]}{blanks}{word}" if lines[-1] else word
        if text_width(joined, size) <= inches:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter, size) > inches:
                lines.append("")
            lines[-1] += letter
    return lines


def text_width(text: str, size: float) -> float:
    """Return the width of a line in the figures' font, in inches."""
    font = get_font(findfont(STYLE["font.family"]))
    dpi = matplotlib.rcParams["figure.dpi"]
    font.set_size(size, dpi)
    # Hinted as it is drawn.
    font.set_text(text, 0.0, flags=get_hinting_flag())
    # In 64ths of a pixel.
    return font.get_width_height()[0] / 64 / dpi


def save_figure(
    figure: Figure, stem: str | Path, formats: Sequence[str] = FORMATS[:2]
) -> dict[str, Path]:
    """Save a figure as `stem`.png, .pdf, .svg; the same figure gives the same bytes each time.

    A file of another format, drawn earlier, is removed.

    Parameters
    ----------
    figure
        The figure.
    stem
        Path without a suffix.
    formats
        Some of `FORMATS`.

    Returns
    -------
    dict of Path
        By format: PNG (220 dots per inch, with its name as text), PDF (fonts embedded as TrueType),
        SVG (letters as outlines).
    """
    for text in figure.findobj(Text):
        # Names come from data, and no figure has to remember it.
        if (drawable := shown(text.get_text())) != text.get_text():
            text.set_text(drawable)
    stem = Path(stem)
    if figure.get_layout_engine() is not None:
        # The layout is computed once, not anew for each file.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    paths = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in formats}
    for kind, path in paths.items():
        with atomic_path(path) as temporary:
            _WRITERS[kind](figure, temporary, stem.name)
    for kind in set(FORMATS) - set(paths):
        # Beside the new ones it would be an old figure of the same name.
        stem.with_name(f"{stem.name}.{kind}").unlink(missing_ok=True)
    return paths


# Dates and library versions would make the files of two equal runs differ.


def _write_png(figure: Figure, path: Path, name: str) -> None:
    figure.savefig(path, format="png", dpi="figure", metadata={"Software": None, NAME: name})


def _write_pdf(figure: Figure, path: Path, _name: str) -> None:
    zoom, dpi = figure.dpi / PNG_DPI, figure.dpi
    width, height = figure.get_size_inches()
    about = {"CreationDate": None, "Creator": "pneumobench", "Producer": None}
    file = PdfFile(path, metadata=about)
    try:
        # As `savefig` does, but for the enlargement.
        file.newPage(zoom * width, zoom * height)
        file.output(zoom, 0, 0, zoom, 0, 0, Op.concat_matrix)
        figure.dpi = POINTS
        onto = RendererPdf(file, dpi, height, width)
        renderer = MixedModeRenderer(figure, width, height, dpi, onto)
        figure.draw(renderer)
        renderer.finalize()
        file.finalize()
    finally:
        figure.dpi = dpi
        file.close()


def _write_svg(figure: Figure, path: Path, name: str) -> None:
    zoom, text = figure.dpi / PNG_DPI, io.StringIO()
    about = {"Date": None, "Creator": "pneumobench", "Title": name}
    figure.savefig(text, format="svg", metadata=about)
    # Coordinates are those of the viewBox, whatever the size of the page.
    size = [
        f'{side}="{POINTS * zoom * inches:.6g}pt"'
        for side, inches in zip(("width", "height"), figure.get_size_inches(), strict=True)
    ]
    enlarged = re.sub(r'width="[^"]*pt" height="[^"]*pt"', " ".join(size), text.getvalue(), count=1)
    path.write_text(enlarged, encoding="utf-8")


_WRITERS = dict(zip(FORMATS, (_write_png, _write_pdf, _write_svg), strict=True))


def run_styles(labels: Sequence[str]) -> dict[str, RunStyle]:
    """Return the style of every run, given the labels in order of rank.

    Up to seven runs have a style of their own. Of more, the first six have, and the others share a
    thin grey line: nobody can distinguish thirteen colours.
    """
    own = len(labels) if len(labels) <= HIGHLIGHTED_RUNS else HIGHLIGHTED_RUNS - 1
    styles = {
        label: RunStyle(*_RUN_STYLES[position], highlighted=True)
        for position, label in enumerate(labels[:own])
    }
    rest = RunStyle(GREY, "solid", ".", highlighted=False)
    return styles | {label: rest for label in labels[own:]}
