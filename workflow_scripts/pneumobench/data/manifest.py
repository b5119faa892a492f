"""The manifest as every later stage reads it: one row for each image file."""

from pathlib import Path

import pandas as pd

from pneumobench.core.files import read_table, write_table

TEXT_COLUMNS = (
    *("image_id", "path", "sha256", "pixel_sha256", "dhash", "label", "subtype", "patient"),
    *("patient_from", "official_split", "mode", "mask_path", "boxes", "status", "reason"),
)
NUMBER_COLUMNS = ("width", "height", "depth", "bytes")
NESTED_COPY = "nested copy of "


def write_manifest(path: Path, rows: list[dict[str, object]]) -> None:
    """Write one row for each image file, sorted by image_id."""
    table = pd.DataFrame(rows, columns=[*TEXT_COLUMNS, *NUMBER_COLUMNS])
    table[list(NUMBER_COLUMNS)] = table[list(NUMBER_COLUMNS)].astype("Int64")
    write_table(path, table.sort_values("image_id"))


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest: text as text; width, height (pixels), depth and bytes as nullable integers.

    `depth` is the number of bits that the grey values of the data set make use of; only images
    whose files do not state their own have it.
    """
    table = read_table(path, text=TEXT_COLUMNS)
    table[list(NUMBER_COLUMNS)] = table[list(NUMBER_COLUMNS)].astype("Int64")
    return table


def accepted_images(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of status ok: the images of every later stage, in their order there."""
    return manifest[manifest["status"] == "ok"].reset_index(drop=True)


def in_official_test(images: pd.DataFrame) -> pd.Series:
    """Tell which images the data's authors set aside for testing."""
    return images["official_split"] == "test"
