"""An archive's files put back where the rules that read them look for them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pneumobench.core.archive import (
    INDEX,
    MADE,
    RADIOGRAPH_IMAGES,
    RADIOGRAPH_ROWS,
    RESULTS,
    check_bytes,
    read_archive,
)
from pneumobench.core.earlier import content_today
from pneumobench.core.errors import UserError
from pneumobench.core.files import (
    VERSION,
    read_json,
    read_table,
    signed_json,
    signed_table,
    without_checksum,
    write_table,
)
from pneumobench.core.folders import new_folder
from pneumobench.core.room import check_room
from pneumobench.reporting.kinds import check_kind, wrong_content
from pneumobench.reporting.radiographs import place_radiographs


def unpack_archive(
    path: str | Path,
    results: str | Path,
    packed: str | Path | None,
    *,
    digest: str,
    size: int,
    panels: Iterable[str | Path] = (),
) -> None:
    """Write the files to rebuild from, once all of them are known to be those archived.

    Parameters
    ----------
    path
        The archive.
    results
        results/<experiment>, where they go.
    packed
        Where the packed images go, of which it holds the images that figures show; None where it
        holds none.
    digest
        SHA-256 of the list of files that was checked against the configuration.
    size
        Side of its radiographs in pixels.
    panels
        Folders of panels, which may be empty.

    Raises
    ------
    UserError
        If the list is another one by now, a file is not what the list or its name says, or external
        patients of an earlier version cannot be united.
    """
    archive, results = read_archive(path), Path(results)
    if archive.digest != digest:
        raise UserError(
            "the archive is another one than when the command started",
            where=str(path),
            expected="one archive for the whole time",
            remedy="run the same command again",
        )
    check_bytes(archive)
    results.mkdir(parents=True, exist_ok=True)
    check_room(results, archive.packed.size)
    with new_folder(results / ".unpacked.partial") as place:
        archive.packed.write(place)
        for name in archive.names:
            if not name.startswith(MADE):
                check_kind(place / name, f"{name} in {path}")
            if name.startswith(RESULTS):
                if archive.earlier:
                    _rename_in(place / name, name.removeprefix(RESULTS), f"{name} in {path}")
                _sign(place / name)
        unite_patients(place / RESULTS / "dataset")
        _check_united(place / RESULTS / "external/audit.json", path)
        if packed is not None:
            _place_radiographs(place, packed, size)
        for folder in panels:
            Path(folder).mkdir(parents=True, exist_ok=True)
        _move(place, results, archive.files)


def unite_patients(dataset: Path) -> None:
    """Let labels name the groups of the split as patients, as earlier versions did not.

    Parameters
    ----------
    dataset
        The folder of splits.csv and the labels; without them nothing happens.
    """
    if not (dataset / "splits.csv").is_file():
        return
    splits = read_table(dataset / "splits.csv", text=("image_id", "group", "inner"))
    for path in sorted(dataset.glob("*_labels.csv")):
        labels = read_table(path, text=("image_id", "patient", "label", "subtype"))
        if not {"image_id", "group"} <= set(splits) or not {"image_id", "patient"} <= set(labels):
            continue  # who reads it says so
        group = dict(zip(splits["image_id"], splits["group"], strict=True))
        united = labels["image_id"].map(group).fillna(labels["patient"])
        if not united.equals(labels["patient"]):
            write_table(path, labels.assign(patient=united))


def _check_united(audit: Path, path: str | Path) -> None:
    """Stop where external patients share images and the archive does not tell who with whom."""
    if not audit.is_file():
        return
    counts = read_json(audit).get("counts", {})
    if "patient_groups" not in counts and (copies := counts.get("redundant_duplicates")):
        raise UserError(
            f"{copies} external images are copies of others, and an archive of an earlier version "
            "does not tell of which: patients under two names would count as two",
            where=f"{path}, {RESULTS}external/audit.json",
            expected="an archive that counts the external patients with identical images as one",
            remedy="run the experiment again with this version and archive it, or rebuild the "
            "archive with the version that wrote it",
        )


def _move(place: Path, results: Path, names: Iterable[str]) -> None:
    # The mark comes first: what was cut short is recognised as this archive's.
    os.replace(place / INDEX, results / INDEX)
    for name in names:
        target = results / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(place / RESULTS / name, target)


def _rename_in(file: Path, path: str, where: str) -> None:
    """Give what a file of format 1 holds the names of today, and no checksum where any changes."""
    content = file.read_bytes()
    try:
        renamed = content_today(path, content)
    except (ValueError, RecursionError) as error:
        raise wrong_content(where, str(error), "a file as pneumobench writes it") from error
    bare = without_checksum(content)
    # A wrong checksum stays wrong, for its reader to see.
    if renamed != content and content in (bare, _signed(file, bare)):
        file.write_bytes(without_checksum(renamed))


def _sign(file: Path) -> None:
    """Give a file of an earlier version its checksum: the list of the archive vouches for it."""
    content = file.read_bytes()
    if (signed := _signed(file, content)) != content:
        file.write_bytes(signed)


def _signed(file: Path, content: bytes) -> bytes:
    if file.suffix == ".csv" and content.startswith(f"{VERSION},".encode()):
        return signed_table(content)
    if file.suffix == ".json":
        said = json.loads(content)
        if VERSION in said and "checksum" not in said:
            return signed_json(said)
    return content


def _place_radiographs(place: Path, packed: str | Path, size: int) -> None:
    rows, images = (
        np.load(place / name, mmap_mode="r") for name in (RADIOGRAPH_ROWS, RADIOGRAPH_IMAGES)
    )
    if images.dtype != np.uint8 or images.shape != (len(rows), size, size):
        raise wrong_content(
            RADIOGRAPH_IMAGES,
            f"its radiographs are {images.dtype} {list(images.shape)}",
            f"uint8 [{len(rows)}, {size}, {size}], one for each entry of {RADIOGRAPH_ROWS}",
        )
    place_radiographs(rows, images, place / RESULTS / "dataset/splits.csv", packed)
