"""PneumoniaMNIST (MedMNIST v2): the images of Kermany et al. in small, as arrays in one npz file.

Its split is official: test is the test set of the source, train and val are nine and one tenth of
the source's train, drawn at random, so that a patient may be in both. The arrays name neither
patients nor subtypes.
"""

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumobench.core.array_headers import read_header
from pneumobench.core.errors import UserError
from pneumobench.core.folders import atomic_folder
from pneumobench.data.sources.published import Located, Published

RECORD = "https://zenodo.org/records/10519652"
CLASSES = ("NORMAL", "PNEUMONIA")
SPLITS = ("train", "val", "test")
MOST_IMAGES = 20_000
"""In one split; the published file has 4,708."""

# As the package medmnist 3.0.2 states them (INFO).
_MD5 = {
    28: "28209eda62fecd6e6a2d98b1501bb15f",
    64: "8f4eceb4ccffa70c672198ea285246c6",
    128: "05b46931834c231683c68f40c47b2971",
    224: "d6a3c71de1b945ea11211b03746c1fe1",
}
_CITATION = (
    "Yang J, Shi R, Wei D, Liu Z, Zhao L, Ke B, Pfister H, Ni B (2023). MedMNIST v2 - A "
    "large-scale lightweight benchmark for 2D and 3D biomedical image classification. Scientific "
    "Data 10:41, doi:10.1038/s41597-022-01721-8; images: Kermany et al., Cell 172, 2018, 1122-1131"
)
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
           NotImplementedError, RuntimeError)  # fmt: skip

_Check = Callable[[tuple[int, ...], np.dtype], str]


def published_by_medmnist(options: Mapping[str, Any]) -> Published:
    """Describe the file of one size.

    Parameters
    ----------
    options
        size: 28, 64, 128 or 224 pixels; file: path of an npz file of the user's, or None.
    """
    size, own = options["size"], options["file"]
    name = "pneumoniamnist.npz" if size == 28 else f"pneumoniamnist_{size}.npz"
    return Published(
        title=f"PneumoniaMNIST, {size} x {size} pixels",
        page=RECORD,
        version="3.0" if own is None else None,
        licence="CC BY 4.0",
        citation=_CITATION,
        file=name if own is None else Path(own).name,
        locate=lambda: Located(f"{RECORD}/files/{name}?download=1"),
        unpack=partial(write_radiographs, size=size),
        md5=_MD5[size] if own is None else "",
        patients="unknown",
        subtypes="unknown",
        local=None if own is None else Path(own),
    )


def write_radiographs(npz: Path, folder: Path, *, size: int) -> None:
    """Write the images of an npz file as {train,val,test}/{NORMAL,PNEUMONIA}/{split}-{number}.png.

    Numbers are positions in the arrays, from 1 on. Nothing in the file is run (no pickle).

    Parameters
    ----------
    npz
        File with {train,val,test}_images, uint8 [N, size, size], and {train,val,test}_labels,
        integers [N, 1] or [N], 0 (normal) or 1 (pneumonia).
    folder
        The folder to make; it is whole or not there.
    size
        Side of the images in pixels.

    Raises
    ------
    UserError
        If the file is no such file, or if there is no room.
    """
    with atomic_folder(folder) as place, _open(npz) as packed:
        for split in SPLITS:
            labels = _labels(npz, packed, split)
            images = _images(npz, packed, split, size)
            if len(images) != len(labels):
                counts = f"{len(images)} images and {len(labels)} labels"
                raise _refused(npz, f"{split}: {counts}", "one label for each image")
            for name in CLASSES:
                (place / split / name).mkdir(parents=True)
            for number, (image, label) in enumerate(zip(images, labels, strict=True), start=1):
                content = io.BytesIO()
                Image.fromarray(image).save(content, "PNG")
                file = place / split / CLASSES[label] / f"{split}-{number:05}.png"
                file.write_bytes(content.getvalue())


def _open(npz: Path) -> zipfile.ZipFile:
    try:
        packed = zipfile.ZipFile(npz)
    except _DAMAGE as error:
        raise _refused(npz, f"it cannot be read ({error})", "an npz file, whole") from error
    names = Counter(packed.namelist())
    if twice := [name for name, count in names.items() if count > 1]:
        packed.close()
        raise _refused(npz, f"it holds {twice[0]} more than once", "every array once")
    return packed


def _images(npz: Path, packed: zipfile.ZipFile, split: str, size: int) -> np.ndarray:
    def check(shape: tuple[int, ...], dtype: np.dtype) -> str:
        fits = len(shape) == 3 and shape[1:] == (size, size)
        return "" if fits and dtype == np.uint8 else f"uint8 [N, {size}, {size}]"

    return _array(npz, packed, f"{split}_images", check)


def _labels(npz: Path, packed: zipfile.ZipFile, split: str) -> np.ndarray:
    """Return the labels as [N]."""

    def check(shape: tuple[int, ...], dtype: np.dtype) -> str:
        fits = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
        return "" if fits and dtype.kind in "iu" else "integers [N, 1]"

    labels = _array(npz, packed, f"{split}_labels", check).reshape(-1)
    found = np.unique(labels)
    if not np.isin(found, (0, 1)).all():
        shown = ", ".join(map(str, found[:5]))
        raise _refused(npz, f"{split}_labels holds {shown}", "0 (normal) and 1 (pneumonia)")
    return labels


def _array(npz: Path, packed: zipfile.ZipFile, key: str, check: _Check) -> np.ndarray:
    """Return one array; `check` says what was expected instead of its shape and kind, or ""."""
    if f"{key}.npy" not in packed.namelist():
        there = ", ".join(sorted(name.removesuffix(".npy") for name in packed.namelist())[:10])
        raise _refused(npz, f"{key} is missing, it holds {there or 'nothing'}", "MedMNIST's keys")
    try:
        # The header first: it may ask for any amount of memory.
        with packed.open(f"{key}.npy") as stream:
            shape, dtype = read_header(stream)
        if expected := check(shape, dtype):
            raise _refused(npz, f"{key} is {dtype} {list(shape)}", expected)
        if not 0 < shape[0] <= MOST_IMAGES:
            raise _refused(npz, f"{key} has {shape[0]} entries", f"1 to {MOST_IMAGES}")
        with packed.open(f"{key}.npy") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except _DAMAGE as error:
        raise _refused(npz, f"{key} cannot be read ({error})", "an npz file, whole") from error


def _refused(npz: Path, what: str, expected: str) -> UserError:
    return UserError(
        f"the file is not PneumoniaMNIST: {what}",
        where=str(npz),
        expected=expected,
        remedy=f"take the file from {RECORD}, and set data.pneumoniamnist.size to its size",
    )
