"""A folder of films as users have it: layouts, names, litter, links. No file is opened."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.data.file_names import parse_stem, subtype_in_folder
from pneumobench.data.sources.film import FILE_NAME, PATTERN, Film, Listing
from pneumobench.data.sources.patient_pattern import KEY, PatientPattern

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".dcm", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
)
LABEL_OF_FOLDER = {"normal": "normal", "pneumonia": "pneumonia"}
OFFICIAL_SPLITS = ("train", "val", "test")
LAYOUT = "{train,val,test}/{NORMAL,PNEUMONIA}/... or {NORMAL,PNEUMONIA}/..."


def list_directory(
    root: Path,
    *,
    title: str = "a folder of images",
    population: str = "unknown",
    patient_pattern: str | None = None,
) -> Listing:
    """List the films of a folder in Kaggle's layout; links to folders are followed.

    The label comes from the class folder, the official split from the folder above it, subtype
    and patient from the file name (see `pneumobench.data.file_names`).

    Parameters
    ----------
    root
        Folder with {train,val,test}/{NORMAL,PNEUMONIA} or {NORMAL,PNEUMONIA}.
    title, population
        As for `Listing`.
    patient_pattern
        A regular expression found in the path of a film; its group `patient`, or else its first
        group, is the patient. None: the known grammars of file names.

    Raises
    ------
    UserError
        If there is no folder, no labelled image, or if some lie in official splits and some not.
    """
    files, litter = scan_folder(root)
    pattern = None if patient_pattern is None else PatientPattern(patient_pattern)
    films = [_film(path, size, pattern) for path, size in files]
    _check_layout(root, films)
    if pattern is not None and not any(film.patient for film in films):
        raise UserError(
            "the pattern of patients finds none in any path",
            where=f"{KEY}: {patient_pattern}; paths such as {films[0].path}",
            expected="a pattern that matches the paths below the folder, and a group that is not "
            "empty",
            remedy="correct the pattern, or write null where file names do not tell the patient",
        )
    return Listing(films, title, population, litter=litter, notes=_folder_notes(films))


def scan_folder(root: Path) -> tuple[list[tuple[str, int]], int]:
    """Return (path, bytes) of the image files below `root`, sorted, and the number of other files.

    Files in hidden folders and in __MACOSX, hidden files (.DS_Store, ._film.jpeg) and files without
    an image's suffix are litter. The size of a file that cannot be asked is -1.

    Raises
    ------
    UserError
        If the folder is missing or is none, or one below it cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(
            "the data folder is a file" if root.exists() else "there is no data folder",
            where=str(root),
            expected="a folder of images",
            remedy="correct the path in the configuration, or put the data or a link to them there",
        )
    files, litter = [], 0
    for parts, size in _walk(root, (), (os.path.realpath(root),)):
        if is_litter(parts):
            litter += 1
        else:
            # Names that are no valid text cannot stand in a table; the escaped form is rejected
            # on reading.
            path = "/".join(parts).encode("utf-8", "backslashreplace").decode("utf-8")
            files.append((path, size))
    return sorted(files), litter


def films_by_name(
    root: Path, found: Iterable[tuple[str, int]], names: Iterable[str], *, of: str
) -> dict[str, tuple[str, int]]:
    """Return those of the (path, bytes) of `scan_folder` that a table names, by what it names.

    Parameters
    ----------
    root
        The folder that was scanned, for messages.
    found, names
        Of the folder and of the table.
    of
        What the table names: `name` (with the suffix) or `stem`.

    Raises
    ------
    UserError
        If two files have one of the names: nothing tells which is the film.
    """
    wanted, films = set(names), {}
    for path, size in found:
        name = getattr(PurePosixPath(path), of)
        if name not in wanted:
            continue
        if name in films:
            raise UserError(
                f"two files are named as the film {name} of the table",
                where=f"{root}: {films[name][0]} and {path}",
                expected="one file for each film",
                remedy="move one of the two out of the folder",
            )
        films[name] = path, size
    return films


