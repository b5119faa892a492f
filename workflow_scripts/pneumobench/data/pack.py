"""Every image decoded once, into one array that training maps into memory."""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import PIL

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path, write_json
from pneumobench.data.images import UnreadableImageError, decode_grey, resize_square
from pneumobench.data.manifest import accepted_images, read_manifest

logger = logging.getLogger(__name__)

ROWS_AT_A_TIME = 256


def pack_images(
    manifest: Path,
    root: Path,
    images: Path,
    digest: Path,
    *,
    size: int,
    resize: str,
    workers: int,
) -> None:
    """Write all accepted images as one array, uint8 [N, size, size], in manifest order.

    Memory does not grow with N: a few hundred images are decoded at a time and written through a
    memory map. The small digest file stands for the array where a workflow compares checksums.

    Parameters
    ----------
    manifest
        manifest.csv.
    root
        The folder that its paths are relative to.
    images, digest
        The .npy and the .json file to write.
    size
        Side of the squares in pixels.
    resize
        squash, pad or crop; see `pneumobench.data.images.resize_square`.
    workers
        Number of decoding threads.

    Raises
    ------
    UserError
        If a file is gone or no longer the one that was indexed.
    """
    table = accepted_images(read_manifest(manifest))
    read = partial(_read_square, Path(root), size=size, resize=resize)
    files = list(zip(table["path"], table["sha256"], strict=True))
    sha256 = hashlib.sha256()
    with atomic_path(images) as temporary, ThreadPoolExecutor(workers) as pool:
        packed = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.uint8, shape=(len(table), size, size)
        )
        for start in range(0, len(files), ROWS_AT_A_TIME):
            squares = np.stack(list(pool.map(read, files[start : start + ROWS_AT_A_TIME])))
            packed[start : start + len(squares)] = squares
            sha256.update(squares)
        packed.flush()
        # The map must be closed before the file can be renamed on every file system.
        del packed
    write_json(
        digest,
        {
            "size": size,
            "resize": resize,
            "count": len(table),
            "sha256": sha256.hexdigest(),
            "pillow": PIL.__version__,
        },
    )
    logger.info("%d images of %d x %d pixels", len(table), size, size)


def _read_square(root: Path, file: tuple[str, str], size: int, resize: str) -> np.ndarray:
    """Read one film, uint8 [size, size]; it must be the file that was indexed."""
    path, sha256 = file
    try:
        content = (root / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise UnreadableImageError("its content changed")
        return resize_square(decode_grey(content)[0], size, resize)
    except (OSError, UnreadableImageError) as error:
        raise UserError(
            "an image is not what it was when the data were indexed",
            where=f"{root / path}: {error}",
            expected="the file that the manifest names, unchanged",
            remedy="restore it, or run `snakemake --forcerun index_dataset` to index the data anew",
        ) from error
