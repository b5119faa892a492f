"""The folder as users have it: layouts, litter, links. Names and sizes only, no file is opened."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".dcm", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
)
LABEL_OF_FOLDER = {"normal": "normal", "pneumonia": "pneumonia"}
OFFICIAL_SPLITS = ("train", "val", "test")
LAYOUT = "{train,val,test}/{NORMAL,PNEUMONIA}/... or {NORMAL,PNEUMONIA}/..."


@dataclass(frozen=True)
class FoundFile:
    """One file with an image's suffix, and what its folders say about it.

    Attributes
    ----------
    path
        Path relative to the root, with forward slashes.
    size
        Bytes; -1 where the file cannot be asked (a broken link).
    label
        normal or pneumonia; "" outside the class folders.
    official_split
        train, val, test, or none where the class folder stands in no such folder.
    place
        Path from the split or class folder on: equal for nested copies of one file.
    """

    path: str
    size: int
    label: str
    official_split: str
    place: str

    @property
    def stem(self) -> str:
        """The file name without its suffix."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Folder:
    """The image files of a data set in the order of their paths, and the number of other files."""

    files: list[FoundFile]
    litter: int


def scan_folder(root: Path) -> Folder:
    """List the image files below `root`; links to folders are followed.

    Files in hidden folders and in __MACOSX, hidden files (.DS_Store, ._film.jpeg) and files without
    an image's suffix are litter.

    Raises
    ------
    UserError
        If the folder is missing or is none.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(
            "the data folder is a file" if root.exists() else "there is no data folder",
            where=f"{root} (data.directory.path)",
            expected=f"a folder with {LAYOUT}",
            remedy="correct the path in the configuration, or put the data or a link to them there",
        )
    files, litter = [], 0
    for relative, size in _walk(root, (), (os.path.realpath(root),)):
        if _is_litter(relative):
            litter += 1
        else:
            files.append(_place(relative, size))
    return Folder(sorted(files, key=lambda file: file.path), litter)


def fingerprint(root: Path) -> str:
    """Return a digest (64 hexadecimal digits) of the names and sizes of the image files.

    Cheap enough for every start of the pipeline; a changed file of unchanged size is noticed only
    when it is read. Litter does not count: opening the folder in a file manager changes nothing.

    Raises
    ------
    UserError
        If the folder is missing.
    """
    digest = hashlib.sha256()
    for file in scan_folder(root).files:
        digest.update(f"{file.path}\0{file.size}\n".encode())
    return digest.hexdigest()


def _walk(
    folder: Path, parts: tuple[str, ...], ancestors: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (parts of the relative path, size) of every file; no link to an ancestor is entered."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if real not in ancestors:
                    yield from _walk(Path(entry.path), (*parts, entry.name), (*ancestors, real))
                continue
            try:
                size = entry.stat().st_size
            except OSError:
                size = -1
            yield (*parts, entry.name), size


def _is_litter(parts: tuple[str, ...]) -> bool:
    """Tell files that are no part of a data set, by name."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or PurePosixPath(parts[-1]).suffix.lower() not in IMAGE_SUFFIXES


def folder_above_class(path: str) -> str:
    """Return the folders above the class folder of a file's relative path, "." for none.

    >>> folder_above_class("chest_xray/train/NORMAL/IM-0115-0001.jpeg")
    'chest_xray/train'
    """
    folders = path.split("/")[:-1]
    return "/".join(folders[: _class_index(folders)]) or "."


def _class_index(folders: Sequence[str]) -> int | None:
    """Return the position of the class folder; the innermost counts (data may lie in "normal")."""
    found = [index for index, name in enumerate(folders) if name.lower() in LABEL_OF_FOLDER]
    return found[-1] if found else None


def _place(parts: tuple[str, ...], size: int) -> FoundFile:
    """Read label and official split from the folders of a file."""
    # Names that are no valid text cannot stand in a table; the escaped form is rejected on reading.
    path = "/".join(parts).encode("utf-8", "backslashreplace").decode("utf-8")
    start = _class_index(parts[:-1])
    if start is None:
        return FoundFile(path, size, "", "none", path)
    label = LABEL_OF_FOLDER[parts[start].lower()]
    above = parts[start - 1].lower() if start > 0 else ""
    split = above if above in OFFICIAL_SPLITS else "none"
    return FoundFile(path, size, label, split, "/".join((split, label, *parts[start + 1 :])))
