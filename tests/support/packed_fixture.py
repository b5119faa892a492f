"""Packed images and the file that describes them, as pack_images writes both."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pneumobench.core.files import write_json
from pneumobench.data.squares import write_batches


def write_packed(path: Path, images: np.ndarray, names: Iterable[str]) -> None:
    """Write uint8 [N, S, S] and its .json file."""
    rows = list(names)
    size = images.shape[-1]
    record = write_batches(path, rows, size, 64, lambda part: images[part.start : part.stop])
    write_json(path.with_suffix(".json"), record)
