"""Pictures as a page embeds them: as large as a screen shows them; files in folders stay whole."""

import base64
import io
from pathlib import Path

from PIL import Image

from pneumobench.core.files import read_bytes
from pneumobench.reporting.figure_file import open_whole, read_figure

# Pixels of a figure's and a panel's width. A page of 13 runs shall have at most 6 MB.
_FIGURE_WIDTH, _PANEL_WIDTH = 1600, 640
_FIGURE_QUALITY, _PANEL_QUALITIES = 80, (80, 70, 60, 45, 30, 15)
# Bytes of a panel, and of all panels of a page together.
_PANEL_BYTES, _PANELS_BYTES = 30_000, 1_800_000


def embedded_figure(path: str | Path) -> str:
    """Return a figure as the source of an `img` element.

    Raises
    ------
    UserError
        If it cannot be read, is cut or damaged, or is another figure than its file name says.
    """
    path = Path(path)
    return _source(_webp(open_whole(path, read_figure(path)), _FIGURE_WIDTH, _FIGURE_QUALITY))


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
    most = min(_PANEL_BYTES, _PANELS_BYTES // panels)
    with open_whole(path, read_bytes(path)) as panel:
        for quality in _PANEL_QUALITIES:
            content = _webp(panel, _PANEL_WIDTH, quality)
            if len(content) <= most:
                break
    return _source(content)


def _webp(picture: Image.Image, width: int, quality: int) -> bytes:
    small = picture.convert("RGB")
    if small.width > width:
        size = width, max(1, round(small.height * width / small.width))
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    content = io.BytesIO()
    small.save(content, "WEBP", quality=quality, method=4)
    return content.getvalue()


def _source(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
