"""Pictures as a page embeds them: as large as a screen shows them; files in folders stay whole."""

import base64
import io
from pathlib import Path

from PIL import Image

from pneumobench.core.files import read_bytes
from pneumobench.reporting.figure_file import open_whole, read_figure

# Pixels of the width, and bytes of all pictures together: a page of 13 runs shall have at most 6
# MB.
_FIGURE_WIDTH, _FIGURES_BYTES = 1600, 2_200_000
_PANEL_WIDTH, _PANELS_BYTES = 640, 1_600_000
# The first with which a picture has no more than its share of these bytes.
_QUALITIES = (80, 70, 55, 40, 25, 10)


def embedded_figure(path: str | Path, figures: int) -> str:
    """Return a figure as the source of an `img` element.

    Parameters
    ----------
    path
        The PNG file.
    figures
        How many there are in the page, which share the room.

    Raises
    ------
    UserError
        If it cannot be read, is cut or damaged, or is another figure than its file name says.
    """
    path = Path(path)
    with open_whole(path, read_figure(path)) as figure:
        return _source(figure, _FIGURE_WIDTH, _FIGURES_BYTES // figures)


def embedded_panel(path: str | Path, panels: int) -> str:
    """Return a picture of a gallery as the source of an `img` element.

    Parameters
    ----------
    path
        The PNG file.
    panels
        How many there are in the page, which share the room.

    Raises
    ------
    UserError
        If it cannot be read, is cut or damaged.
    """
    path = Path(path)
    with open_whole(path, read_bytes(path)) as panel:
        return _source(panel, _PANEL_WIDTH, _PANELS_BYTES // panels)


def _source(picture: Image.Image, width: int, most: int) -> str:
    small = picture.convert("RGB")
    if small.width > width:
        size = width, max(1, round(small.height * width / small.width))
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    for quality in _QUALITIES:
        content = io.BytesIO()
        small.save(content, "WEBP", quality=quality, method=2)
        if content.tell() <= most:
            break
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
