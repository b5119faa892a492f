"""Folders that hold masks, annotations, copies or maps of radiographs, by their names."""

import re

# The words of public data sets and of tools: COVID-19 Radiography, QU-Ex, Darwin, LabelMe, CVAT.
_MASKS = frozenset(("mask", "masks", "manualmask", "manualmasks"))
_HELPERS = _MASKS | frozenset(
    (
        *("annotation", "annotations", "label", "labels", "segmentation", "segmentations", "seg"),
        *("segs", "contour", "contours", "overlay", "overlays", "heatmap", "heatmaps", "saliency"),
        *("gradcam", "thumbnail", "thumbnails", "thumb", "thumbs", "preview", "previews"),
        *("augmented", "augmentation", "augmentations", "aug", "roi", "rois", "segmentationclass"),
        *("segmentationobject", "segmentationmask", "segmentationmasks", "imagesets"),
        *("visualisation", "visualisations", "visualization", "visualizations"),
    )
)
# Words that may stand beside one of those: masks_png, binary masks, GT segmentation.
_BESIDE = frozenset(
    (
        *("binary", "bin", "class", "data", "dir", "files", "folder", "gt", "ground", "image"),
        *("images", "img", "imgs", "instance", "jpeg", "jpg", "manual", "map", "maps", "object"),
        *("png", "semantic", "tif", "truth", "grad", "cam", "train", "test", "val"),
    )
)
# Words before a mask that a patient wears, or that is not there.
_WORN = frozenset(
    (
        "no",
        "without",
        "with",
        "oxygen",
        "face",
        "facial",
        "surgical",
        "venturi",
        "wearing",
        "patient",
    )
)
_LABELME = "_json"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def helper_folder(path: str) -> str:
    """Return the first folder of a path whose name is that of no radiographs, "" for none.

    >>> [helper_folder(f"Train/Normal/{name}/a.png") for name in ("lung masks", "images")]
    ['lung masks', '']
    """
    above = ""
    for name in path.split("/")[:-1]:
        if _is_helper(name) and not _is_month(name, above):
            return name
        above = name
    return ""


def _is_month(name: str, above: str) -> bool:
    """Tell August from augmented copies: Aug, Aug2019, 2019/aug."""
    if [word.lower() for word in _WORD.findall(name)] != ["aug"]:
        return False
    return "aug" not in name or any(map(str.isdigit, name)) or above.isdigit()


def _is_helper(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or (words == ["label"] and any(map(str.isdigit, name))):
        return False
    alone = set(words) <= _HELPERS | _BESIDE and not _HELPERS.isdisjoint(words)
    return (
        alone
        or "".join(words) in _HELPERS
        or (words[-1] in _MASKS and _WORN.isdisjoint(words))
        or name.lower().endswith(_LABELME)
    )
