"""Square images of one size in one file, written with little memory and mapped by readers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.files import atomic_path
from pneumobench.core.packed import PackedDigest

ROWS_AT_A_TIME = 256


def write_batches(
    path: Path,
    names: Sequence[str],
    size: int,
    at_a_time: int,
    batch: Callable[[range], np.ndarray],
) -> dict[str, Any]:
    """Write images as one array, uint8 [N, size, size], some at a time.

    They are written, not mapped: a mapped file counts as memory of the process, and a full disk
    would kill it without a message.

    Parameters
    ----------
    path
        The .npy file to write.
    names, size
        Names of the N images, and their side in pixels.
    at_a_time
        Rows in memory at once.
    batch
        Makes the images of some rows, uint8 [len(rows), size, size].

    Returns
    -------
    dict
        What the .json file beside it must hold for `pneumobench.core.packed.PackedImages`.
    """
    digest, count = PackedDigest(), len(names)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, at_a_time):
            squares = np.ascontiguousarray(batch(range(start, min(start + at_a_time, count))))
            file.write(squares)
            digest.add(squares)
    return {"size": size, "count": count} | digest.record(names)


def write_squares(
    path: Path, names: Sequence[str], size: int, square: Callable[[int], np.ndarray], workers: int
) -> dict[str, Any]:
    """Write images that several threads make; returns what `write_batches` does.

    Parameters
    ----------
    path, names, size
        As of `write_batches`.
    square
        Makes the image of a row, uint8 [size, size]; called by several threads at once.
    workers
        Number of threads; the result does not depend on it.
    """
    with ThreadPoolExecutor(workers) as pool:
        return write_batches(
            path, names, size, ROWS_AT_A_TIME, lambda rows: np.stack(list(pool.map(square, rows)))
        )
