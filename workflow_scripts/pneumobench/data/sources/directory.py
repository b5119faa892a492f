"""A folder of images as users have it: layouts and names, folders of masks. No image is opened."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.data.file_names import parse_stem, subtype_in_folder
from pneumobench.data.sources.helpers import helper_folder
from pneumobench.data.sources.lookalikes import split_meant
from pneumobench.data.sources.patient_pattern import KEY, PatientPattern
from pneumobench.data.sources.radiograph import FILE_NAME, IN_HELPER, PATTERN, Listing, Radiograph
from pneumobench.data.sources.scan import scan_folder
from pneumobench.data.spelling import visible

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
    """List the radiographs of a folder in Kaggle's layout; links to folders are followed.

    The label comes from the class folder, the official split from the folder above it, subtype
    and patient from the file name (see `pneumobench.data.file_names`).

    Parameters
    ----------
    root
        Folder with {train,val,test}/{NORMAL,PNEUMONIA} or {NORMAL,PNEUMONIA}.
    title, population
        As for `Listing`.
    patient_pattern
        A regular expression found in the path of an image; its group `patient`, or else its first
        group, is the patient. None: the known grammars of file names.

    Raises
    ------
    UserError
        If there is no folder, no labelled image, if some lie in official splits and some not, or
        in folders that only look like official splits.
    """
    found = scan_folder(root)
    pattern = None if patient_pattern is None else PatientPattern(patient_pattern)
    radiographs = [_radiograph(path, size, pattern) for path, size in found.files]
    _check_layout(root, radiographs, found.notes)
    if pattern is not None:
        _check_found(patient_pattern, radiographs)
    notes = [
        *_folder_notes(radiographs),
        *_helper_notes(radiographs),
        *_copy_notes(radiographs),
        *found.notes,
    ]
    return Listing(radiographs, title, population, litter=found.litter, notes=notes)


def radiographs_by_name(
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
        If two files have one of the names: nothing tells which is the image. Masks and copies in
        folders for such do not count.
    """
    wanted, radiographs = {unicodedata.normalize("NFC", name): name for name in names}, {}
    for path, size in found:
        name = wanted.get(unicodedata.normalize("NFC", getattr(PurePosixPath(path), of)))
        if name is None or helper_folder(path):
            continue
        if name in radiographs:
            raise UserError(
                f"two files are named as the radiograph {name} of the table",
                where=f"{root}: {radiographs[name][0]} and {path}",
                expected="one file for each radiograph",
                remedy="move one of the two out of the folder",
            )
        radiographs[name] = path, size
    return radiographs


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


def _radiograph(path: str, size: int, pattern: PatientPattern | None) -> Radiograph:
    """Read what the folders and the name of a file say, however their letters are stored."""
    radiograph = _radiograph_by_name(path, unicodedata.normalize("NFC", path), size, pattern)
    helper = helper_folder(path)
    return replace(radiograph, reason=f"{IN_HELPER}{helper}") if helper else radiograph


def _radiograph_by_name(
    path: str, name: str, size: int, pattern: PatientPattern | None
) -> Radiograph:
    parts = name.split("/")
    start = _class_index(parts[:-1])
    if start is None:
        return Radiograph(path, size, "", "none", reason=_no_class(parts[:-1]))
    label = LABEL_OF_FOLDER[parts[start].lower()]
    above = parts[start - 1].lower() if start > 0 else ""
    split = above if above in OFFICIAL_SPLITS else "none"
    named = parse_stem(PurePosixPath(name).stem)
    patient, patient_from = (named.patient, FILE_NAME) if named else ("", "")
    if pattern is not None:
        patient = pattern.patient(name)
        patient_from = PATTERN if patient else ""
    return Radiograph(
        path,
        size,
        label,
        split,
        subtype=subtype_in_folder(named, label),
        patient=patient,
        patient_from=patient_from,
        place="/".join((split, label, *parts[start + 1 :])),
    )


def _no_class(folders: Sequence[str]) -> str:
    """Say why a file has no class; a folder that looks like one of them is named."""
    alike = [name for name in folders if visible(name).casefold() in LABEL_OF_FOLDER]
    seen = f" ({alike[-1]!a} holds a blank, or characters that are not seen)" if alike else ""
    return f"not in a NORMAL or PNEUMONIA folder{seen}"


def _check_found(pattern: str, radiographs: list[Radiograph]) -> None:
    if not any(radiograph.patient for radiograph in radiographs):
        raise UserError(
            "the pattern of patients finds none in any path",
            where=f"{KEY}: {pattern}; paths such as {radiographs[0].path}",
            expected="a pattern that matches the paths below the folder, and a group that is not "
            "empty",
            remedy="correct the pattern, or write null where file names do not tell the patient",
        )


