"""Archives of an experiment with something wrong in them, index and hashes made to fit."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

from PIL import Image

from pneumobench.core.archive import (
    ARCHIVE_FORMAT,
    CONFIG,
    CRATE,
    INDEX,
    LOCK,
    check_bytes,
    check_contents,
    read_archive,
)
from pneumobench.core.files import signed_table
from pneumobench.reporting.unpack import unpack_archive

PANELS = "explanations/vgg16/light/seed1/panels"
OTHERS = ("README.md", CONFIG, "environment.json", LOCK, "code.json")
REBUILT_FROM = ["experiment.json", "dataset/splits.csv", PANELS]
MADE = ["tables/comparison.csv"]


def write_archive(
    path: Path, contents: dict[str, bytes], /, *, listed: dict | None = None, **changes
) -> Path:
    """Write an archive of these files, listed as they are, but for `listed` and `changes`."""
    content = {name: b"{}" for name in OTHERS} | contents
    entries = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in content.items()
    }
    entries |= listed or {}
    index = {
        "archive_format": ARCHIVE_FORMAT, "missing": [], "radiographs": False,
        "files": {name: entry for name, entry in entries.items() if entry is not None},
    } | changes  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(INDEX, json.dumps(index))
        packed.writestr(CRATE, "{}")
        for name, data in content.items():
            entry = zipfile.ZipInfo(name)
            entry.filename = entry.orig_filename = name
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    return path


def rebuild(path: Path, results: Path, *, radiographs: int = 4) -> None:
    """Do with an archive all that rebuilding does before anything is computed."""
    archive = read_archive(path)
    check_contents(archive, REBUILT_FROM, MADE)
    check_bytes(archive)
    packed = results / "dataset/images.npy" if archive.radiographs else None
    unpack_archive(path, results, packed, digest=archive.digest, size=radiographs)


def png(width: int = 8, height: int = 8) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height)).save(stream, "PNG")
    return stream.getvalue()


SPLITS = signed_table(b"schema_version,image_id,inner,group\n1,a,,p\n1,b,,q\n")
FILES = {
    "results/experiment.json": b"{}",
    "results/dataset/splits.csv": SPLITS,
    f"results/{PANELS}/radiograph.png": png(),
    "results/test_looks/20260101T000000_timm-resnet10t.c3_in1k_light_seed42.json": b"{}",
    "made/tables/comparison.csv": b"a",
}
