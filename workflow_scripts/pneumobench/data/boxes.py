"""Boxes around findings, in pixels of the radiograph that they belong to."""

import json
import math

from pneumobench.data.doorkeeper import UnreadableImageError

Box = tuple[float, float, float, float]


def is_outside(box: Box, width: int, height: int) -> bool:
    """Tell whether a box lies altogether outside a radiograph of `width` x `height` pixels."""
    x, y, box_width, box_height = box
    return x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0


def describe_box(box: Box) -> str:
    """Return a box in words.

    >>> describe_box((900.5, 20, 30, 40))
    'x 900.5, y 20, width 30, height 40'
    """
    x, y, width, height = box
    return f"x {x:g}, y {y:g}, width {width:g}, height {height:g}"


def check_boxes(text: str, width: int, height: int) -> None:
    """Refuse a radiograph with a box that cannot be one of it; what reaches over the edge may stay.

    Parameters
    ----------
    text
        JSON list of [x, y, width, height] in pixels, or "" for none; four numbers each.
    width, height
        Of the radiograph, in pixels.

    Raises
    ------
    UnreadableImageError
        If a box is not finite, has no positive size or lies outside the radiograph.
    """
    for box in json.loads(text) if text else ():
        if not all(map(math.isfinite, box)):
            fault = "is not finite"
        elif min(box[2:]) <= 0:
            fault = "has no positive size"
        elif is_outside(box, width, height):
            fault = "lies outside the picture"
        else:
            continue
        raise UnreadableImageError(
            f"its box {fault}: {describe_box(box)} on a radiograph of {width}x{height} pixels"
        )
