"""Packed images as later jobs read them: the bytes that were written, of the images that are meant.

Beside an array of images stands a .json file with its size, a digest of each block of rows, and one
of the names of its rows in their order. A job checks the blocks that it reads.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.arrays import map_array
from pneumobench.core.errors import UserError
from pneumobench.core.files import broken, read_json

ROWS_OF_A_BLOCK = 256


def names_digest(names: Iterable[str]) -> str:
    """Return a digest of names in their order."""
    return hashlib.sha256(json.dumps(list(map(str, names))).encode()).hexdigest()


class PackedDigest:
    """What describes packed images, from their rows one batch after the other."""

    def __init__(self) -> None:
        self._all, self._block, self._rows = hashlib.sha256(), hashlib.sha256(), 0
        self._blocks: list[str] = []

    def add(self, squares: np.ndarray) -> None:
        """Take the next rows, uint8 [n, S, S]."""
        squares = np.ascontiguousarray(squares)
        self._all.update(squares)
        while len(squares):
            room = ROWS_OF_A_BLOCK - self._rows
            self._block.update(squares[:room])
            self._rows += len(squares[:room])
            squares = squares[room:]
            if self._rows == ROWS_OF_A_BLOCK:
                self._end_block()

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what stands in the .json file: SHA-256 of all and of blocks, and of the names."""
        if self._rows:
            self._end_block()
        return {
            "sha256": self._all.hexdigest(),
            "blocks": self._blocks,
            "names": names_digest(names),
        }

    def _end_block(self) -> None:
        self._blocks.append(self._block.hexdigest()[:16])
        self._block, self._rows = hashlib.sha256(), 0


class PackedImages:
    """Packed images of an earlier job.

    Parameters
    ----------
    path
        The .npy file, uint8 [N, S, S]; its .json file stands beside it.
    names
        What its rows are to be called, from the table that is read with it; None where none is.

    Raises
    ------
    UserError
        If a file cannot be read, the two do not fit together, or the rows have other names.
    """

    def __init__(self, path: str | Path, names: Iterable[str] | None = None) -> None:
        self.path = Path(path)
        self.record = read_json(self.path.with_suffix(".json"))
        self._array = map_array(self.path)
        count, size = self.record["count"], self.record["size"]
        if self._array.dtype != np.uint8 or self._array.shape != (count, size, size):
            said = f"{self._array.dtype} {list(self._array.shape)}"
            raise broken(self.path, f"it holds {said}, not uint8 {[count, size, size]}")
        self._unchecked = set(range(len(self.record["blocks"])))
        self._names = pd.Index([])
        if names is not None:
            self.check_names(list(names))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._array)

    @property
    def size(self) -> int:
        """The side of an image in pixels."""
        return self._array.shape[-1]

    def all(self) -> np.ndarray:
        """Return all images, mapped, uint8 [N, S, S].

        Raises
        ------
        UserError
            If a byte is not the one that was written.
        """
        self._check(self._unchecked)
        return self._array

    def take(self, rows: np.ndarray | Sequence[int]) -> np.ndarray:
        """Return the images of some rows, uint8 [n, S, S]; errors are those of `all`."""
        rows = np.asarray(rows, dtype=np.int64)
        self._check(self._unchecked & set((rows // ROWS_OF_A_BLOCK).tolist()))
        return self._array[rows]

    def __getitem__(self, names: Sequence[str]) -> np.ndarray:
        """Return the images of some names, uint8 [n, S, S].

        Raises
        ------
        UserError
            If a name is not among those that were given, or as `all`.
        """
        rows = self._names.get_indexer(names)
        if (rows < 0).any():
            raise UserError(
                f"there is no packed image of the name {list(names)[int(np.argmin(rows))]}",
                where=str(self.path),
                expected="images of splits.csv",
                remedy="run snakemake again: what is of other images is recreated",
            )
        return self.take(rows)

    def _check(self, blocks: set[int]) -> None:
        with self.path.open("rb") as file:
            for block in sorted(blocks):
                length = ROWS_OF_A_BLOCK * self.size * self.size
                # Read, not mapped: mapped pages count as memory of the process.
                file.seek(self._array.offset + block * length)
                found = hashlib.sha256(file.read(length)).hexdigest()[:16]
                if found != self.record["blocks"][block]:
                    first = block * ROWS_OF_A_BLOCK
                    last = min(first + ROWS_OF_A_BLOCK, len(self)) - 1
                    raise broken(self.path, f"bytes of the images {first} to {last} changed since")
        self._unchecked -= blocks

    def check_names(self, names: list[str]) -> None:
        """Stop where the rows are of other images, or in another order."""
        if names_digest(names) != self.record["names"]:
            raise UserError(
                f"{len(self)} packed images and {len(names)} listed ones are not the same images "
                "in the same order",
                where=str(self.path),
                expected="the images of splits.csv, in its order",
                remedy=f"remove {self.path.parent} and run snakemake again: its files are made "
                "anew",
            )
        self._names = pd.Index(names)
