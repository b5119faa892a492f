"""The manifest: one row for each image file, decoded, hashed, named, or set aside with a reason."""

import hashlib
import logging
import os
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.data.directory import LAYOUT, FoundFile, scan_folder
from pneumobench.data.doorkeeper import (
    Limits,
    UnreadableImageError,
    check_picture,
    read_content,
)
from pneumobench.data.file_names import parse_stem, subtype_in_folder
from pneumobench.data.images import difference_hash, read_film
from pneumobench.data.manifest import NESTED_COPY, NUMBER_COLUMNS, TEXT_COLUMNS, write_manifest

logger = logging.getLogger(__name__)


def index_dataset(
    root: Path,
    manifest: Path,
    *,
    masks: Path | None,
    limits: Limits,
    maximum_rejected_fraction: float,
    workers: int,
) -> None:
    """Read every image file below `root` and write the manifest, sorted by image_id.

    The label comes from the folder, subtype and patient from the file name. A film outside the
    known grammars is its own patient. An image_id is the file's stem; equal stems of different
    files get the first digits of their SHA-256. Nothing but label and subtype depends on the class
    folder. Threads do the work: Pillow decodes and hashlib hashes without the interpreter's lock.

    Parameters
    ----------
    root
        Folder in one of the layouts of `pneumobench.data.directory`.
    manifest
        The CSV file to write.
    masks
        Folder with one mask image per film, of the same stem; None if there is none.
    limits
        What a file must be; others are set aside with the reason.
    maximum_rejected_fraction
        Largest tolerated share (0 to 1) of files set aside; nested copies do not count.
    workers
        Number of threads.

    Raises
    ------
    UserError
        If there is no folder, no image, only one class, if official splits and none are mixed, or
        if too many files were set aside.
    """
    folder = scan_folder(root)
    _check_layout(root, folder.files)
    with ThreadPoolExecutor(workers) as pool:
        rows = list(pool.map(partial(_read_file, root, limits=limits), folder.files))
    _reject_nested_copies(folder.files, rows)
    _check_rejected(root, rows, maximum_rejected_fraction)
    _name_images(rows)
    mask_of_stem = {} if masks is None else _mask_paths(root, masks)
    for file, row in zip(folder.files, rows, strict=True):
        row["mask_path"] = mask_of_stem.get(file.stem, "") if row["status"] == "ok" else ""
    _check_classes(root, rows)
    write_manifest(manifest, rows)
    counts = Counter(row["status"] for row in rows)
    logger.info(
        "%d image files: %d accepted, %d set aside; %d other files ignored",
        len(rows),
        counts["ok"],
        counts["rejected"],
        folder.litter,
    )


def _read_file(root: Path, file: FoundFile, limits: Limits) -> dict[str, Any]:
    """Return the manifest row of one file, still without image_id, subtype and patient."""
    row: dict[str, Any] = dict.fromkeys(TEXT_COLUMNS, "") | dict.fromkeys(NUMBER_COLUMNS)
    row |= {"path": file.path, "label": file.label, "official_split": file.official_split}
    row |= {"status": "rejected", "bytes": max(file.size, 0)}
    try:
        content = read_content(Path(root) / file.path, limits.maximum_megabytes)
        row |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if not file.label:
            return row | {"reason": "not in a NORMAL or PNEUMONIA folder"}
        film = read_film(content, limits.maximum_megapixels)
        width, height = film.picture.size
        row |= {"mode": film.mode, "width": width, "height": height}
        check_picture(film.picture, film.grey, film.bits, limits)
    except UnreadableImageError as error:
        return row | {"reason": str(error)}
    pixels = np.asarray(film.grey)
    # The size is part of the digest: a 2x3 and a 3x2 image may have the same bytes.
    digest = hashlib.sha256(f"{width}x{height}:".encode() + pixels.tobytes()).hexdigest()
    return row | {"pixel_sha256": digest, "dhash": difference_hash(pixels), "status": "ok"}


