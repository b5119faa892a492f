"""The few images that figures show, taken out of the packed images and put back in their places."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.explained import TEXT_COLUMNS
from pneumobench.core.files import atomic_path, read_table, write_json
from pneumobench.core.packed import ROWS_OF_A_BLOCK, PackedDigest, PackedImages
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.worst_cases import worst_cases


@dataclass(frozen=True)
class ShownRadiographs:
    """Which radiographs figures show: the most confident mistakes, and those that were explained.

    Attributes
    ----------
    images
        The packed images, uint8 [N, S, S].
    splits
        splits.csv, whose rows are those of the packed images.
    comparison
        comparison.csv.
    calibrated, explained
        calibrated.csv and explained.csv of the runs; the latter may be none.
    """

    images: Path
    splits: Path
    comparison: Path
    calibrated: Iterable[str | Path]
    explained: Iterable[str | Path]

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Return their rows, int64 [K], ascending, and their pixels, uint8 [K, S, S]."""
        shown = set()
        for cases in worst_cases(read_comparison(self.comparison), self.calibrated):
            shown |= set(cases.radiographs.index)
        for path in self.explained:
            shown |= set(read_table(path, text=TEXT_COLUMNS)["image_id"])
        ids = _image_ids(self.splits)
        rows = np.flatnonzero(ids.isin(sorted(shown)))
        return rows.astype(np.int64), PackedImages(self.images, ids).take(rows)


def place_radiographs(
    rows: np.ndarray, images: np.ndarray, splits: str | Path, packed: str | Path
) -> None:
    """Write packed images that hold these radiographs in their places, and black everywhere else.

    Parameters
    ----------
    rows, images
        As `ShownRadiographs.read` returns them.
    splits
        splits.csv.
    packed
        The array to write, uint8 [N, S, S], with the .json file that describes it beside; what is
        black takes no space on most file systems.

    Raises
    ------
    UserError
        If the rows are not ascending places in splits.csv.
    """
    ids, size, digest = _image_ids(splits), images.shape[-1], PackedDigest()
    whole = rows.ndim == 1 and rows.dtype == np.int64
    if not whole or not ((np.diff(rows, prepend=-1) > 0) & (rows < len(ids))).all():
        raise UserError(
            "the radiographs that figures show have no places among the images",
            where=f"rows of radiographs, for {splits}",
            expected=f"ascending numbers from 0 to {len(ids) - 1}, int64",
            remedy="fetch the archive again",
        )
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(ids), size, size)}
    # Written, not mapped: of a full disk a mapped file would kill the process.
    with atomic_path(packed) as temporary, temporary.open("w+b") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start, length = file.tell(), size * size
        file.truncate(start + len(ids) * length)
        for row, image in zip(rows.tolist(), images, strict=True):
            file.seek(start + row * length)
            file.write(np.ascontiguousarray(image))
        file.seek(start)
        while block := file.read(ROWS_OF_A_BLOCK * length):
            digest.add(np.frombuffer(block, np.uint8).reshape(-1, size, size))
    record = {"size": size, "count": len(ids)} | digest.record(ids)
    write_json(Path(packed).with_suffix(".json"), record)


def npy_bytes(array: np.ndarray) -> bytes:
    """Return an array as the bytes of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _image_ids(splits: str | Path) -> pd.Index:
    return pd.Index(read_table(splits, text=("image_id", "inner", "group"))["image_id"])
