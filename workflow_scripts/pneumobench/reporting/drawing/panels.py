"""Panels of single radiographs: the original, the map, and both together."""

import contextlib
import os
import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.explained import why_no_maps
from pneumobench.reporting.drawing.painting import OPACITY, overlay, place_on_radiograph
from pneumobench.reporting.drawing.style import DARK_GREY, styled
from pneumobench.reporting.explained import (
    outcomes,
    panel_rows,
    read_explained,
    reasons,
    said_class,
    size_note,
)
from pneumobench.reporting.plain_text import shown
from pneumobench.reporting.wording import listing
from pneumobench.reporting.words import Words

# Radiographs have up to 3,000 pixels a side, more than a map of 7 x 7 cells needs; a small one is
# enlarged by a whole factor, so that its heading has room.
LONGEST_SIDE, SHORTEST_LONG_SIDE = 1200, 480
NO_MAPS = "no_maps.txt"
_DPI = 100
_CUT_OFF = 225  # grey of what the network did not see

Decode = Callable[[bytes, int | None], tuple[np.ndarray, str]]


@styled()
def draw_panels(
    explained: str | Path,
    maps: str | Path,
    root: str | Path,
    folder: str | Path,
    *,
    title: str,
    size: int,
    resize: str,
    colour_map: str,
    decode: Decode,
    words: Words,
) -> None:
    """Draw image, map and overlay of every image that was chosen by its outcome, one PNG each.

    An image with a longer side above 1,200 pixels is reduced to that, one below 480 enlarged by a
    whole factor; others keep their resolution. An empty map is not painted. The folder appears
    only when all panels are in it; of a run without maps it holds a text that says why.

    Parameters
    ----------
    explained, maps
        explained.csv and maps.npz of a run.
    root
        The folder that the paths in explained.csv are relative to.
    folder
        The folder to write; one that is there is replaced.
    title
        The run's name for people.
    size, resize
        Side of the network's square in pixels; how radiographs became it: squash, pad or crop.
    colour_map
        Name of a colour map of matplotlib.
    decode
        Decodes the bytes of an image file, whose values have the depth of explained.csv, to (uint8
        [height, width], pixel format).
    words
        What the classes are called.

    Raises
    ------
    UserError
        If a radiograph cannot be read, or if the two files do not belong together.
    """
    table, joint = read_explained(explained, maps)
    reason = why_no_maps(maps)
    with _complete_folder(Path(folder)) as temporary:
        if reason:
            # An archive holds files alone, and would lose an empty folder.
            (temporary / NO_MAPS).write_text(f"No maps are available: {reason}\n", encoding="utf-8")
        for position, row in panel_rows(table).iterrows():
            radiograph = _read_radiograph(Path(root) / row["path"], row["depth"], decode)
            shown = _resized(radiograph)
            placed = place_on_radiograph(
                joint[position], shown.shape, radiograph=radiograph.shape, size=size, resize=resize
            )
            heading = _heading(row, title, words)
            notes = _notes(row, placed, joint.shape[1:], words)
            figure = _draw(row, heading, notes, shown, placed, colour_map)
            _save(figure, temporary / row["panel"])


@contextlib.contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the folder's place only if the block succeeds."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read_radiograph(path: Path, depth: float, decode: Decode) -> np.ndarray:
    try:
        return decode(path.read_bytes(), None if pd.isna(depth) else int(depth))[0]
    except (OSError, ValueError) as error:
        raise UserError(
            "an explained radiograph cannot be read",
            where=f"{path}: {error}",
            expected="the radiograph that was explained",
            remedy="restore it, or set explanation.method to none",
        ) from error


