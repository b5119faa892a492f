"""An archive's files put back where the rules that read them look for them."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from pneumobench.core.archive import FILM_IMAGES, FILM_ROWS, INDEX, RESULTS, Archive, read_archive
from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path
from pneumobench.reporting.films import place_films


def unpack_archive(path: str | Path, results: str | Path, packed: str | Path | None) -> None:
    """Write the files to rebuild from, each checked against its hash.

    Parameters
    ----------
    path
        The archive.
    results
        results/<experiment>, where they go.
    packed
        Where the packed images go, of which it holds the films that figures show; None where it
        holds none.

    Raises
    ------
    UserError
        If a file is missing in the archive or is not what its index says.
    """
    archive, results = read_archive(path), Path(results)
    with zipfile.ZipFile(path) as container:
        for name in archive.files:
            _write(results / name, _checked(container, archive, RESULTS + name))
        if packed is not None:
            rows, images = (
                np.load(io.BytesIO(_checked(container, archive, name)), allow_pickle=False)
                for name in (FILM_ROWS, FILM_IMAGES)
            )
            place_films(rows, images, results / "dataset/splits.csv", packed)
        _write(results / INDEX, container.read(INDEX))


def _checked(container: zipfile.ZipFile, archive: Archive, name: str) -> bytes:
    try:
        content = container.read(name)
    except (KeyError, zipfile.BadZipFile) as error:
        content, reason = b"", str(error)
    else:
        reason = "its SHA-256 is another one"
    if hashlib.sha256(content).hexdigest() != archive.hashes[name]:
        raise UserError(
            f"a file in the archive is not the one that was archived: {reason}",
            where=f"{name} in {archive.path}",
            expected=f"the file that {INDEX} lists",
            remedy="fetch the archive again",
        )
    return content


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