def is_litter(parts: Sequence[str]) -> bool:
    """Tell by the parts of its path whether a file is no part of a data set."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or PurePosixPath(parts[-1]).suffix.lower() not in IMAGE_SUFFIXES


def folder_above_class(path: str) -> str:
    """Return the folders above the class folder of a file's relative path, "." for none.

    >>> folder_above_class("chest_xray/train/NORMAL/IM-0115-0001.jpeg")
    'chest_xray/train'
    """
    folders = path.split("/")[:-1]
    return "/".join(folders[: _class_index(folders)]) or "."


def _walk(
    folder: Path, parts: tuple[str, ...], ancestors: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (parts of the relative path, size) of every file; no link to an ancestor is entered."""
    for entry, is_folder in _entries(folder):
        if is_folder:
            real = os.path.realpath(entry.path)
            if real not in ancestors:
                yield from _walk(Path(entry.path), (*parts, entry.name), (*ancestors, real))
            continue
        try:
            size = entry.stat().st_size
        except OSError:
            size = -1
        yield (*parts, entry.name), size


def _entries(folder: Path) -> list[tuple[os.DirEntry[str], bool]]:
    """Return what lies in a folder, and whether each is a folder, too."""
    try:
        with os.scandir(folder) as entries:
            return [(entry, entry.is_dir()) for entry in entries]
    except OSError as error:
        raise UserError(
            "a folder or link below the data folder cannot be read",
            where=f"{error.filename or folder}: {error.strerror}",
            expected="folders that may be entered",
            remedy="allow yourself to read it, mend the link, or move it out of the data folder",
        ) from error


def _class_index(folders: Sequence[str]) -> int | None:
    """Return the position of the class folder; the innermost counts (data may lie in "normal")."""
    found = [index for index, name in enumerate(folders) if name.lower() in LABEL_OF_FOLDER]
    return found[-1] if found else None


def _film(path: str, size: int, pattern: PatientPattern | None) -> Film:
    """Read what the folders and the name of a file say about it."""
    parts = path.split("/")
    start = _class_index(parts[:-1])
    if start is None:
        return Film(path, size, "", "none", reason="not in a NORMAL or PNEUMONIA folder")
    label = LABEL_OF_FOLDER[parts[start].lower()]
    above = parts[start - 1].lower() if start > 0 else ""
    split = above if above in OFFICIAL_SPLITS else "none"
    named = parse_stem(unicodedata.normalize("NFC", PurePosixPath(path).stem))
    patient, patient_from = (named.patient, FILE_NAME) if named else ("", "")
    if pattern is not None:
        patient = pattern.patient(path)
        patient_from = PATTERN if patient else ""
    return Film(
        path,
        size,
        label,
        split,
        subtype=subtype_in_folder(named, label),
        patient=patient,
        patient_from=patient_from,
        place="/".join((split, label, *parts[start + 1 :])),
    )


def _check_layout(root: Path, films: list[Film]) -> None:
    labelled = [film for film in films if film.label]
    if not labelled:
        found = f"{len(films)} image files, none in a class folder" if films else "no image file"
        raise UserError(
            "the data folder holds no labelled images",
            where=f"{root} ({found})",
            expected=LAYOUT,
            remedy="unpack the data set there, or point data.directory.path to its folder",
        )
    outside = [film.path for film in labelled if film.official_split == "none"]
    if outside and len(outside) < len(labelled):
        raise UserError(
            f"{len(outside)} images lie outside train, val and test, the others inside",
            where=f"{root}: {', '.join(outside[:3])}",
            expected=LAYOUT,
            remedy="rename the folders to train, val and test, or move those images out of the way",
        )


def _folder_notes(films: list[Film]) -> list[str]:
    unnamed = [film.path for film in films if film.label and film.official_split == "none"]
    folders = sorted({folder_above_class(path) for path in unnamed})
    if len(folders) < 2:
        return []
    return [
        f"class folders lie in {', '.join(folders[:10])}, none of them named train, val or test: "
        "all their images are pooled"
    ]
