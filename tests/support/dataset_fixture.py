"""Tiny data folders and manifests for the tests of the data side."""

from pathlib import Path

import numpy as np
from PIL import Image

from pneumobench.data.doorkeeper import Limits
from pneumobench.data.file_names import parse_stem
from pneumobench.data.index import index_dataset
from pneumobench.data.manifest import write_manifest
from pneumobench.data.sources.radiograph import FILE_NAME

LIMITS = Limits(
    minimum_px=32,
    maximum_megapixels=100,
    minimum_bits=8,
    minimum_spread=4.0,
    maximum_colour=0.1,
    maximum_megabytes=200,
)


def write_radiograph(
    path: Path, seed: int, width: int = 40, height: int = 36, mode: str = "L"
) -> Path:
    """Write a smooth random radiograph; its pixels follow from the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(
        path
    )
    return path


def kaggle_folder(root: Path, test: bool = True) -> Path:
    """Write five patients of each subtype into train, two into test."""
    seed = 0
    for split, numbers in (("train", range(10, 15)), ("test", range(2))):
        for number in numbers if test or split == "train" else ():
            for folder, stem in (
                ("NORMAL", f"IM-{number:04d}-0001"),
                ("PNEUMONIA", f"person{number}_bacteria_{number}"),
                ("PNEUMONIA", f"person{number}_virus_{number}"),
            ):
                seed += 1
                write_radiograph(root / split / folder / f"{stem}.png", seed)
    return root


DIRECTORY = {"source": "directory", "options": {"patient_pattern": None, "population": "children"}}


def index(root: Path, manifest: Path, **changes: object) -> Path:
    """Index a folder with the settings of the default configuration; source.json lies beside it."""
    settings = {
        **DIRECTORY,
        "reading": "whole",
        "limits": LIMITS,
        "maximum_rejected_fraction": 0.05,
        "workers": 2,
    } | changes
    index_dataset(manifest, manifest.with_name("source.json"), root=root, **settings)
    return manifest


def manifest_of(
    path: Path, radiographs: list[tuple[str, str, str]], pixels: dict[str, str]
) -> Path:
    """Write a manifest without images.

    Parameters
    ----------
    path
        The file to write.
    radiographs
        (stem, label, official split).
    pixels
        Digest of the pixels of some stems; the others are all different.
    """
    rows = []
    for stem, label, split in radiographs:
        named = parse_stem(stem)
        rows.append(
            dict.fromkeys(("sha256", "dhash", "mode", "mask_path", "boxes", "reason"), "")
            | {"image_id": stem, "path": f"{stem}.png", "label": label, "official_split": split}
            | {"subtype": named.subtype if named else "unknown", "status": "ok"}
            | {"patient_from": FILE_NAME if named else ""}
            | {"patient": named.patient if named else stem, "pixel_sha256": pixels.get(stem, stem)}
        )
    write_manifest(path, rows)
    return path