def _resized(radiograph: np.ndarray) -> np.ndarray:
    longest = max(radiograph.shape)
    if longest < SHORTEST_LONG_SIDE:
        factor = -(-SHORTEST_LONG_SIDE // longest)
        return radiograph.repeat(factor, axis=0).repeat(factor, axis=1)
    if longest <= LONGEST_SIDE:
        return radiograph
    height, width = (max(1, round(side * LONGEST_SIDE / longest)) for side in radiograph.shape)
    return np.asarray(
        Image.fromarray(radiograph).resize((width, height), Image.Resampling.BILINEAR)
    )


@dataclass(frozen=True)
class _Layout:
    """Sizes and places in pixels; y counts from the top."""

    height: int
    width: int
    heading: list[str]
    notes: list[str]

    @property
    def font(self) -> int:
        # In proportion to the panel: it must be legible in the report's thumbnails as well.
        return max(15, self.width // 25)

    @property
    def line(self) -> int:
        return round(1.45 * self.font)

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height of the whole."""
        notes = self.top + self.height + round(0.5 * self.line) + len(self.notes) * self.line
        return self.left(3) + 7 * self.font, notes + self.font // 2

    @property
    def top(self) -> int:
        """Upper edge of the radiographs, below the heading and the parts' names."""
        return round((len(self.heading) + 1.9) * self.line)

    def left(self, part: int) -> int:
        return self.font + part * (self.width + self.font)

    def wrapped(self, text: str) -> list[str]:
        # Letters of the font are 0.6 of its size wide on average.
        return textwrap.wrap(text, int((self.canvas[0] - 2 * self.font) / (0.6 * self.font)))


def _draw(
    row: pd.Series,
    heading: list[str],
    notes: str,
    radiograph: np.ndarray,
    placed: np.ndarray,
    colour_map: str,
) -> Figure:
    layout = _Layout(*radiograph.shape, heading=[], notes=[])
    layout.heading.extend(line for text in heading for line in layout.wrapped(text))
    layout.notes.extend(layout.wrapped(notes))
    width, height = layout.canvas
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    for index, text in enumerate(layout.heading):
        colour = "black" if index == 0 else DARK_GREY
        _write(figure, layout, layout.font, (index + 0.3) * layout.line, text, color=colour)
    for part, (name, image) in enumerate(_parts(row, radiograph, placed, colour_map)):
        _write(figure, layout, layout.left(part), layout.top - 1.15 * layout.line, name)
        figure.figimage(image, layout.left(part), height - layout.top - layout.height)
    if not row["empty"]:
        _draw_bar(figure, layout, row["peak"], colour_map)
    for index, text in enumerate(layout.notes):
        y = layout.top + layout.height + (index + 0.3) * layout.line
        _write(figure, layout, layout.font, y, text, color=DARK_GREY)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.canvas.draw()
    # Radiographs are noise to a compressor: higher levels take twice the time and save little.
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).save(path, compress_level=4)


def _heading(row: pd.Series, title: str, words: Words) -> list[str]:
    truth, subtype = words.name(row["label"]), words.subtype(row["subtype"])
    if subtype not in (truth, ""):
        truth = f"{truth} ({subtype})"
    said = words.name(said_class(row["outcome"]))
    outcome = outcomes(words)[row["outcome"]]
    among = reasons(row["chosen"])
    place = f"; {listing(among)} of these" if among else ""
    return [
        f"{title}: {Path(row['path']).name}",
        f"True class: {truth}. The network says {said}: probability of {words.positive} "
        f"{row['probability']:.3f} (not calibrated), threshold {row['threshold']:.3f}. "
        f"{outcome[0].upper()}{outcome[1:]} ({row['outcome'].replace('_', ' ')}{place}).",
        f"Class explained: {words.name(row['target'])}. Fold {row['fold']}, not trained on "
        "this radiograph.",
    ]


def _notes(row: pd.Series, placed: np.ndarray, cells: tuple[int, int], words: Words) -> str:
    size = size_note(cells)
    notes = [f"No region speaks for {words.name(row['target'])}"] * bool(row["empty"])
    notes.append(size[0].upper() + size[1:])
    if np.isnan(placed).any() and not row["empty"]:
        notes.append("Grey: cut off, not seen by the network")
    return ". ".join(notes) + "."


def _parts(
    row: pd.Series, radiograph: np.ndarray, placed: np.ndarray, colour_map: str
) -> list[tuple[str, np.ndarray]]:
    bare = np.repeat(radiograph[..., None], 3, axis=2)
    if row["empty"]:
        return [("Radiograph", bare), ("Map: empty", bare), ("Overlay: nothing", bare)]
    colours = matplotlib.colormaps[colour_map](placed / row["peak"], bytes=True)[..., :3]
    colours[np.isnan(placed)] = _CUT_OFF
    painted = overlay(radiograph, placed, row["peak"], colour_map)
    return [("Radiograph", bare), ("Map", colours), (f"Overlay, opacity {OPACITY}", painted)]


def _write(
    figure: Figure, layout: _Layout, x: float, y: float, text: str, color: str = "black"
) -> None:
    width, height = layout.canvas
    points = layout.font * 72 / _DPI
    figure.text(x / width, 1 - y / height, shown(text), fontsize=points, va="top", color=color)


def _draw_bar(figure: Figure, layout: _Layout, peak: float, colour_map: str) -> None:
    width, height = layout.canvas
    bottom = height - layout.top - layout.height
    bar = figure.add_axes(
        (layout.left(3) / width, bottom / height, layout.font / width, layout.height / height)
    )
    bar.imshow(
        np.linspace(0, 1, 256)[:, None], cmap=colour_map, origin="lower", aspect="auto",
        extent=(0, 1, 0, peak),
    )  # fmt: skip
    points = layout.font * 72 / _DPI
    ticks = [0, peak / 2, peak]
    bar.set_yticks(ticks, ["0", *(f"{tick:.2g}" for tick in ticks[1:])], fontsize=points)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.tick_params(length=0, pad=points / 3)
    bar.spines[:].set_visible(False)
    top = layout.top - 1.15 * layout.line
    _write(figure, layout, layout.left(3), top, "Magnitude")
