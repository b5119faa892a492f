"""Every image decoded once, into one array that training maps into memory."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import PIL

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.data.images import UnreadableImageError, read_grey, resize_square
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.squares import write_squares

logger = logging.getLogger(__name__)


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

    Memory does not grow with N. The small digest file stands for the array where a workflow
    compares checksums.

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
    depths = [None if pd.isna(depth) else int(depth) for depth in table["depth"]]
    files = list(zip(table["path"], table["sha256"], depths, strict=True))

    def square(row: int) -> np.ndarray:
        return _read_square(Path(root), files[row], size, resize)

    record = write_squares(images, table["image_id"].tolist(), size, square, workers)
    write_json(digest, {"resize": resize, **record, "pillow": PIL.__version__})
    logger.info("%d images of %d x %d pixels", len(table), size, size)


def _read_square(
    root: Path, file: tuple[str, str, int | None], size: int, resize: str
) -> np.ndarray:
    """Read one radiograph, uint8 [size, size]; it must be the file that was indexed."""
    path, sha256, depth = file
    try:
        content = (root / path).read_bytes()
        # Where only headers were read there is nothing to compare with.
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise UnreadableImageError("its content changed")
        return resize_square(read_grey(content, depth)[0], size, resize)
    except (OSError, UnreadableImageError) as error:
        raise UserError(
            "an image is not what it was when the data were indexed",
            where=f"{root / path}: {error}",
            expected="the file that the manifest names, unchanged",
            remedy="restore it, or run `snakemake --forcerun index_dataset` to index the data "
            "anew; if it is damaged, data.checks.reading: whole sets it aside",
        ) from error
