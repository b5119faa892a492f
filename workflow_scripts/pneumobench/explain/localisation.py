"""Where on a radiograph a map lies: on the lesion, or where only a shortcut can be read.

Regions are bool [S, S] on the square that the network sees, maps (`saliency`) float [S, S], 0 or
above. Every measure is NaN where the question has no answer: for an empty map (all zero) and for an
empty region. A map of another shape than the region, or with values that are negative or no
numbers, is a ValueError.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from pneumobench.core.errors import UserError
from pneumobench.data.boxes import Box, describe_box, is_outside
from pneumobench.data.images import UnreadableImageError, decode_grey, resize_square

# Zhang et al. count a maximum as a hit up to 15 pixels from the object, on images of 224 pixels.
TOLERANCE = 15 / 224
BORDER = 0.08
# Width and height as shares of the image's. Phantoms carry their marker within 0.15 of the left or
# 0.17 of the right edge and within 0.32 of the upper one.
CORNER = (0.2, 1 / 3)

_COVERED = 128


def read_mask(
    path: Path, size: int, resize: str, *, radiograph_size: tuple[int, int] | None = None
) -> np.ndarray:
    """Read a lesion mask and bring it to the square as the radiograph was brought.

    Parameters
    ----------
    path
        Image of the radiograph's size, 255 = lesion.
    size, resize
        Of the square; see `pneumobench.data.images.resize_square`.
    radiograph_size
        Width and height of the radiograph in pixels, to be checked; None = not known.

    Returns
    -------
    numpy.ndarray
        bool [size, size], pixels that the lesion covers by half or more. A lesion smaller than a
        pixel of the square may vanish.

    Raises
    ------
    UserError
        If there is no such file, it is no image, or of another size than the radiograph.
    """
    remedy = "correct or remove the mask and run `snakemake --forcerun index_dataset`"
    try:
        mask = decode_grey(Path(path).read_bytes())[0]
    except (OSError, UnreadableImageError) as error:
        raise UserError(
            "a lesion mask cannot be read",
            where=f"{path}: {error}",
            expected="an image of the radiograph's size, 255 = lesion",
            remedy=remedy,
        ) from error
    height, width = mask.shape
    if radiograph_size not in (None, (width, height)):
        raise UserError(
            "a lesion mask and its radiograph differ in size",
            where=f"{path}: {width}x{height} pixels",
            expected="{}x{} pixels, as the radiograph".format(*radiograph_size),
            remedy=remedy,
        )
    return _to_square(mask >= _COVERED, size, resize)


def parse_boxes(text: str, image_id: str) -> list[Box]:
    """Read the manifest's column `boxes`: a JSON list of [x, y, width, height], empty = no box.

    Lengths are pixels of the original image, x and y those of the upper left corner, as in the RSNA
    pneumonia detection challenge.

    Raises
    ------
    UserError
        If the text is anything else.
    """
    if not text:
        return []
    try:
        boxes = [tuple(map(float, box)) for box in json.loads(text)]
        valid = all(
            len(box) == 4 and np.isfinite(box).all() and box[2] > 0 and box[3] > 0 for box in boxes
        )
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise UserError(
            f"the boxes of {image_id} cannot be read",
            where=f"manifest.csv, column boxes: {text}",
            expected="a JSON list of [x, y, width, height] in pixels, width and height above 0",
            remedy="correct the boxes in the source of the data and index it anew",
        )
    return boxes


def boxes_mask(boxes: Iterable[Box], width: int, height: int, size: int, resize: str) -> np.ndarray:
    """Draw boxes on the original image and bring them to the square as the image was brought.

    A pixel belongs to a box if its centre lies inside; what reaches over the edge is cut off.

    Parameters
    ----------
    boxes
        x, y, width and height in pixels of the original radiograph.
    width, height
        Of the original radiograph.
    size, resize
        Of the square; see `pneumobench.data.images.resize_square`.

    Returns
    -------
    numpy.ndarray
        bool [size, size].

    Raises
    ------
    UserError
        If a box lies outside the radiograph altogether.
    """
    radiograph = np.zeros((height, width), bool)
    for x, y, box_width, box_height in boxes:
        if is_outside((x, y, box_width, box_height), width, height):
            raise UserError(
                "a box lies outside its radiograph",
                where=describe_box((x, y, box_width, box_height)),
                expected=f"a box on the radiograph of {width}x{height} pixels",
                remedy="give boxes in pixels of the original radiograph, not of a resized copy",
            )
        columns, rows = (
            slice(max(0, int(np.ceil(first - 0.5))), int(np.ceil(first + length - 0.5)))
            for first, length in ((x, box_width), (y, box_height))
        )
        radiograph[rows, columns] = True
    return _to_square(radiograph, size, resize)


def corner_mask(width: int, height: int, size: int, resize: str) -> np.ndarray:
    """Mark where side markers stand: the image's four corners, 1/5 of its width, 1/3 of its height.

    All markers of phantoms lie inside. On real images some stand lower at the edge; they show in
    the share outside the body. Parameters as of `boxes_mask`; returns bool [size, size].
    """
    corner = CORNER[0] * width, CORNER[1] * height
    left_top = [(x, y) for x in (0, width - corner[0]) for y in (0, height - corner[1])]
    return boxes_mask([(*place, *corner) for place in left_top], width, height, size, resize)


def border_mask(width: int, height: int, size: int, resize: str) -> np.ndarray:
    """Mark the frame of what is visible, 8 % of its width and height, and what is outside.

    Outside are the black bars of `pad`; of `crop` the square itself has the frame. Parameters as of
    `boxes_mask`; returns bool [size, size].
    """
    if resize == "crop":
        width = height = size
    inner = (BORDER * width, BORDER * height, (1 - 2 * BORDER) * width, (1 - 2 * BORDER) * height)
    return ~boxes_mask([inner], width, height, size, resize)


def energy_inside(saliency: np.ndarray, region: np.ndarray) -> float:
    """Return the share of a map's sum inside a region, 0 to 1.

    The energy-based pointing game of Wang et al. 2020 (Score-CAM, arXiv:1910.01279).
    """
    if not _measurable(saliency, region):
        return np.nan
    return float(saliency[region].sum(dtype=float) / saliency.sum(dtype=float))


def pointing_game(saliency: np.ndarray, lesion: np.ndarray) -> float:
    """Return 1 if the map's maximum lies on the lesion or within 15/224 S pixels of it, else 0.

    Zhang et al. 2018 (Excitation Backprop, doi:10.1007/s11263-017-1059-x). Of several maxima the
    share that hits is returned: what breaking the tie by lot gives on average.
    """
    if not _measurable(saliency, lesion):
        return np.nan
    distance = ndimage.distance_transform_edt(~lesion)
    peaks = saliency == saliency.max()
    return float(np.mean(distance[peaks] <= TOLERANCE * len(saliency)))


def iou(saliency: np.ndarray, lesion: np.ndarray) -> float:
    """Return intersection over union, 0 to 1, of the lesion and the map's highest pixels.

    They are as many as the lesion has: its area takes the place of a free threshold. Of pixels
    tied at the cut the share that still fits counts, wherever they lie. Pixels of value 0 never
    count: a map that covers less than the lesion's area is taken as it is.
    """
    if not _measurable(saliency, lesion):
        return np.nan
    area = int(lesion.sum())
    positive = saliency[saliency > 0]
    cut, share = 0.0, 0.0
    if len(positive) > area:
        cut = np.partition(positive, -area)[-area]
        share = (area - np.sum(saliency > cut)) / np.sum(saliency == cut)
    overlap = np.sum(saliency[lesion] > cut) + share * np.sum(saliency[lesion] == cut)
    return float(overlap / (min(area, len(positive)) + area - overlap))


def lesion_measures(saliency: np.ndarray, lesion: np.ndarray | None) -> dict[str, float]:
    """Return how well a map marks the lesion, by name.

    Parameters
    ----------
    lesion
        None = not known or none.
    """
    lesion = np.zeros(saliency.shape, bool) if lesion is None else lesion
    return {
        "energy_inside": energy_inside(saliency, lesion),
        "pointing_game": pointing_game(saliency, lesion),
        "iou": iou(saliency, lesion),
    }


def shortcut_shares(
    saliency: np.ndarray, *, body: np.ndarray, border: np.ndarray, corners: np.ndarray
) -> dict[str, float]:
    """Return the shares of a map where no disease can be seen, by name.

    Parameters
    ----------
    body, border, corners
        Of `pneumobench.data.body.body_mask`, `border_mask` and `corner_mask`.
    """
    return {
        "energy_outside_body": energy_inside(saliency, ~body),
        "energy_border": energy_inside(saliency, border),
        "energy_corners": energy_inside(saliency, corners),
    }


def _measurable(saliency: np.ndarray, region: np.ndarray) -> bool:
    """Tell whether neither map nor region is empty, after checking both."""
    if saliency.shape != region.shape:
        raise ValueError(f"a map of shape {saliency.shape} and a region of shape {region.shape}")
    if not (np.isfinite(saliency).all() and saliency.min() >= 0):
        raise ValueError("a map has values that are negative or no numbers")
    return bool(saliency.any() and region.any())


def _to_square(radiograph: np.ndarray, size: int, resize: str) -> np.ndarray:
    """Bring a region of the image, bool [height, width], to the square; covered by half or more."""
    return resize_square(radiograph.astype(np.uint8) * 255, size, resize) >= _COVERED
