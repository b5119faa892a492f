"""The manifest: one row for each image file, decoded, hashed, named, or set aside with a reason."""

import hashlib
import itertools
import logging
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.data.boxes import check_boxes
from pneumobench.data.doorkeeper import (
    Limits,
    UnreadableImageError,
    check_file,
    check_header,
    check_picture,
    read_content,
)
from pneumobench.data.images import difference_hash, read_header, read_picture
from pneumobench.data.manifest import NESTED_COPY, NUMBER_COLUMNS, TEXT_COLUMNS, write_manifest
from pneumobench.data.sources.first_look import check_classes, list_usable
from pneumobench.data.sources.radiograph import IN_HELPER, Radiograph

logger = logging.getLogger(__name__)

Row = dict[str, Any]
# Reading nothing: for a look before the run.
NAME = "name"
OF_RADIOGRAPH = ("path", "label", "subtype", "patient", "patient_from", "official_split", "boxes")
HEADER_NOTE = (
    "Radiographs were not decoded when they were listed (data.checks.reading: header): nobody "
    "looked for duplicates, which may lie in several folds and on both sides of the split."
)


def index_dataset(
    manifest: Path,
    description: Path,
    *,
    source: str,
    root: Path,
    options: Mapping[str, Any],
    reading: str,
    limits: Limits,
    maximum_rejected_fraction: float,
    workers: int,
) -> None:
    """Read every image of a source; write the manifest, sorted by image_id, and what the source is.

    What an image is, the source says; nothing but label and subtype depends on its class folder. A
    image whose patient nothing tells is its own patient. An image_id is the file's stem; stems of
    different files that are equal but for case and Unicode form get the first digits of their
    SHA-256, or of that of their paths where only headers are read. Threads do the work: Pillow
    decodes and hashlib hashes without the interpreter's lock.

    Parameters
    ----------
    manifest, description
        The CSV and the JSON file to write.
    source, root, options
        As for `pneumobench.data.sources.listing.list_radiographs`.
    reading
        whole: every file is decoded, hashed and checked; header: only its size is read, and no
        duplicate will be found but nested copies, which are hashed; name: no file is opened.
    limits
        What a file must be; others are set aside with the reason.
    maximum_rejected_fraction
        Largest tolerated share (0 to 1) of files set aside; nested copies and folders of masks do
        not count.
    workers
        Number of threads.

    Raises
    ------
    UserError
        If the source is not as it should be, holds one class only, or if too many files were set
        aside.
    """
    listing = list_usable(source, root, options, maximum_rejected_fraction)
    rows, notes = _read_all(listing.radiographs, root, reading, limits, workers)
    _check_rejected(root, rows, maximum_rejected_fraction)
    _name_images(rows)
    for radiograph, row in zip(listing.radiographs, rows, strict=True):
        row["mask_path"] = radiograph.mask_path if row["status"] == "ok" else ""
    check_classes(root, {row["label"] for row in rows if row["status"] == "ok"}, listing)
    write_manifest(manifest, rows)
    told = {key: value for key, value in vars(listing).items() if key != "radiographs"}
    write_json(description, {"source": source} | told | {"notes": [*listing.notes, *notes]})
    counts = Counter(row["status"] for row in rows)
    logger.info(
        "%s: %d image files, %d accepted, %d set aside; %d other files ignored",
        listing.title, len(rows), counts["ok"], counts["rejected"], listing.litter,
    )  # fmt: skip


def _read_all(
    radiographs: list[Radiograph], root: Path, reading: str, limits: Limits, workers: int
) -> tuple[list[Row], list[str]]:
    """Return the rows of radiographs, still without image_id, and what is to be said of them."""
    read = {"whole": _read_whole, "header": _read_header, NAME: _read_nothing}[reading]
    with ThreadPoolExecutor(workers) as pool:
        row_of = partial(_read_file, root, read=read, limits=limits)
        rows = list(pool.map(row_of, radiographs))
        notes = _settle_depth(radiographs, rows, partial(pool.map, row_of))
        opened = [] if reading == NAME else radiographs
        places = Counter(radiograph.place for radiograph in opened if radiograph.place)
        digest_of = partial(_digest, root, places=places, limits=limits)
        digests = list(pool.map(digest_of, radiographs, rows))
    _reject_nested_copies(radiographs, rows, digests)
    return rows, [*notes, *[HEADER_NOTE][: reading == "header"]]


