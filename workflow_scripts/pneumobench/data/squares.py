"""Square images of one size in one file, written with little memory and mapped by readers."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pneumobench.core.files import atomic_path

ROWS_AT_A_TIME = 256


def write_squares(
    path: Path, count: int, size: int, square: Callable[[int], np.ndarray], workers: int
) -> str:
    """Write images as one array, uint8 [count, size, size].

    Memory does not grow with `count`: a few hundred images are made at a time and written through a
    memory map.

    Parameters
    ----------
    path
        The .npy file to write.
    count, size
        Number of images, and their side in pixels.
    square
        Makes the image of a row, uint8 [size, size]; called by several threads at once.
    workers
        Number of threads.

    Returns
    -------
    str
        SHA-256 of the pixels, hexadecimal.
    """
    sha256 = hashlib.sha256()
    with atomic_path(path) as temporary, ThreadPoolExecutor(workers) as pool:
        written = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.uint8, shape=(count, size, size)
        )
        for start in range(0, count, ROWS_AT_A_TIME):
            rows = range(start, min(start + ROWS_AT_A_TIME, count))
            squares = np.stack(list(pool.map(square, rows)))
            written[rows.start : rows.stop] = squares
            sha256.update(squares)
        written.flush()
        # The map must be closed before the file can be renamed on every file system.
        del written
    return sha256.hexdigest()
