"""The phantoms: a folder like any other, with a mask for each radiograph that shows lesions."""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pneumobench.data.sources.directory import list_directory
from pneumobench.data.sources.radiograph import Listing
from pneumobench.data.sources.scan import scan_folder

MASKS = "../masks"


def list_phantoms(root: Path) -> Listing:
    """List the phantoms in `root`; masks of the same stem lie in ../masks.

    Raises
    ------
    UserError
        As for `list_directory`.
    """
    listing = list_directory(root, title="phantoms drawn by the pipeline", population="phantoms")
    masks = Path(os.path.normpath(Path(root) / MASKS))
    files = scan_folder(masks).files if masks.is_dir() else []
    of_stem = {PurePosixPath(path).stem: f"{MASKS}/{path}" for path, _ in files}
    radiographs = [
        replace(radiograph, mask_path=of_stem.get(radiograph.stem, ""))
        for radiograph in listing.radiographs
    ]
    return replace(listing, radiographs=radiographs)
