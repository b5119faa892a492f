"""The file of a figure: it bears its name, so that another one is not shown in its place."""

import io
from pathlib import Path

from PIL import Image

from pneumobench.core.files import broken, read_bytes

NAME = "Title"
"""Text of a PNG that says which figure it is; files of earlier versions lack it."""


def read_figure(path: str | Path) -> bytes:
    """Return the bytes of a figure's PNG.

    Raises
    ------
    UserError
        If it cannot be read, is cut or damaged, or is another figure than its file name says.
    """
    path = Path(path)
    content = read_bytes(path)
    with open_whole(path, content) as image:
        name = image.info.get(NAME, path.stem)
    if name != path.stem:
        raise broken(path, f"it is the figure {name!a}")
    return content


def open_whole(path: Path, content: bytes) -> Image.Image:
    """Return a picture that an earlier job wrote, decoded.

    Raises
    ------
    UserError
        If it is cut or damaged.
    """
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise broken(path, f"it is no whole picture ({error})") from error
    return image