def _read_file(
    root: Path,
    radiograph: Radiograph,
    depth: int | None = None,
    *,
    read: Callable[[Path, Row, Limits, int | None], None],
    limits: Limits,
) -> Row:
    """Return the manifest row of one radiograph, still without image_id.

    Its depth is the one given, or without one what the radiograph alone needs.
    """
    row: Row = dict.fromkeys(TEXT_COLUMNS, "") | dict.fromkeys(NUMBER_COLUMNS)
    row |= {name: getattr(radiograph, name) for name in OF_RADIOGRAPH}
    row |= {"status": "rejected", "reason": radiograph.reason, "bytes": max(radiograph.size, 0)}
    if not radiograph.reason:
        try:
            read(Path(root) / radiograph.path, row, limits, depth)
            if row["width"] is not None:
                check_boxes(radiograph.boxes, row["width"], row["height"])
            row["status"] = "ok"
        except UnreadableImageError as error:
            row |= {"reason": str(error), "pixel_sha256": "", "dhash": "", "depth": None}
    return row


def _settle_depth(
    radiographs: list[Radiograph], rows: list[Row], read_again: Callable[..., Iterable[Row]]
) -> list[str]:
    """Give all radiographs that state no depth the same: the largest that one of them needs.

    Radiographs that were read with another are read again, in place.

    Returns
    -------
    list of str
        What is to be told about it.
    """
    needed = {i: row["depth"] for i, row in enumerate(rows) if row["depth"]}
    if not needed:
        return []
    depth = max(needed.values())
    others = [i for i, bits in needed.items() if bits != depth]
    found = read_again([radiographs[i] for i in others], [depth] * len(others))
    for i, row in zip(others, found, strict=True):
        rows[i] = row | {"depth": depth if row["status"] == "ok" else None}
    first = min(radiographs[i].path for i, bits in needed.items() if bits == depth)
    return [
        f"{len(needed)} images of more than 8 bits do not state how many are in use: all are "
        f"scaled from {depth} bits, which {len(needed) - len(others)} of them need (the first: "
        f"{first})."
    ]


def _read_whole(path: Path, row: Row, limits: Limits, depth: int | None) -> None:
    """Fill in what the content of a file tells, decoded completely."""
    content = read_content(path, limits.maximum_megabytes)
    row |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    picture = read_picture(content, limits.maximum_megapixels, depth)
    width, height = picture.image.size
    row |= {"mode": picture.mode, "width": width, "height": height, "depth": picture.needed}
    check_picture(picture.image, picture.grey, picture.bits, limits)
    pixels = np.asarray(picture.grey)
    # The size is part of the digest: a 2x3 and a 3x2 image may have the same bytes.
    digest = hashlib.sha256(f"{width}x{height}:".encode() + pixels.tobytes()).hexdigest()
    row |= {"pixel_sha256": digest, "dhash": difference_hash(pixels)}


def _read_header(path: Path, row: Row, limits: Limits, depth: int | None) -> None:
    """Fill in what the header of a file tells; its hashes stay empty."""
    check_file(path, limits.maximum_megabytes)
    found = read_header(path, limits.maximum_megapixels, depth)
    row |= {"mode": found.mode, "width": found.width, "height": found.height}
    row["depth"] = found.needed
    check_header(found.width, found.height, found.bits, limits)


def _read_nothing(path: Path, row: Row, limits: Limits, depth: int | None) -> None:
    """Let a file in by its name."""


