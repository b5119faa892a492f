"""Arrays of earlier jobs: read whole, or one message that names the file."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pneumobench.core.files import broken

_UNREADABLE = (OSError, EOFError, ValueError, SyntaxError, OverflowError, MemoryError)


def map_array(path: str | Path) -> np.ndarray:
    """Map an .npy file into memory, copy-on-write: parallel jobs share one page cache.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except _UNREADABLE as error:
        raise broken(path, f"it holds no array ({error})") from error


@contextlib.contextmanager
def read_arrays(path: str | Path) -> Iterator["Arrays"]:
    """Open an .npz file; each of its arrays has a checksum (CRC-32) that reading verifies.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
    except (*_UNREADABLE, zipfile.BadZipFile) as error:
        raise broken(path, f"it holds no arrays ({error})") from error
    with archive:
        yield Arrays(archive, path)


class Arrays:
    """Named arrays of an .npz file, read when they are asked for."""

    def __init__(self, archive: np.lib.npyio.NpzFile, path: str | Path) -> None:
        self._archive, self._path = archive, path
        self.files = archive.files

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array; a missing or damaged one is a `UserError`."""
        try:
            return self._archive[name]
        except KeyError as error:
            raise broken(self._path, f"it lacks the array {name}") from error
        except (*_UNREADABLE, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise broken(self._path, f"its array {name} is damaged ({error})") from error
