"""The files that the maps of a run are made and measured from."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from pneumobench.core.files import read_table
from pneumobench.core.packed import PackedImages


@dataclass(frozen=True)
class RunInputs:
    """What every job on a run's maps reads.

    Attributes
    ----------
    folds
        The folders of its folds, with run.json and weights.safetensors.
    images, splits, manifest
        Packed images, uint8 [N, S, S], splits.csv with a row for each, and manifest.csv.
    """

    folds: list[Path]
    images: Path
    splits: Path
    manifest: Path

    @classmethod
    def of(cls, given: Any, **further: Any) -> Self:
        """Return the inputs of a job.

        Parameters
        ----------
        given
            Paths by the names of the attributes; the folds' by their files run.json.
        further
            Attributes that are no inputs.
        """
        names = {field.name for field in fields(cls)} - {"folds", *further}
        folds = [Path(path).parent for path in given.folds]
        return cls(folds=folds, **{name: Path(given[name]) for name in names}, **further)

    def packed(self, images: Path) -> PackedImages:
        """Open packed images of the table of splits."""
        table = read_table(self.splits, text=("image_id", "inner", "group"))
        return PackedImages(images, table["image_id"])
