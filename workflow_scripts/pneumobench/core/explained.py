"""What explained.csv and maps.npz are to those who write and those who read them.

A row of explained.csv is a map. A run whose network has no maps has both files all the same:
explained.csv without rows, and in maps.npz the reason.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.arrays import Arrays, read_arrays
from pneumobench.core.files import broken
from pneumobench.core.ownership import check_owner
from pneumobench.core.run import Run

# Why an image was chosen: for this sample, as a mistake, or for its place in its outcome.
SAMPLE, MISTAKE = "sample", "mistake"
TEXT_COLUMNS = ("image_id", "path", "label", "subtype", "outcome", "chosen", "target")
COLUMNS = (
    "image_id", "fold", "logit", "label", "subtype", "path", "depth", "threshold", "outcome",
    "chosen", "probability", "target", "peak", "empty",
)  # fmt: skip
_REASON = "reason"
# In maps.npz: the images of the maps, the run, and a checksum of all other arrays.
IMAGES, _OWNER, _DIGEST = "image_ids", "run", "sha256"


def arrays_without_maps(reason: str) -> dict[str, np.ndarray]:
    """Return the content of maps.npz of a run whose network has no maps."""
    return {_REASON: np.array(reason), "joint": np.zeros((0, 1, 1), np.float32)}


def signed_arrays(
    arrays: dict[str, np.ndarray], run: Run, image_ids: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Return the content of maps.npz with whose it is, of which images, and a checksum."""
    whole = arrays | {
        _OWNER: np.array([run.model, run.recipe, str(run.seed)]),
        IMAGES: np.array(list(image_ids), dtype=str),
    }
    return whole | {_DIGEST: np.array(_digest(whole))}


@contextlib.contextmanager
def read_maps(maps: Path) -> Iterator[Arrays]:
    """Open maps.npz; files of earlier versions do not say whose they are and are believed.

    Raises
    ------
    UserError
        If it cannot be read, was changed, or is of another run than its folder.
    """
    with read_arrays(maps) as arrays:
        if _DIGEST in arrays.files:
            content = {name: arrays[name] for name in arrays.files if name != _DIGEST}
            if _digest(content) != str(arrays[_DIGEST]):
                raise broken(maps, "it was changed since it was written")
            check_owner(maps, dict(zip(("model", "recipe", "seed"), content[_OWNER], strict=True)))
        yield arrays


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode() + value.tobytes())
    return digest.hexdigest()


def why_no_maps(maps: str | Path) -> str:
    """Return why a run has no maps, by its maps.npz; empty where it has."""
    with read_maps(Path(maps)) as arrays:
        return str(arrays[_REASON]) if _REASON in arrays.files else ""


def in_sample(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the sample of each subtype, which is the same for all runs."""
    sampled = [SAMPLE in chosen.split("+") for chosen in table["chosen"]]
    return table.loc[np.array(sampled, dtype=bool)]
