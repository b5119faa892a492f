"""Square images of one size in one file, written with little memory and mapped by readers."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pneumobench.core.files import atomic_path

ROWS_AT_A_TIME = 256


def write_batches(
    path: Path, count: int, size: int, at_a_time: int, batch: Callable[[range], np.ndarray]
) -> str:
    """Write images as one array, uint8 [count, size, size], some at a time.

    They are written, not mapped: a mapped file counts as memory of the process, and a full disk
    would kill it without a message.

    Parameters
    ----------
    path
        The .npy file to write.
    count, size
        Number of images, and their side in pixels.
    at_a_time
        Rows in memory at once.
    batch
        Makes the images of some rows, uint8 [len(rows), size, size].

    Returns
    -------
    str
        SHA-256 of the pixels, hexadecimal.
    """
    sha256 = hashlib.sha256()
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, at_a_time):
            squares = np.ascontiguousarray(batch(range(start, min(start + at_a_time, count))))
            file.write(squares)
            sha256.update(squares)
    return sha256.hexdigest()


def write_squares(
    path: Path, count: int, size: int, square: Callable[[int], np.ndarray], workers: int
) -> str:
    """Write images that several threads make.

    Parameters
    ----------
    path, count, size
        As of `write_batches`.
    square
        Makes the image of a row, uint8 [size, size]; called by several threads at once.
    workers
        Number of threads; the result does not depend on it.

    Returns
    -------
    str
        SHA-256 of the pixels, hexadecimal.
    """
    with ThreadPoolExecutor(workers) as pool:
        return write_batches(
            path, count, size, ROWS_AT_A_TIME, lambda rows: np.stack(list(pool.map(square, rows)))
        )
