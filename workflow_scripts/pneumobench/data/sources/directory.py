"""A folder of films as users have it: layouts and names, folders of masks. No film is opened."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.data.file_names import parse_stem, subtype_in_folder
from pneumobench.data.sources.film import FILE_NAME, IN_HELPER, PATTERN, Film, Listing
from pneumobench.data.sources.helpers import helper_folder
from pneumobench.data.sources.lookalikes import MEANT
from pneumobench.data.sources.patient_pattern import KEY, PatientPattern
from pneumobench.data.sources.scan import scan_folder

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
        If there is no folder, no labelled image, if some lie in official splits and some not, or
        in folders that only look like official splits.
    """
    found = scan_folder(root)
    pattern = None if patient_pattern is None else PatientPattern(patient_pattern)
    films = [_film(path, size, pattern) for path, size in found.files]
    _check_layout(root, films, found.notes)
    if pattern is not None:
        _check_found(patient_pattern, films)
    notes = [*_folder_notes(films), *_helper_notes(films), *found.notes]
    return Listing(films, title, population, litter=found.litter, notes=notes)


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
        If two files have one of the names: nothing tells which is the film. Masks and copies in
        folders for such do not count.
    """
    wanted, films = {unicodedata.normalize("NFC", name): name for name in names}, {}
    for path, size in found:
        name = wanted.get(unicodedata.normalize("NFC", getattr(PurePosixPath(path), of)))
        if name is None or helper_folder(path):
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


def _film(path: str, size: int, pattern: PatientPattern | None) -> Film:
    """Read what the folders and the name of a file say, however their letters are stored."""
    film = _film_by_name(path, unicodedata.normalize("NFC", path), size, pattern)
    helper = helper_folder(path)
    return replace(film, reason=f"{IN_HELPER}{helper}") if helper else film


def _film_by_name(path: str, name: str, size: int, pattern: PatientPattern | None) -> Film:
    parts = name.split("/")
    start = _class_index(parts[:-1])
    if start is None:
        return Film(path, size, "", "none", reason="not in a NORMAL or PNEUMONIA folder")
    label = LABEL_OF_FOLDER[parts[start].lower()]
    above = parts[start - 1].lower() if start > 0 else ""
    split = above if above in OFFICIAL_SPLITS else "none"
    named = parse_stem(PurePosixPath(name).stem)
    patient, patient_from = (named.patient, FILE_NAME) if named else ("", "")
    if pattern is not None:
        patient = pattern.patient(name)
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


def _check_found(pattern: str, films: list[Film]) -> None:
    if not any(film.patient for film in films):
        raise UserError(
            "the pattern of patients finds none in any path",
            where=f"{KEY}: {pattern}; paths such as {films[0].path}",
            expected="a pattern that matches the paths below the folder, and a group that is not "
            "empty",
            remedy="correct the pattern, or write null where file names do not tell the patient",
        )


def _check_layout(root: Path, films: list[Film], notes: Sequence[str]) -> None:
    labelled = [film for film in films if film.label and not film.reason]
    if not labelled:
        reasons = Counter(film.reason for film in films).most_common(3)
        found = ", ".join(f"{count} {reason}" for reason, count in reasons)
        found = f"{len(films)} image files, {found}" if films else "no image file"
        raise UserError(
            "the data folder holds no labelled images",
            where=f"{root} ({'; '.join((found, *notes))})",
            expected=LAYOUT,
            remedy="unpack the data set there, or point data.directory.path to its folder; rename "
            "folders of radiographs whose names say something else",
        )
    outside = [film.path for film in labelled if film.official_split == "none"]
    if outside and len(outside) < len(labelled):
        raise UserError(
            f"{len(outside)} images lie outside train, val and test, the others inside",
            where=f"{root}: {', '.join(outside[:3])}",
            expected=LAYOUT,
            remedy="rename the folders to train, val and test, or move those images out of the way",
        )
    _check_split_folders(root, outside)


def _check_split_folders(root: Path, outside: Sequence[str]) -> None:
    """Stop where the folders of two official splits are there, but not as they are read."""
    meant = {folder: _split_meant(folder) for folder in map(folder_above_class, outside)}
    named = {folder: split for folder, split in meant.items() if split}
    if len(set(named.values())) > 1:
        examples = sorted(named.items())[:5]
        raise UserError(
            "folders are named like official splits, but would not be read as such",
            where=f"{root}: {', '.join(folder for folder, _ in examples)}",
            expected=LAYOUT,
            remedy="; ".join(
                f"move NORMAL and PNEUMONIA of {folder} to {split}" for folder, split in examples
            )
            + "; give folders that are no official splits names that say nothing of training, "
            "validation or testing",
        )


def _split_meant(folder: str) -> str | None:
    """Return the official split that the folders above a class folder seem to mean.

    >>> _split_meant("data/Testing set/2019")
    'test'
    """
    for name in reversed(folder.split("/")):
        letters = re.sub(r"[\W\d_]|(?:set|data|images|split|folder)s?\Z", "", name.lower())
        word = MEANT.get(letters, letters)
        if word in OFFICIAL_SPLITS:
            return word
    return None


def _folder_notes(films: list[Film]) -> list[str]:
    unnamed = [film.path for film in films if film.label and film.official_split == "none"]
    folders = sorted({folder_above_class(path) for path in unnamed})
    if len(folders) < 2:
        return []
    return [
        f"class folders lie in {', '.join(folders[:10])}, none of them named train, val or test: "
        "all their images are pooled"
    ]


def _helper_notes(films: list[Film]) -> list[str]:
    """Return what lies in folders of masks, labels and copies, and who is filmed nowhere else."""
    beside = [film for film in films if film.reason.startswith(IN_HELPER)]
    if not beside:
        return []
    folders = Counter(film.reason.removeprefix(IN_HELPER) for film in beside)
    named = ", ".join(f"{name} ({count:,})" for name, count in sorted(folders.items())[:10])
    patients = {film.patient for film in beside} - {
        film.patient for film in films if not film.reason
    }
    lost = f"; {len(patients - {''}):,} patients have no other image" if patients - {""} else ""
    return [
        f"{len(beside):,} image files are set aside, since their folders are named as those of "
        f"masks, labels or copies: {named}{lost}; rename a folder that holds radiographs"
    ]