def _check_layout(root: Path, radiographs: list[Radiograph], notes: Sequence[str]) -> None:
    labelled = [
        radiograph for radiograph in radiographs if radiograph.label and not radiograph.reason
    ]
    if not labelled:
        reasons = Counter(radiograph.reason for radiograph in radiographs).most_common(3)
        found = ", ".join(f"{count} {reason}" for reason, count in reasons)
        found = f"{len(radiographs)} image files, {found}" if radiographs else "no image file"
        raise UserError(
            "the data folder holds no labelled images",
            where=f"{root} ({'; '.join((found, *notes))})",
            expected=LAYOUT,
            remedy="unpack the data set there, or point data.directory.path to its folder; rename "
            "folders of radiographs whose names say something else",
        )
    outside = [radiograph.path for radiograph in labelled if radiograph.official_split == "none"]
    _check_inner_splits(
        root, [radiograph for radiograph in labelled if radiograph.official_split != "none"]
    )
    if outside and len(outside) < len(labelled):
        raise UserError(
            f"{len(outside)} images lie outside train, val and test, the others inside",
            where=f"{root}: {', '.join(outside[:3])}",
            expected=LAYOUT,
            remedy="rename the folders to train, val and test, or move those images out of the way",
        )
    _check_split_folders(root, outside)


def _check_split_folders(root: Path, outside: Sequence[str]) -> None:
    """Stop where folders of official splits are there, but not as they are read."""
    folders = sorted({str(PurePosixPath(path).parent) for path in outside})
    meant = {folder: _split_meant(folder) for folder in folders}
    # What is called training and nothing else loses no split.
    if len(set(meant.values())) > 1 and {"val", "test"} & set(meant.values()):
        raise _not_read(root, {folder: split for folder, split in meant.items() if split})


def _check_inner_splits(root: Path, labelled: Sequence[Radiograph]) -> None:
    """Stop where a class folder of an official split holds a folder named as another one."""
    meant = {}
    for folder, split in {(str(PurePosixPath(f.path).parent), f.official_split) for f in labelled}:
        names = folder.split("/")
        inner = _split_meant("/".join(names[(_class_index(names) or 0) + 1 :]))
        if inner not in ("", split):
            meant[folder] = inner
    if meant:
        raise _not_read(root, meant)


def _not_read(root: Path, meant: Mapping[str, str]) -> UserError:
    examples = sorted(meant.items())[:5]
    return UserError(
        "folders are named like official splits, but would not be read as such",
        where=f"{root}: {', '.join(folder for folder, _ in examples)}",
        expected=LAYOUT,
        remedy="; ".join(
            f"move the images of {folder} to {split}/{_class_name(folder)}"
            for folder, split in examples
        )
        + "; give folders that are no official splits names that say nothing of training, "
        "validation or testing",
    )


def _class_name(folder: str) -> str:
    names = folder.split("/")
    return names[_class_index(names) or 0]


def _split_meant(folder: str) -> str:
    """Return the official split that the innermost of folders that names one seems to mean."""
    return next(filter(None, map(split_meant, reversed(folder.split("/")))), "")


def _folder_notes(radiographs: list[Radiograph]) -> list[str]:
    unnamed = [
        radiograph.path
        for radiograph in radiographs
        if radiograph.label and radiograph.official_split == "none"
    ]
    folders = sorted({folder_above_class(path) for path in unnamed})
    if len(folders) < 2:
        return []
    return [
        f"class folders lie in {', '.join(folders[:10])}, none of them named train, val or test: "
        "all their images are pooled"
    ]


def _helper_notes(radiographs: list[Radiograph]) -> list[str]:
    """Return what lies in folders of masks, labels and copies, and who is examined nowhere else."""
    beside = [radiograph for radiograph in radiographs if radiograph.reason.startswith(IN_HELPER)]
    if not beside:
        return []
    folders = Counter(radiograph.reason.removeprefix(IN_HELPER) for radiograph in beside)
    named = ", ".join(f"{name} ({count:,})" for name, count in sorted(folders.items())[:10])
    patients = {radiograph.patient for radiograph in beside} - {
        radiograph.patient for radiograph in radiographs if not radiograph.reason
    }
    lost = f"; {len(patients - {''}):,} patients have no other image" if patients - {""} else ""
    return [
        f"{len(beside):,} image files are set aside, since their folders are named as those of "
        f"masks, labels or copies: {named}{lost}; rename a folder that holds radiographs"
    ]


def _copy_notes(radiographs: list[Radiograph]) -> list[str]:
    """Return which images belong to the patient of a known name that theirs hold."""
    copies = [
        radiograph.path
        for radiograph in radiographs
        if radiograph.patient_from == FILE_NAME
        and parse_stem(unicodedata.normalize("NFC", radiograph.stem)).within
        and not radiograph.reason
    ]
    if not copies:
        return []
    return [
        f"{len(copies):,} images are named as copies are, with more around a known name, and count "
        f"as that patient's: {', '.join(PurePosixPath(path).name for path in copies[:3])}"
    ]
