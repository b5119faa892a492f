"""Whether the files of an archive are what their names say, before anything reads them."""

import json
from pathlib import Path

from PIL import Image

from pneumobench.core.array_headers import check_length
from pneumobench.core.errors import UserError
from pneumobench.core.extract import Kind, Limits, Packed
from pneumobench.core.members import BadArchiveError, members_of

# Bytes of a JSON file, and of the first line of a table; pixels of a panel.
_LONGEST_JSON, _LONGEST_HEAD, _MOST_PIXELS = 256_000_000, 64_000, 50_000_000
# No shorter than deflate can make what it packs.
_ARRAYS = Limits(bytes=4_000_000_000, ratio=1100, files=100)
# What the readers of JSON and Pillow raise on damaged content.
_DAMAGE = (OSError, EOFError, ValueError, OverflowError, RecursionError, SyntaxError)
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_REMEDY = "do not use this archive; ask those who passed it on for the one that was made"


def check_kind(path: Path, where: str) -> None:
    """Stop unless a file is of the kind that its suffix names, and of a size to be read.

    Parameters
    ----------
    path
        The file.
    where
        What to call it.

    Raises
    ------
    UserError
        If it is a JSON file that is none, nested too deeply or too long; a table that is no text
        or has too many columns; an array of objects or one shorter than it says; no PNG picture.
    """
    check = {
        ".json": _json,
        ".csv": _table,
        ".npy": _array,
        ".npz": _arrays,
        ".png": _picture,
    }.get(path.suffix)
    if check is None:
        return
    try:
        check(path)
    except _DAMAGE as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise wrong_content(where, said[:200], f"a whole {path.suffix[1:]} file") from error
    except Image.DecompressionBombError as error:
        raise wrong_content(where, "it has too many pixels", "a panel") from error


def wrong_content(where: str, what: str, expected: str) -> UserError:
    """Return the error to raise about a file of an archive that is not what it should be."""
    return UserError(
        f"a file in the archive cannot be used: {what}",
        where=where,
        expected=expected,
        remedy=_REMEDY,
    )


def _json(path: Path) -> None:
    if path.stat().st_size > _LONGEST_JSON:
        raise ValueError("it is too long")
    if not isinstance(json.loads(path.read_bytes()), dict):
        raise ValueError("it is not a JSON object")


def _table(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.readline(_LONGEST_HEAD)
    if len(head) == _LONGEST_HEAD:
        raise ValueError("its first line is too long")
    if not head.decode().startswith("schema_version"):
        raise ValueError("its first column is not schema_version")


def _array(path: Path) -> None:
    with path.open("rb") as stream:
        check_length(stream, path.stat().st_size)


def _arrays(path: Path) -> None:
    kind = Kind("arrays", "an .npz file", _REMEDY, _REMEDY)
    packed = Packed(path, limits=_ARRAYS, kind=kind)
    packed.check()
    try:
        with members_of(path) as members:
            for member in members:
                with member.open() as stream:
                    check_length(stream, member.size)
    except BadArchiveError as error:
        raise ValueError(str(error)) from error


def _picture(path: Path) -> None:
    with Image.open(path, formats=["PNG"]) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise ValueError("it has too many pixels")
        picture.load()
    # Pillow misses no end, and nothing behind it.
    if not path.read_bytes().endswith(_PNG_END):
        raise ValueError("it is truncated, or data follow its end")