def _digest(
    root: Path, radiograph: Radiograph, row: Row, *, places: Mapping[str, int], limits: Limits
) -> str:
    """Return the SHA-256 of what may be a nested copy, "" of others; reject what is no file.

    A header tells nothing of copies: those images are read as they are, and nothing is decoded.
    """
    if row["sha256"] or places.get(radiograph.place, 0) < 2:
        return row["sha256"]
    try:
        content = read_content(Path(root) / radiograph.path, limits.maximum_megabytes)
    except UnreadableImageError as error:
        row |= {"status": "rejected", "reason": row["reason"] or str(error)}
        return ""
    return hashlib.sha256(content).hexdigest()


def _reject_nested_copies(
    radiographs: list[Radiograph], rows: list[Row], digests: list[str]
) -> None:
    """Keep of equal files at the same place of nested data folders the one nearest to the root."""
    kept: dict[tuple[str, str], str] = {}
    order = sorted(
        range(len(radiographs)), key=lambda i: (radiographs[i].path.count("/"), radiographs[i].path)
    )
    for index in order:
        radiograph, row = radiographs[index], rows[index]
        if not digests[index] or not radiograph.place:
            continue
        original = kept.setdefault((radiograph.place, digests[index]), radiograph.path)
        if original != radiograph.path:
            row |= {"status": "rejected", "reason": NESTED_COPY + original}
            row |= {"pixel_sha256": "", "dhash": ""}


def _name_images(rows: list[Row]) -> None:
    """Fill image_id in place, and patient where nothing told it.

    Output files are named by images, so two ids differ in more than case and Unicode form.
    """
    accepted = [row for row in rows if row["status"] == "ok"]
    stems = {id(row): unicodedata.normalize("NFC", _stem(row)) for row in accepted}
    occurrences = Counter(map(_as_file_name, stems.values()))
    taken: set[str] = set()
    patients = {row["patient"] for row in accepted}
    for row in sorted(accepted, key=lambda row: (row["official_split"], row["path"])):
        stem = stems[id(row)]
        alone = occurrences[_as_file_name(stem)] == 1
        name = stem if alone else f"{stem}-{_digits(row)}"
        # The same file under the same name in another split or class: the audit's business.
        names = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
        row["image_id"] = next(name for name in names if _as_file_name(name) not in taken)
        taken.add(_as_file_name(row["image_id"]))
        # A patient 12 that a table tells is not the unknown one of 12.png.
        own = row["image_id"] if row["image_id"] not in patients else f"image {row['image_id']}"
        row["patient"] = row["patient"] or own
    accepted_ids = {row["image_id"] for row in accepted}
    for row in rows:
        if row["status"] == "rejected":
            path = row["path"]
            row["image_id"] = f"./{path}" if path in accepted_ids else path


def _as_file_name(name: str) -> str:
    """Return what some file systems make of a name: files of equal forms overwrite each other."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(" .")


def _stem(row: Row) -> str:
    path = Path(row["path"])
    # What ends in a number is a UID without a suffix.
    return path.name if path.suffix[1:].isdecimal() else path.stem


def _digits(row: Row) -> str:
    """Return eight digits, of content or path, that set an image apart from others of its stem."""
    return (row["sha256"] or hashlib.sha256(row["path"].encode()).hexdigest())[:8]


def _check_rejected(root: Path, rows: list[Row], maximum: float) -> None:
    own = [row for row in rows if not row["reason"].startswith((NESTED_COPY, IN_HELPER))]
    rejected = [row for row in own if row["status"] == "rejected"]
    if len(rejected) > maximum * len(own):
        examples = "; ".join(f"{row['path']}: {row['reason']}" for row in rejected[:5])
        raise UserError(
            f"{len(rejected)} of {len(own)} image files had to be set aside",
            where=f"{root}: {examples}",
            expected=f"at most a share of {maximum:g} (data.checks.maximum_rejected_fraction)",
            remedy="replace the damaged files, or raise the limit if they may be left out",
        )
