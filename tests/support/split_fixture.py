"""Images of made-up patients, and their split."""

from pathlib import Path

from dataset_fixture import manifest_of

from pneumobench.core.files import read_table
from pneumobench.data.split import split_dataset

DEFAULTS = {"folds": 5, "seed": 42, "holdout_fraction": 0.2, "inner_fraction": 0.2}


def split(folder, radiographs, pixels=None, **changes):
    """Split a manifest of (stem, label, official split); return splits and both label tables."""
    folder = Path(folder)
    paths = [folder / f"{name}.csv" for name in ("splits", "development", "test")]
    manifest = manifest_of(folder / "manifest.csv", radiographs, pixels or {})
    split_dataset(manifest, *paths, **(DEFAULTS | changes))
    return [read_table(path, text=("image_id", "inner", "group", "patient")) for path in paths]


def radiographs_of(patients, images, official_split="train", first=0):
    """Return `images` radiographs of each of `patients` patients of each subtype."""
    return [
        radiograph
        for number in range(first, first + patients)
        for image in range(images)
        for radiograph in (
            (f"IM-{number:04d}-{image:04d}", "normal", official_split),
            (f"person{number}_bacteria_{image}", "pneumonia", official_split),
            (f"person{number}_virus_{image}", "pneumonia", official_split),
        )
    ]