def _reject_nested_copies(files: list[FoundFile], rows: list[dict[str, Any]]) -> None:
    """Keep of equal files at the same place of nested data folders the one nearest to the root."""
    kept: dict[tuple[str, str], str] = {}
    order = sorted(range(len(files)), key=lambda i: (files[i].path.count("/"), files[i].path))
    for index in order:
        file, row = files[index], rows[index]
        if not row["sha256"] or not file.label:
            continue
        original = kept.setdefault((file.place, row["sha256"]), file.path)
        if original != file.path:
            row |= {"status": "rejected", "reason": NESTED_COPY + original}
            row |= {"pixel_sha256": "", "dhash": ""}


def _name_images(rows: list[dict[str, Any]]) -> None:
    """Fill image_id, subtype and patient in place."""
    accepted = [row for row in rows if row["status"] == "ok"]
    stems = {id(row): unicodedata.normalize("NFC", _stem(row)) for row in accepted}
    occurrences = Counter(stems.values())
    taken: Counter[str] = Counter()
    for row in sorted(accepted, key=lambda row: (row["official_split"], row["path"])):
        stem = stems[id(row)]
        name = stem if occurrences[stem] == 1 else f"{stem}-{row['sha256'][:8]}"
        taken[name] += 1
        # The same file under the same name in another split or class: the audit's business.
        row["image_id"] = name if taken[name] == 1 else f"{name}-{taken[name]}"
        named = parse_stem(stem)
        row["subtype"] = subtype_in_folder(named, row["label"])
        row["patient"] = named.patient if named else row["image_id"]
    for row in rows:
        if row["status"] == "rejected":
            row["image_id"] = row["path"]


def _stem(row: dict[str, Any]) -> str:
    return Path(row["path"]).stem


def _mask_paths(root: Path, masks: Path) -> dict[str, str]:
    """Return the path of each mask, relative to the root of the films, by its stem."""
    prefix = os.path.relpath(masks, root)
    return {file.stem: Path(prefix, file.path).as_posix() for file in scan_folder(masks).files}


def _check_layout(root: Path, files: list[FoundFile]) -> None:
    labelled = [file for file in files if file.label]
    if not labelled:
        found = f"{len(files)} image files, none in a class folder" if files else "no image file"
        raise UserError(
            "the data folder holds no labelled images",
            where=f"{root} ({found})",
            expected=LAYOUT,
            remedy="unpack the data set there, or point data.directory.path to its folder",
        )
    outside = [file.path for file in labelled if file.official_split == "none"]
    if outside and len(outside) < len(labelled):
        raise UserError(
            f"{len(outside)} images lie outside train, val and test, the others inside",
            where=f"{root}: {', '.join(outside[:3])}",
            expected=LAYOUT,
            remedy="rename the folders to train, val and test, or move those images out of the way",
        )


def _check_rejected(root: Path, rows: list[dict[str, Any]], maximum: float) -> None:
    own = [row for row in rows if not row["reason"].startswith(NESTED_COPY)]
    rejected = [row for row in own if row["status"] == "rejected"]
    if len(rejected) > maximum * len(own):
        examples = "; ".join(f"{row['path']}: {row['reason']}" for row in rejected[:5])
        raise UserError(
            f"{len(rejected)} of {len(own)} image files had to be set aside",
            where=f"{root}: {examples}",
            expected=f"at most a share of {maximum:g} (data.checks.maximum_rejected_fraction)",
            remedy="replace the damaged files, or raise the limit if they may be left out",
        )


def _check_classes(root: Path, rows: list[dict[str, Any]]) -> None:
    labels = {row["label"] for row in rows if row["status"] == "ok"}
    if len(labels) < 2:
        raise UserError(
            "the data hold no image of one of the two classes",
            where=f"{root}: readable images only of {', '.join(labels) or 'no class'}",
            expected="readable images in NORMAL and in PNEUMONIA",
            remedy="add the missing folder's images",
        )
